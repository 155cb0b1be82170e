using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Gpu;

/// <summary>The persistent grid on PoCL, within its residency rule: one and two groups that exchange h.</summary>
[Collection("devices")]
public sealed class GridTests
{
    // Polls: a busy machine may take a group's thread away for a while.
    private const int Patience = 1 << 26;

    public static TheoryData<int, int, int> Sizes => new()
    {
        // H, N, groups
        { 8, 1, 1 },
        { 12, 1, 2 },
        { 16, 1, 2 },
        { 16, 3, 2 },
        { 16, 7, 2 },
        { 8, 11, 2 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Gives_the_bits_of_its_fallback_without_falling_back(int H, int N, int groups)
    {
        var p = new Problem(LayerShape.Lstm(5, H), T: 60, N);
        using var grid = (GpuLayer)OpenCl(groups).Force(GridPersistent.Family).Prepare(p.Weights);
        KernelChoice plan = grid.Choice(N);
        Assert.Equal(GridPersistent.Family, plan.Family);
        Assert.InRange(plan.Variant.Groups, groups, OpenCl(groups).Device.Traits.Multiprocessors); // more, where there is room for smaller tiles
        grid.PollBudget = Patience;
        using var steps = (GpuLayer)OpenCl(groups).Force(SplitKStep.Family).Prepare(p.Weights);

        float[] expected = Run(steps, p), actual = Run(grid, p);

        Assert.Equal(0, grid.Fallbacks);
        BackendContract.AssertSameBits(p, "grid", expected, actual);
    }

    [Fact]
    public void A_grid_that_gives_up_is_counted_and_its_steps_run_again_with_the_same_bits()
    {
        var p = new Problem(LayerShape.Lstm(5, 16), T: 40, N: 2);
        using var grid = (GpuLayer)OpenCl(2).Force(GridPersistent.Family).Prepare(p.Weights);
        grid.PollBudget = Patience;
        float[] expected = Run(grid, p);
        Assert.Equal(0, grid.Fallbacks);

        grid.PollBudget = 1;
        // Now and then two groups keep pace so well that none waits.
        for (int i = 0; i < 50 && grid.Fallbacks == 0; i++)
            BackendContract.AssertSameBits(p, "after giving up", expected, Run(grid, p));
        Assert.Equal(1, grid.Fallbacks);
    }

    [Fact]
    public void A_NaN_that_looks_like_an_unwritten_word_is_handed_on_as_another_NaN()
    {
        LayerShape shape = LayerShape.Elman(1, 16, Activation.Linear);
        var r = new float[16 * 16];
        for (int i = 0; i < 16; i++)
            r[i * 17] = 1;
        using var grid = (GpuLayer)OpenCl(1).Force(GridPersistent.Family).Prepare(new LayerWeights(shape, new float[16], r));
        grid.PollBudget = Patience;
        using LayerState state = grid.CreateState(1);
        var h = new float[16];
        h[3] = BitConverter.UInt32BitsToSingle(0xFFFFFFFF);
        state.SetHidden(h);
        var output = new float[8 * 16];
        grid.Run(state, 8, new float[8], output);
        Assert.Equal(0, grid.Fallbacks);
        Assert.All(output, v => Assert.True(float.IsNaN(v))); // every unit multiplies h[3], by 0 or 1
    }

    private static float[] Run(RecurrentLayer layer, Problem p)
    {
        using LayerState state = layer.CreateState(p.N);
        state.SetHidden(p.Hidden);
        if (p.Shape.HasCellState)
            state.SetCell(p.Cell);
        var output = new float[p.Exact.Output.Length];
        layer.Run(state, p.T, p.Input, output);
        return output;
    }

    private static GpuBackend OpenCl(int groups)
    {
        GpuBackend backend = Named.Gpu("opencl:0");
        if (!backend.IsAvailable)
            Assert.Skip($"opencl:0: {backend.UnavailableReason}");
        int atOnce = backend.Device.Traits.Multiprocessors;
        if (atOnce < groups)
            Assert.Skip($"opencl:0 runs {atOnce} groups at once; this needs {groups}");
        return backend;
    }
}
