using System.Diagnostics;

namespace FastRecurrence.Bench.Peers.Training;

/// <summary>libtorch in a process of its own, with one setting of glibc's allocator. One that ends is started again for the next problem.</summary>
internal sealed class TorchProcess(string name, string? tunables) : IDisposable
{
    /// <summary>The variable that sets glibc's allocator.</summary>
    private const string Variable = "GLIBC_TUNABLES";

    /// <summary>No memory goes back to the system, and none comes from it but at first: what other allocators do.</summary>
    public const string KeptHeap = "glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=8589934592:glibc.malloc.top_pad=268435456";

    private Process? _process;
    private BinaryReader? _reader;
    private BinaryWriter? _writer;

    /// <summary>As the result file has it.</summary>
    public string Name => name;

    /// <summary>The allocator's setting in words.</summary>
    public string Setting => tunables is null ? $"{Variable} as found ({Environment.GetEnvironmentVariable(Variable) ?? "not set"})" : $"{Variable}={tunables}";

    /// <summary>What answers; null before it was started.</summary>
    public string? Version { get; private set; }

    /// <summary>Why nothing answers at all; null where it does.</summary>
    public string? Absence { get; private set; }

    /// <summary>Makes the process ready for a problem. Null where torch is absent.</summary>
    public ITrainingEngine? Prepare(TrainingProblem problem)
    {
        if (_process is null or { HasExited: true })
            Start();
        if (Absence is not null)
            return null;
        Ask(TorchServer.Prepare, problem.Write);
        return new Engine(this);
    }

    public void Dispose() => End();

    private void Start()
    {
        End();
        var start = new ProcessStartInfo(Environment.ProcessPath!) { RedirectStandardInput = true, RedirectStandardOutput = true, UseShellExecute = false };
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            start.ArgumentList.Add(typeof(TorchProcess).Assembly.Location);
        start.ArgumentList.Add(TorchServer.Command);
        if (tunables is not null)
            start.Environment[Variable] = tunables;
        // Collections then happen where this program allocates, never while libtorch works on the handle of a wrapper that nobody refers to any more.
        start.Environment["DOTNET_gcConcurrent"] = "0";
        _process = Process.Start(start)!;
        (_reader, _writer) = (new BinaryReader(new BufferedStream(_process.StandardOutput.BaseStream, 1 << 20)), new BinaryWriter(_process.StandardInput.BaseStream));
        bool loads = _reader.ReadBoolean();
        string text = _reader.ReadString();
        (Version, Absence) = (loads ? text : null, loads ? null : text);
    }

    private void Ask(byte request, Action<BinaryWriter> arguments)
    {
        try
        {
            _writer!.Write(request);
            arguments(_writer);
            _writer.Flush();
            if (!_reader!.ReadBoolean())
                throw new InvalidOperationException($"{name}: {_reader.ReadString()}");
        }
        catch (IOException e)
        {
            throw Ended(e);
        }
    }

    private IOException Ended(IOException e)
    {
        _process!.WaitForExit(1000);
        return new IOException($"{name}: its process has ended{(_process.HasExited ? $" with exit code {_process.ExitCode}" : "")}", e);
    }

    private void End()
    {
        if (_process is null)
            return;
        _process.StandardInput.Close();
        if (!_process.WaitForExit(5000))
            _process.Kill();
        _process.Dispose();
        _process = null;
    }

    private sealed class Engine(TorchProcess process) : ITrainingEngine
    {
        public string Name => process.Name;

        public StepResults Results()
        {
            process.Ask(TorchServer.Results, _ => { });
            return StepResults.Read(process._reader!);
        }

        public StepTimes Time(int steps)
        {
            process.Ask(TorchServer.Time, writer => writer.Write(steps));
            return StepTimes.Read(process._reader!);
        }

        public void Dispose()
        {
            // The process keeps the layer until the next problem.
        }
    }
}
