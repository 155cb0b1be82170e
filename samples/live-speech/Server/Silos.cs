using System.Diagnostics;
using System.Globalization;
using FastRecurrence;
using FastRecurrence.Orleans;
using Orleans.Configuration;
using Orleans.Hosting;
using StackExchange.Redis;
using VoiceActivity;

namespace LiveSpeech.Server;

/// <summary>
/// Silos as processes of their own. With Redis any of them may die; without, the first one keeps the list of silos, and checkpoints go to a file.
/// </summary>
internal static class Silos
{
    private const int FirstSiloPort = 11111, FirstGatewayPort = 30000;
    private const string Cluster = "live-speech";

    /// <summary>One silo, in this process, until it is told to end.</summary>
    public static async Task RunAsync(string model, int number, string? redis, string file)
    {
        using var silero = new SileroModel(model, Backend.Simd);
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders().AddSimpleConsole(o => o.SingleLine = true).SetMinimumLevel(LogLevel.Warning);
        builder.UseOrleans(silo =>
        {
            if (redis is null)
            {
                silo.UseOneMachineForStreams(file, FirstSiloPort + number, FirstGatewayPort + number, FirstSiloPort);
            }
            else
            {
                silo.ConfigureEndpoints(System.Net.IPAddress.Loopback, FirstSiloPort + number, FirstGatewayPort + number);
                silo.UseRedisClustering(o => o.ConfigurationOptions = ConfigurationOptions.Parse(redis));
                silo.AddRedisGrainStorage(ClusterStreamOptions.DefaultStorageName, o => o.ConfigurationOptions = ConfigurationOptions.Parse(redis));
            }

            silo.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (Cluster, Cluster));
            silo.AddFastRecurrenceStreams(_ => silero.Stack);
        });
        using IHost host = builder.Build();
        await host.StartAsync();
        Console.WriteLine($"silo {number}: ready, process {Environment.ProcessId}");
        await host.WaitForShutdownAsync();
    }

    /// <summary>Starts silo processes; the first one first, since the others look for it.</summary>
    public static async Task<List<Process>> StartAsync(string model, int count, string? redis)
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("live-speech").FullName, "streams.db");
        var processes = new List<Process>();
        for (int k = 0; k < count; k++)
        {
            var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardOutput = true };
            if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
                start.ArgumentList.Add(typeof(Silos).Assembly.Location);
            foreach (string argument in (string[])["silo", model, k.ToString(CultureInfo.InvariantCulture), file, .. redis is null ? Array.Empty<string>() : [redis]])
                start.ArgumentList.Add(argument);
            Process process = Process.Start(start)!;
            processes.Add(process);
            string? line = await process.StandardOutput.ReadLineAsync();
            Console.WriteLine(line ?? $"silo {k} ended");
            process.OutputDataReceived += (_, said) => Console.WriteLine(said.Data);
            process.BeginOutputReadLine();
        }

        return processes;
    }

    /// <summary>A client of the silos.</summary>
    public static async Task<IHost> ConnectAsync(int count, string? redis)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(client =>
        {
            if (redis is null)
                client.UseLocalhostClustering([.. Enumerable.Range(FirstGatewayPort, count)], Cluster, Cluster);
            else
                client.UseRedisClustering(o => o.ConfigurationOptions = ConfigurationOptions.Parse(redis));
            client.Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (Cluster, Cluster));
        });
        IHost host = builder.Build();
        await host.StartAsync();
        return host;
    }
}
