using System.Diagnostics;
using System.Runtime.InteropServices;
using FastRecurrence.Gpu;

namespace FastRecurrence.GpuCheck;

/// <summary>The whole visit to a machine: what is there, is it right, how fast is it, how fast are others.</summary>
internal static class Check
{
    /// <summary>0 when everything is right, 1 when something is wrong, 3 when there is nothing to check.</summary>
    public static int Run(Options options)
    {
        using var report = new Report();
        var clock = Stopwatch.StartNew();
        report.Line("# gpu-check");
        report.Line();
        report.Line($"{DateTime.UtcNow:yyyy-MM-dd HH:mm} UTC, {RuntimeInformation.OSDescription}, .NET {Environment.Version}, {Environment.ProcessorCount} processors, command: gpu-check run{(options.Device is null ? "" : " --device " + options.Device)}{(options.Quick ? " --quick" : "")}");
        report.Line();
        foreach (GpuBackend backend in GpuBackends.All)
            report.Line($"- {backend.Name}: {(backend.IsAvailable ? backend.Description : "missing: " + backend.UnavailableReason)}");
        report.Line();

        List<GpuBackend> chosen = Choose(options);
        if (chosen.Count == 0)
        {
            report.Line(options.Device is null
                ? "Nothing to check: this needs an NVIDIA GPU with its driver (libcuda.so.1), or --device with one of the names above."
                : $"Nothing to check: {options.Device} is not available here; the list above says why.");
            return 3;
        }

        bool right = true;
        foreach (GpuBackend backend in chosen)
            right &= Guarded(report, $"verifying {backend.Name}", () => Verification.Run(backend, options, report));
        // Beyond CUDA no grid is promised; one named device is a rehearsal.
        foreach (GpuBackend backend in chosen.Where(b => b.DeviceKind == DeviceKind.Cuda || options.Device is not null))
            right &= Guarded(report, $"verifying both directions on {backend.Name}", () => BothDirections.Verify(backend, options, report));
        foreach (GpuBackend backend in chosen)
            right &= Guarded(report, $"verifying input GEMMs on {backend.Name}", () => InputGemms.Verify(backend, options, report));
        GpuBackend timed = chosen[0];
        Dictionary<(int H, int N), double> ours = [];
        right &= Guarded(report, $"timing {timed.Name}", () =>
        {
            ours = Timing.Run(timed, options, clock, report);
            return true;
        });
        if (timed.DeviceKind == DeviceKind.Cuda || options.Device is not null)
        {
            right &= Guarded(report, $"timing both directions on {timed.Name}", () =>
            {
                BothDirections.Time(timed, options, clock, report);
                return true;
            });
        }

        right &= Guarded(report, $"timing input GEMMs on {timed.Name}", () =>
        {
            InputGemms.Time(timed, options, clock, report);
            return true;
        });
        Peers.Run(options, clock, ours, report);
        report.Line(right ? $"Everything is right. {clock.Elapsed.TotalSeconds:0} s." : "SOMETHING IS WRONG: see above.");
        return right ? 0 : 1;
    }

    private static List<GpuBackend> Choose(Options options) => options.Device is not null
        ? [.. GpuBackends.All.Where(b => b.IsAvailable && b.Name == options.Device)]
        : [.. GpuBackends.All.Where(b => b.IsAvailable && (b.DeviceKind == DeviceKind.Cuda
            || (b.DeviceKind == DeviceKind.OpenCl && b.Description.Contains("NVIDIA", StringComparison.OrdinalIgnoreCase))))];

    /// <summary>One failing part must not take the others' results along.</summary>
    private static bool Guarded(Report report, string what, Func<bool> part)
    {
        try
        {
            return part();
        }
        catch (Exception e) when (e is DeviceException or NotSupportedException or InvalidOperationException)
        {
            report.Line($"FAILED while {what}: {e.Message}");
            report.Line();
            return false;
        }
    }
}
