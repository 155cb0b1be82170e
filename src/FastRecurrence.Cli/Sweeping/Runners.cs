using FastRecurrence.Cli.Stacks;
using FastRecurrence.Gpu;

namespace FastRecurrence.Cli.Sweeping;

/// <summary>From the names of a plan to what runs.</summary>
internal static class Runners
{
    /// <exception cref="NotSupportedException">The backend does not run such a problem.</exception>
    public static IRunner Create(PlannedPoint point, StackData data, Func<int, WorkerTeam?> team)
    {
        Backend backend = BackendList.All.FirstOrDefault(b => b.Name == point.Backend)
            ?? throw new BackendUnavailableException(point.Backend, "no backend has this name");
        return new StackRunner(backend, data, team(point.Threads));
    }

    /// <summary>Whether something other than this library's CPU kernels computes.</summary>
    public static bool IsDeviceOrPeer(string backend) => BackendList.All.FirstOrDefault(b => b.Name == backend) is null or GpuBackend;

    /// <summary>Whether a backend takes a team of threads: the kernels do; the reference and devices do not.</summary>
    public static bool TakesThreads(Backend backend) => backend is not GpuBackend && backend != Backend.Reference;
}
