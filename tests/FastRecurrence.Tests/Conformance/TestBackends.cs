using FastRecurrence.Gpu;

namespace FastRecurrence.Tests.Conformance;

/// <summary>The backends that composed and imported layers are tested on: all that are here, but for the emulator, which takes a second for each case.</summary>
internal static class TestBackends
{
    public static IEnumerable<Backend> Complete =>
        Backend.All.Concat(GpuBackends.All.Where(b => b.Name != "ilgpu-cpu")).Where(b => b.IsAvailable);

    /// <summary>The CPU's alone, where bits are compared.</summary>
    public static IEnumerable<Backend> Core => Backend.All.Where(b => b.IsAvailable);

    /// <summary>Names for theories.</summary>
    public static TheoryData<string> CompleteNames => [.. Complete.Select(b => b.Name)];

    /// <summary>Names for theories.</summary>
    public static TheoryData<string> CoreNames => [.. Core.Select(b => b.Name)];

    public static Backend Named(string name) => Backend.All.Concat(GpuBackends.All).Single(b => b.Name == name);

    public static double Tolerance(Backend backend) => TestKit.Tolerance.CommonOf(backend);
}
