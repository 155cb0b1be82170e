using FastRecurrence.Gpu;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Gpu;

/// <summary>Every promise again for each kernel, forced; problems that a kernel cannot take are left to the others.</summary>
public abstract class KernelContract : BackendContract
{
    private protected abstract KernelKind Kernel { get; }

    protected override Backend Backend => Named.Gpu("opencl:0").Force(Kernel);

    protected override double Tolerance => 2e-6;

    protected override IEnumerable<Problem> Problems => Problem.Sizes().Where(Takes);

    protected override IEnumerable<Problem> Variations => Problem.Variations().Where(Takes);

    private bool Takes(Problem p)
    {
        using var layer = (GpuLayer)Backend.Prepare(p.Weights);
        return layer.Plan(p.N).Kind == Kernel;
    }

    [Fact]
    public void The_kernel_takes_a_fair_part_of_the_problems()
    {
        if (Backend.IsAvailable)
            Assert.InRange(Problem.Sizes().Count(Takes), 10, int.MaxValue);
    }
}

[Collection("devices")]
public sealed class TileContract : KernelContract
{
    private protected override KernelKind Kernel => KernelKind.Tile;
}

[Collection("devices")]
public sealed class SliceContract : KernelContract
{
    private protected override KernelKind Kernel => KernelKind.Slice;
}

[Collection("devices")]
public sealed class GroupContract : KernelContract
{
    private protected override KernelKind Kernel => KernelKind.Group;
}

/// <summary>Within the residency rule: as many groups as the device runs at once, two of eight quads here.</summary>
[Collection("devices")]
public sealed class GridContract : KernelContract
{
    private protected override KernelKind Kernel => KernelKind.Grid;

    protected override (int T, int N, int I, int H) One => (6, 2, 11, 12);
}
