using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.Layout;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Gpu;

/// <summary>bfloat16 weights on devices: the rounding of the core, on every kernel that reads them, and refused where they gain nothing.</summary>
[Collection("devices")]
public sealed class NarrowWeightTests
{
    public static TheoryData<string, string, int, int> Layers => new()
    {
        // kernel, cell, H, N
        { "slice", "lstm", 37, 1 },
        { "slice", "gru", 21, 5 },
        { "slice", "elman", 50, 9 },
        { "slice", "lstm", 1030, 1 },
        { "group", "lstm", 5, 1 },
        { "group", "lstm", 100, 3 },
        { "group", "gru", 33, 2 },
        { "group", "elman", 190, 5 },
        { "group", "elman", 301, 2 },
        { "grid", "lstm", 16, 1 },
        { "grid", "gru", 12, 3 },
        { "grid", "elman", 64, 7 },
    };

    [Theory]
    [MemberData(nameof(Layers))]
    public void Every_kernel_computes_with_the_weights_as_the_core_rounds_them(string kernel, string cell, int H, int N)
    {
        LayerShape shape = cell == "lstm" ? LayerShape.Lstm(7, H) : cell == "gru" ? LayerShape.Gru(7, H) : LayerShape.Elman(7, H);
        KernelFamily kind = KernelFamily.All.Single(f => f.ShortName == kernel);
        var p = new Problem(shape, T: 6, N);
        using var layer = (GpuLayer)OpenCl().Force(kind).Prepare(p.Weights, WeightFormat.Bfloat16);
        layer.PollBudget = 1 << 26;
        if (kind == GridPersistent.Family && layer.Choice(N).Family != kind)
            Assert.Skip(layer.Explain(N));
        Assert.Equal(kind, layer.Choice(N).Family);
        Assert.Equal(WeightFormat.Bfloat16, layer.Format);
        Assert.InRange(layer.FormatError, 1e-7, 1e-2);

        using RecurrentLayer reference = Backend.Reference.Prepare(Rounded(p.Weights));
        float[] expected = Run(reference, p, steps: false), run = Run(layer, p, steps: false);
        for (int i = 0; i < run.Length; i++)
            Assert.True(Math.Abs(run[i] - expected[i]) <= 2e-6, $"{p} by {layer.Explain(N)}: h[{i}] is {run[i]}, expected {expected[i]}");
        Assert.Equal(0, layer.Fallbacks);
        BackendContract.AssertSameBits(p, "again", run, Run(layer, p, steps: false));
        BackendContract.AssertSameBits(p, "step by step", run, Run(layer, p, steps: true));
    }

    [Theory]
    [InlineData("elman", 48, 1)]
    [InlineData("lstm", 20, 4)]
    [InlineData("gru", 12, 3)]
    public void The_chunks_of_large_layers_give_the_bits_of_the_slices(string cell, int H, int N)
    {
        LayerShape shape = cell == "lstm" ? LayerShape.Lstm(3, H) : cell == "gru" ? LayerShape.Gru(3, H) : LayerShape.Elman(3, H);
        GpuBackend backend = OpenCl();
        var p = new Problem(shape, T: 20, N);
        using var grid = (GpuLayer)backend.Force(GridPersistent.Family, leastChunks: 6).Prepare(p.Weights, WeightFormat.Bfloat16);
        KernelChoice plan = grid.Choice(N);
        if (plan.Family != GridPersistent.Family)
            Assert.Skip($"this device holds too few groups: {plan}");
        Assert.Equal(6, plan.Variant.Chunks);
        grid.PollBudget = 1 << 26;
        using var slices = (GpuLayer)backend.Force(SplitKStep.Family).Prepare(p.Weights, WeightFormat.Bfloat16);
        BackendContract.AssertSameBits(p, "six chunks", Run(slices, p, steps: false), Run(grid, p, steps: false));
        Assert.Equal(0, grid.Fallbacks);
    }

    [Fact]
    public void Eight_chunks_give_the_bits_of_the_slices()
    {
        GpuBackend backend = OpenCl();
        var p = new Problem(LayerShape.Lstm(3, 16), T: 20, N: 3);
        using var grid = (GpuLayer)backend.Force(GridPersistent.Family, leastChunks: 8).Prepare(p.Weights, WeightFormat.Bfloat16);
        if (grid.Choice(3).Family != GridPersistent.Family)
            Assert.Skip($"this device holds too few groups: {grid.Explain(3)}");
        Assert.Equal((8, 4), (grid.Choice(3).Variant.Chunks, grid.Choice(3).Variant.Rows));
        grid.PollBudget = 1 << 26;
        using var slices = (GpuLayer)backend.Force(SplitKStep.Family).Prepare(p.Weights, WeightFormat.Bfloat16);
        BackendContract.AssertSameBits(p, "eight chunks", Run(slices, p, steps: false), Run(grid, p, steps: false));
        Assert.Equal(0, grid.Fallbacks);
    }

    [Fact]
    public void What_gains_nothing_is_refused_with_the_reason()
    {
        GpuBackend backend = OpenCl();
        LayerWeights weights = LayerWeights.Random(LayerShape.Lstm(8, 16), 1);
        Assert.Contains("Int8", Refused(backend, weights, WeightFormat.Int8));
        if (backend.IsCpuDevice)
            Assert.Contains("which is a CPU", Refused(backend, weights, WeightFormat.Bfloat16));
        Assert.Contains("variation", Refused(backend.Force(SplitKStep.Family), LayerWeights.Random(LayerShape.Lstm(8, 16) with { Peepholes = true }, 1), WeightFormat.Bfloat16));
        Assert.Contains("variation", Assert.Throws<NotSupportedException>(() => backend.Explain(LayerShape.Lstm(8, 16) with { Peepholes = true }, 1, WeightFormat.Bfloat16)).Message);
        using var unforced = new GpuLayer(weights, backend, WeightFormat.Bfloat16);
        if (backend.IsCpuDevice)
            Assert.Contains("would not be faster for a batch of 1", Assert.Throws<NotSupportedException>(() => unforced.CreateState(1)).Message);
    }

    [Fact]
    public void A_shape_is_explained_without_weights_and_as_its_layer_explains_itself()
    {
        GpuBackend backend = OpenCl();
        using var layer = (GpuLayer)backend.Prepare(LayerWeights.Random(LayerShape.Lstm(8, 24), 1));
        string explained = backend.Explain(LayerShape.Lstm(8, 24), 3);
        Assert.Equal(layer.Explain(3), explained);
        Assert.Contains("model:", explained);
        Assert.Contains("only CUDA", explained);
        Assert.Throws<ArgumentOutOfRangeException>(() => backend.Explain(LayerShape.Lstm(8, 24), 0));
    }

    private static string Refused(GpuBackend backend, LayerWeights weights, WeightFormat format) =>
        Assert.Throws<NotSupportedException>(() => backend.Prepare(weights, format)).Message;

    private static LayerWeights Rounded(LayerWeights weights)
    {
        LayerShape shape = weights.Shape;
        int rows = shape.GateCount * shape.HiddenSize;
        return new LayerWeights(shape,
            NarrowMatrix.Encode(WeightFormat.Bfloat16, weights.InputWeights, rows, shape.InputSize).Decoded,
            NarrowMatrix.Encode(WeightFormat.Bfloat16, weights.RecurrentWeights, rows, shape.HiddenSize).Decoded, weights.Bias);
    }

    private static float[] Run(RecurrentLayer layer, Problem p, bool steps)
    {
        using LayerState state = layer.CreateState(p.N);
        state.SetHidden(p.Hidden);
        if (p.Shape.HasCellState)
            state.SetCell(p.Cell);
        int input = p.N * p.Shape.InputSize, output = p.N * p.Shape.HiddenSize;
        var h = new float[p.T * output];
        for (int t = 0; t < (steps ? p.T : 1); t++)
            layer.Run(state, steps ? 1 : p.T, p.Input.AsSpan(t * input, steps ? input : p.T * input), h.AsSpan(t * output, steps ? output : h.Length));
        return h;
    }

    private static GpuBackend OpenCl()
    {
        GpuBackend backend = Named.Gpu("opencl:0");
        if (!backend.IsAvailable)
            Assert.Skip($"opencl:0: {backend.UnavailableReason}");
        return backend;
    }
}
