using FastRecurrence.Cli.Peers;
using FastRecurrence.Gpu;

namespace FastRecurrence.Cli.Sweeping;

/// <summary>From the names of a plan to what runs.</summary>
internal static class Runners
{
    /// <exception cref="NotSupportedException">The backend does not run such a problem.</exception>
    public static IRunner Create(PlannedPoint point, StackData data, Func<int, WorkerTeam?> team)
    {
        return BackendList.All.FirstOrDefault(b => b.Name == point.Backend) is { } backend
            ? new StackRunner(backend, data, team(point.Threads), WeightType.Find(point.Weights).Format)
            : PeerAssembly.Find(point.Backend).Create(data, point.Threads);
    }

    /// <summary>How far from the reference a right result of a backend or a peer may lie.</summary>
    /// <param name="point">Who computes, and with what weights.</param>
    /// <param name="size">What.</param>
    /// <param name="deviation">Of the problem's own rounding.</param>
    public static double ToleranceOf(PlannedPoint point, ProblemSize size, double deviation)
    {
        Backend? backend = BackendList.All.FirstOrDefault(b => b.Name == point.Backend);
        double tolerance = Tolerance.Of(backend is null or GpuBackend, deviation) + Tolerance.OfFormat(WeightType.Find(point.Weights).Format) * size.Layers;
        return backend is null ? Math.Max(tolerance, Tolerance.PeerFloor * size.Layers) : tolerance;
    }

    /// <summary>Whether a backend takes a team of threads: the kernels do; the reference and devices do not.</summary>
    public static bool TakesThreads(Backend backend) => backend is not GpuBackend && backend != Backend.Reference;
}
