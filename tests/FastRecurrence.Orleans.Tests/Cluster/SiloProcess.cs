using System.Diagnostics;
using System.Globalization;
using System.Text;

namespace FastRecurrence.Orleans.Tests.Cluster;

/// <summary>A silo as a process of its own.</summary>
internal sealed class SiloProcess : IDisposable
{
    private readonly Process _process;
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly StringBuilder _said = new();

    /// <summary>In its own folder: beside the tests it would lack what they have from the web's shared framework.</summary>
    private static string Program { get; } =
        Path.GetFullPath(Path.Combine(AppContext.BaseDirectory, "..", "..", "StreamSilo", Path.GetFileName(AppContext.BaseDirectory.TrimEnd('/')), "StreamSilo.dll"));

    public SiloProcess(int redisPort, string cluster)
    {
        var start = new ProcessStartInfo("dotnet") { RedirectStandardOutput = true, RedirectStandardError = true };
        foreach (string argument in (string[])[Program, Text(redisPort), cluster, Text(Ports.Free()), Text(Ports.Free())])
            start.ArgumentList.Add(argument);
        _process = Process.Start(start)!;
        _process.EnableRaisingEvents = true;
        _process.Exited += (_, _) => _ready.TrySetException(new InvalidOperationException("the silo ended: " + _said));
        _process.OutputDataReceived += (_, line) =>
        {
            if (line.Data == "ready")
                _ready.TrySetResult();
        };
        _process.ErrorDataReceived += (_, line) =>
        {
            lock (_said)
                _said.AppendLine(line.Data);
        };
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
    }

    public Task Ready => _ready.Task.WaitAsync(TimeSpan.FromSeconds(60));

    /// <summary>kill -9: nothing is said to anybody and nothing is saved.</summary>
    public void Kill()
    {
        Signals.Send("KILL", _process.Id);
        _process.WaitForExit();
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
    }

    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
