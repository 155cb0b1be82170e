using System.Diagnostics;
using System.Globalization;
using LiveSpeech.Load;
using LiveSpeech.Server;

namespace LiveSpeech;

/// <summary>Is somebody speaking? Silero VAD for many connections at once, its LSTM as live streams; see README.md.</summary>
internal static class Program
{
    private const string Usage = """
        usage: live-speech serve MODEL.onnx [--url http://localhost:5080] [--silos N [--redis HOST:PORT]]
               live-speech load RECORDING.wav --golden PROBABILITIES.csv [--url http://localhost:5080] [--connections 100] [--seconds 60] [--fast]
                                [--message-ms 32] [--json FILE]
        """;

    private static async Task<int> Main(string[] args)
    {
        try
        {
            switch (args)
            {
                case ["serve", string model, .. string[] rest]:
                    var serve = new Options(rest, ["--url", "--silos", "--redis"], []);
                    await ServeAsync(model, serve.Text("--url") ?? "http://localhost:5080", serve.Number("--silos", 0), serve.Text("--redis"));
                    return 0;
                case ["silo", string model, string number, string file, .. string[] redis]:
                    await Silos.RunAsync(model, int.Parse(number, CultureInfo.InvariantCulture), redis.FirstOrDefault(), file);
                    return 0;
                case ["load", string recording, .. string[] rest]:
                    var load = new Options(rest, ["--golden", "--url", "--connections", "--seconds", "--message-ms", "--json"], ["--fast"]);
                    LoadResult result = await LoadGenerator.RunAsync(new LoadOptions(
                        recording, load.Text("--golden") ?? throw new ArgumentException("load needs --golden"), load.Text("--url") ?? "http://localhost:5080",
                        load.Number("--connections", 100), load.Number("--seconds", 60), load.Has("--fast"), load.Number("--message-ms", 32)), CancellationToken.None);
                    Console.WriteLine(result);
                    if (load.Text("--json") is { } path)
                        await File.WriteAllTextAsync(path, result.ToJson());
                    return result.IsRight ? 0 : 4;
                default:
                    Console.Error.WriteLine(Usage);
                    return 2;
            }
        }
        catch (ArgumentException e)
        {
            Console.Error.WriteLine(e.Message);
            Console.Error.WriteLine(Usage);
            return 2;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or UnauthorizedAccessException or FastRecurrence.ModelFormatException)
        {
            Console.Error.WriteLine(e.Message);
            return 1;
        }
    }

    private static async Task ServeAsync(string model, string url, int silos, string? redis)
    {
        List<Process> processes = silos == 0 ? [] : await Silos.StartAsync(model, silos, redis);
        try
        {
            using IHost? client = silos == 0 ? null : await Silos.ConnectAsync(silos, redis);
            await using var server = new SpeechServer(model, url, client is null ? null : () => new ClusterStates(client.Services.GetRequiredService<Orleans.IGrainFactory>()));
            await server.StartAsync();
            Console.WriteLine($"{server.Url}  page\n{server.Url}/metrics.html  live metrics\nCtrl+C ends it.");
            await server.WaitAsync();
        }
        finally
        {
            foreach (Process process in processes.Where(p => !p.HasExited))
                process.Kill();
        }
    }
}
