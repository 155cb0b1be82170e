using System.Diagnostics;
using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace FastRecurrence.Orleans.Tests.Cluster;

/// <summary>A Redis of its own on a free loopback port, which keeps what it confirmed.</summary>
internal sealed class Redis : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("redis").FullName;
    private readonly Process _process;

    private Redis(string program)
    {
        var start = new ProcessStartInfo(program) { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])["--port", Port.ToString(CultureInfo.InvariantCulture), "--bind", "127.0.0.1", "--dir", _folder, "--save", "", "--appendonly", "yes"])
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        _process.OutputDataReceived += (_, _) => { };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public int Port { get; } = Ports.Free();

    /// <summary>Starts one, or skips the test, visibly.</summary>
    public static async Task<Redis> Start()
    {
        string? program = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, "redis-server")).FirstOrDefault(File.Exists);
        if (program is null)
            Assert.Skip("redis-server is not installed (Debian: apt-get install redis-server); the cluster was not tested on a store that outlives its silos");
        var redis = new Redis(program);
        for (int attempt = 0; attempt < 100; attempt++)
        {
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync(IPAddress.Loopback, redis.Port);
                return redis;
            }
            catch (SocketException)
            {
                await Task.Delay(50);
            }
        }

        await redis.DisposeAsync();
        throw new InvalidOperationException("Redis did not start");
    }

    /// <summary>It hangs: connections stay, nothing is answered.</summary>
    public void Stop() => Signals.Send("STOP", _process.Id);

    public void Continue() => Signals.Send("CONT", _process.Id);

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}

internal static class Signals
{
    public static void Send(string signal, int process)
    {
        using Process kill = Process.Start("kill", ["-" + signal, process.ToString(CultureInfo.InvariantCulture)]);
        kill.WaitForExit();
        Assert.Equal(0, kill.ExitCode);
    }
}
