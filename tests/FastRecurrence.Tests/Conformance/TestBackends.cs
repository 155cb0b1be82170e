using FastRecurrence.Gpu;

namespace FastRecurrence.Tests.Conformance;

/// <summary>The backends that composed and imported layers are tested on.</summary>
internal static class TestBackends
{
    /// <summary>Whether the device kernels run every cell and every way of walking; until then only the CPU's do.</summary>
    private static bool DevicesRunEverything => false;

    /// <summary>Backends that run every layer. The emulator is left out: a second for each case.</summary>
    public static IEnumerable<Backend> Complete =>
        Backend.All.Concat(GpuBackends.All.Where(b => DevicesRunEverything && b.Name != "ilgpu-cpu")).Where(b => b.IsAvailable);

    /// <summary>Backends that run dense, forward, standard LSTM and Elman layers.</summary>
    public static IEnumerable<Backend> Core => Backend.All.Where(b => b.IsAvailable);

    /// <summary>Names for theories.</summary>
    public static TheoryData<string> CompleteNames => [.. Complete.Select(b => b.Name)];

    /// <summary>Names for theories.</summary>
    public static TheoryData<string> CoreNames => [.. Core.Select(b => b.Name)];

    public static Backend Named(string name) => Backend.All.Concat(GpuBackends.All).Single(b => b.Name == name);

    public static double Tolerance(Backend backend) => backend is GpuBackend ? 2e-6 : 1e-6;
}
