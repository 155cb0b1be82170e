using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.TestKit.Problems;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Gpu;

/// <summary>Large tiles, whose loads are on their way while they multiply, against small ones: the same chains, so the same bits.</summary>
[Collection("devices")]
public sealed class AsyncGemmTests
{
    public static TheoryData<string, int, int> Sizes => new()
    {
        // cell, H, N; tiles are 64 rows × 128 columns, panels 16 k's
        { "lstm", 4, 1 },
        { "lstm", 36, 65 },
        { "lstm", 132, 130 },
        { "peepholes", 20, 70 },
        { "projection", 24, 66 },
        { "gru", 36, 65 },
        { "reset-first", 20, 3 },
        { "elman", 132, 65 },
        { "elman", 12, 64 },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Large_tiles_give_the_bits_of_small_ones(string cell, int H, int N)
    {
        GpuBackend backend = OpenCl();
        LayerShape shape = cell switch
        {
            "lstm" => LayerShape.Lstm(8, H),
            "peepholes" => LayerShape.Lstm(8, H) with { Peepholes = true },
            "projection" => LayerShape.Lstm(8, H) with { ProjectionSize = 8 },
            "gru" => LayerShape.Gru(8, H),
            "reset-first" => LayerShape.Gru(8, H, linearBeforeReset: false),
            _ => LayerShape.Elman(8, H),
        };
        Assert.True(backend.Device.Traits.HasAsyncCopies);
        var p = new Problem(shape, T: 3, N);
        using var large = (GpuLayer)backend.Force(TiledStep.Family, tileRows: TiledStep.LargeRows).Prepare(p.Weights);
        using var small = (GpuLayer)backend.Force(TiledStep.Family, tileRows: TiledStep.SmallRows).Prepare(p.Weights);
        Assert.Equal((TiledStep.LargeRows, TiledStep.SmallRows), (large.Choice(N).Variant.Rows, small.Choice(N).Variant.Rows));
        float[] expected = Run(small, p), actual = Run(large, p);
        BackendContract.AssertSameBits(p, "large tiles", expected, actual);
        for (int i = 0; i < actual.Length; i++)
            Assert.True(Math.Abs(actual[i] - p.Exact.Output[i]) <= 2e-6, $"{p}: h[{i}] is {actual[i]}, exact {p.Exact.Output[i]}");
    }

    [Theory]
    [InlineData(4, 70)]
    [InlineData(20, 65)]
    [InlineData(132, 129)]
    public void Single_rows_have_the_input_products_of_many(int I, int rows)
    {
        var p = new Problem(LayerShape.Elman(I, 36, Activation.Linear), T: 1, rows);
        using RecurrentLayer layer = OpenCl().Prepare(new LayerWeights(p.Shape, p.Weights.InputWeights, new float[36 * 36], p.Weights.Bias));
        float[] all = new float[rows * 36], last = new float[36];
        using (LayerState state = layer.CreateState(rows))
            layer.Run(state, 1, p.Input, all);
        using (LayerState state = layer.CreateState(1))
            layer.Run(state, 1, p.Input.AsSpan(^I..), last);
        Assert.Equal(all[^36..], last);
    }

    private static float[] Run(RecurrentLayer layer, Problem p)
    {
        using LayerState state = p.Start(layer);
        var output = new float[p.Exact.Output.Length];
        layer.Run(state, p.T, p.Input, output);
        return output;
    }

    private static GpuBackend OpenCl()
    {
        GpuBackend backend = TestKit.Named.Gpu("opencl:0");
        if (!backend.IsAvailable)
            Assert.Skip($"opencl:0: {backend.UnavailableReason}");
        return backend;
    }
}
