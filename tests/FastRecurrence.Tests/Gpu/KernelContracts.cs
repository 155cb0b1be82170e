using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Gpu;

/// <summary>Every promise again for each kernel, forced; problems that a kernel cannot take are left to the others.</summary>
public abstract class KernelContract : BackendContract
{
    private protected abstract KernelFamily Kernel { get; }

    protected override Backend Backend => Named.Gpu("opencl:0").Force(Kernel);

    protected override IEnumerable<Problem> Problems => Problem.Sizes().Where(Takes);

    protected override IEnumerable<Problem> Variations => Problem.Variations().Where(Takes);

    private bool Takes(Problem p) => ((GpuBackend)Backend).Choice(p.Shape, p.N).Family == Kernel;

    [Fact]
    public void The_kernel_takes_a_fair_part_of_the_problems()
    {
        if (!Backend.IsAvailable)
            Assert.Skip($"{Backend.Name}: {Backend.UnavailableReason}");
        Assert.InRange(Problem.Sizes().Count(Takes), 10, int.MaxValue);
    }
}

[Collection("devices")]
public sealed class TileContract : KernelContract
{
    private protected override KernelFamily Kernel => TiledStep.Family;
}

[Collection("devices")]
public sealed class SliceContract : KernelContract
{
    private protected override KernelFamily Kernel => SplitKStep.Family;
}

[Collection("devices")]
public sealed class GroupContract : KernelContract
{
    private protected override KernelFamily Kernel => BlockPersistent.Family;

    [Fact]
    public void What_other_runs_left_in_shared_memory_is_never_read()
    {
        if (!Backend.IsAvailable)
            Assert.Skip($"{Backend.Name}: {Backend.UnavailableReason}");
        // Sizes whose chunks in registers are more than they need; the full one leaves NaN everywhere.
        var full = new Problem(LayerShape.Elman(2, 128), T: 2, N: 5);
        using RecurrentLayer poison = Backend.Prepare(full.Weights);
        foreach (LayerShape shape in (LayerShape[])[LayerShape.Elman(2, 100), LayerShape.Elman(2, 65), LayerShape.Lstm(2, 70), LayerShape.Lstm(2, 5), LayerShape.Elman(2, 130)])
        {
            float[] input = new float[full.Input.Length], ignored = new float[full.Exact.Output.Length];
            Array.Fill(input, float.NaN);
            using (LayerState state = poison.CreateState(full.N))
                poison.Run(state, full.T, input, ignored);
            var p = new Problem(shape, T: 2, N: 5);
            using RecurrentLayer layer = Backend.Prepare(p.Weights);
            float[] output = Run(layer, p);
            for (int i = 0; i < output.Length; i++)
                Assert.True(Tolerance.Error(p.Exact.Output[i], output[i]) <= Limit(p.Deviation), $"{p}: h[{i}] is {output[i]}, exact {p.Exact.Output[i]}");
        }
    }
}

/// <summary>Within the residency rule: as many groups as the device runs at once, two of eight float4 columns here.</summary>
[Collection("devices")]
public sealed class GridContract : KernelContract
{
    private protected override KernelFamily Kernel => GridPersistent.Family;

    protected override (int T, int N, int I, int H) One => (6, 2, 11, 12);
}
