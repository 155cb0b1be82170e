using System.Diagnostics;
using FastRecurrence.Gpu;
using FastRecurrence.GpuCheck.Results;
using FastRecurrence.GpuCheck.Timing;
using FastRecurrence.GpuCheck.Verifying;

namespace FastRecurrence.GpuCheck;

/// <summary>The whole visit to a machine: how fast, beside torch, and right or not.</summary>
internal static class Check
{
    private static readonly Dictionary<Part, Action<Visit>> s_parts = new()
    {
        [Part.Lstm] = LayerTiming.Lstm,
        [Part.Elman] = LayerTiming.Elman,
        [Part.Gru] = LayerTiming.Gru,
        [Part.LstmBfloat16] = LayerTiming.LstmBfloat16,
        [Part.Directions] = DirectionsTiming.Run,
        [Part.Latency] = LatencyTiming.Run,
        [Part.Gemm] = GemmTiming.Run,
        [Part.Verify] = KernelVerification.Run,
        [Part.VerifyDirections] = DirectionsVerification.Run,
        [Part.VerifyGemm] = GemmVerification.Run,
        [Part.Torch] = TorchModes.Run,
        [Part.Families] = LayerTiming.Families,
    };

    /// <summary>0 when everything is right, 1 when something is wrong, 3 when there is nothing to check.</summary>
    public static int Run(Options options) => Run(options, Console.Out);

    /// <summary>As <see cref="Run(Options)"/>, with its lines to any writer.</summary>
    public static int Run(Options options, TextWriter screen)
    {
        List<GpuBackend> backends = Choose(options.Device);
        Machine machine = Machine.Here;
        GpuBackend? timed = backends.FirstOrDefault();
        var document = new CheckDocument(
            $"{DateTime.UtcNow:yyyy-MM-ddTHH:mm:ssZ}", "gpu-check " + string.Join(' ', Environment.GetCommandLineArgs()[1..]), options.Commit ?? machine.Commit,
            timed is null ? null : $"{timed.Name}, {timed.Description}", Driver(), machine,
            [.. GpuBackends.All.Select(b => $"{b.Name}: {(b.IsAvailable ? b.Description : "missing: " + b.UnavailableReason)}")]);
        var journal = new Journal(options.Folder, document, screen);
        if (timed is null)
        {
            document.Verdict = options.Device is null
                ? "Nothing to check: this needs an NVIDIA GPU with its driver (libcuda.so.1), or --device with one of the names above."
                : $"Nothing to check: {options.Device} is not available here; the list above says why.";
            return End(journal, 3);
        }

        // Its seconds of loading pass while the first kernels compile.
        using TorchProcess? torch = options.Parts.Contains(Part.Torch) ? new TorchProcess(TimeSpan.FromSeconds(90)) : null;
        foreach ((Part part, GpuBackend backend, TimeSpan end) in Schedule.Of(options.Parts, backends, TimeSpan.FromMinutes(options.Minutes)))
        {
            var visit = new Visit(part, backend, options, journal, torch, end);
            visit.Attempt(visit.Record(), () => s_parts[part](visit));
            if (torch is not null && document.Torch is null)
                document.Torch = torch.Greet() ?? $"not timed: {torch.Absence}";
        }

        bool verified = document.Records.Any(r => r.Verification is not null);
        string verdict = !journal.IsRight ? "SOMETHING IS WRONG: see below." : verified ? "Everything that was verified is right." : "Nothing was verified.";
        document.Verdict = $"{verdict} {journal.Elapsed.TotalSeconds:0} s.";
        return End(journal, journal.IsRight ? 0 : 1);
    }

    private static int End(Journal journal, int exit)
    {
        journal.Say(journal.Document.Verdict!);
        journal.Save();
        return exit;
    }

    /// <summary>The named backend; without a name CUDA's devices, and NVIDIA's through OpenCL.</summary>
    private static List<GpuBackend> Choose(string? device) => device is not null
        ? [.. GpuBackends.All.Where(b => b.IsAvailable && b.Name == device)]
        : [.. GpuBackends.All.Where(b => b.IsAvailable && (b.DeviceKind == DeviceKind.Cuda
            || (b.DeviceKind == DeviceKind.OpenCl && b.Description.Contains("NVIDIA", StringComparison.OrdinalIgnoreCase))))];

    /// <summary>The version of NVIDIA's driver, as Linux or its own tool says it; null where neither does.</summary>
    private static string? Driver()
    {
        const string File = "/proc/driver/nvidia/version";
        if (System.IO.File.Exists(File))
            return System.IO.File.ReadLines(File).FirstOrDefault();
        try
        {
            var start = new ProcessStartInfo("nvidia-smi", ["--query-gpu=driver_version", "--format=csv,noheader"]) { RedirectStandardOutput = true };
            using Process? tool = Process.Start(start);
            return tool?.StandardOutput.ReadLine();
        }
        catch (Exception e) when (e is System.ComponentModel.Win32Exception)
        {
            return null;
        }
    }
}
