using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Simd;

/// <summary>Narrow weights: the same bits at every width, step or run, with any team; a measured error; refused where they gain nothing.</summary>
public sealed class WeightFormatTests
{
    public static TheoryData<WeightFormat> Narrow => [WeightFormat.Bfloat16, WeightFormat.Int8];

    /// <summary>Odd sizes, so that last lanes are not full, and large enough to be accepted at every width.</summary>
    private static IEnumerable<LayerShape> Shapes =>
        [LayerShape.Lstm(351, 363), LayerShape.Elman(730, 747), LayerShape.Gru(407, 410), LayerShape.Gru(405, 413, linearBeforeReset: false), LayerShape.Lstm(401, 402) with { ProjectionSize = 333, Peepholes = true }];

    [Theory]
    [MemberData(nameof(Narrow))]
    public void Every_width_step_and_team_gives_the_same_bits(WeightFormat format)
    {
        using var team = new WorkerTeam(3);
        foreach (LayerShape shape in Shapes)
        {
            var p = new Problem(shape, 5, 1);
            float[]? expected = null;
            foreach (string name in (string[])["scalar", "simd-128", "simd-256", "simd-512", "simd-vector"])
            {
                using RecurrentLayer layer = Named.Core(name).Prepare(p.Weights, format);
                foreach (WorkerTeam? workers in (WorkerTeam?[])[null, team])
                {
                    float[] run = Run(layer, p, workers, steps: false);
                    expected ??= run;
                    BackendContract.AssertSameBits(p, $"{format} on {name}", expected, run);
                    BackendContract.AssertSameBits(p, $"{format} on {name}, step by step", expected, Run(layer, p, workers, steps: true));
                }
            }
        }
    }

    [Theory]
    [InlineData(WeightFormat.Bfloat16, 4e-3)]
    [InlineData(WeightFormat.Int8, 1e-2)]
    public void The_error_is_measured_and_small(WeightFormat format, double limit)
    {
        foreach (LayerShape shape in Shapes)
        {
            var p = new Problem(shape, 12, 1);
            using RecurrentLayer layer = Backend.Simd.Prepare(p.Weights, format);
            Assert.Equal(format, layer.Format);
            Assert.InRange(layer.FormatError, 1e-7, limit);
            float[] actual = Run(layer, p, null, steps: false);
            double worst = p.Exact.Output.Select((exact, i) => Math.Abs(exact - actual[i])).Max();
            Assert.InRange(worst, 1e-7, 4 * limit);
        }
    }

    [Fact]
    public void Float32_has_no_error_and_a_narrow_format_has_the_one_that_it_states()
    {
        var p = new Problem(LayerShape.Lstm(351, 363), 12, 1);
        using RecurrentLayer exact = Backend.Simd.Prepare(p.Weights, WeightFormat.Float32), narrow = Backend.Simd.Prepare(p.Weights, WeightFormat.Bfloat16);
        Assert.Equal((WeightFormat.Float32, 0), (exact.Format, exact.FormatError));
        double Worst(RecurrentLayer layer) => p.Exact.Output.Zip(Run(layer, p, null, steps: false), (e, a) => Math.Abs(e - a)).Max();
        Assert.InRange(Worst(exact), 0, Tolerance.Of(Backend.Simd, p.Deviation));
        Assert.True(Worst(narrow) > 10 * Tolerance.Of(Backend.Simd, p.Deviation));
    }

    [Theory]
    [MemberData(nameof(Narrow))]
    public void A_format_that_would_not_be_faster_is_refused_with_the_reason(WeightFormat format)
    {
        var small = Assert.Throws<NotSupportedException>(() => Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Lstm(16, 16), 1), format));
        Assert.Contains("would not be faster", small.Message);
        Assert.Contains("8192 bytes", small.Message);

        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Lstm(370, 370), 1), format);
        var batch = Assert.Throws<NotSupportedException>(() => layer.CreateState(2));
        Assert.Contains("batch of 2", batch.Message);

        var elsewhere = Assert.Throws<NotSupportedException>(() => Backend.Reference.Prepare(LayerWeights.Random(LayerShape.Lstm(370, 370), 1), format));
        Assert.Contains("reference", elsewhere.Message);
    }

    [Fact]
    public void Unknown_formats_and_weights_that_do_not_fit_are_refused()
    {
        LayerShape shape = LayerShape.Lstm(370, 370);
        Assert.Throws<ArgumentOutOfRangeException>(() => Backend.Simd.Prepare(LayerWeights.Random(shape, 1), (WeightFormat)7));
        var w = new float[shape.InputWeightCount];
        w[371] = float.NaN;
        var e = Assert.Throws<ArgumentException>(() => Backend.Simd.Prepare(new LayerWeights(shape, w, new float[shape.RecurrentWeightCount]), WeightFormat.Int8));
        Assert.Contains("W[1, 1] is NaN", e.Message);
    }

    [Fact]
    public void A_NaN_weight_in_bfloat16_stays_a_NaN()
    {
        LayerShape shape = LayerShape.Lstm(370, 370);
        var w = new float[shape.InputWeightCount];
        w[0] = BitConverter.UInt32BitsToSingle(0x7F800001);
        using RecurrentLayer layer = Backend.Simd.Prepare(new LayerWeights(shape, w, new float[shape.RecurrentWeightCount]), WeightFormat.Bfloat16);
        using LayerState state = layer.CreateState(1);
        var output = new float[370];
        layer.Step(state, [.. Enumerable.Repeat(1f, 370)], output);
        Assert.True(float.IsNaN(output[0]));
        Assert.True(float.IsFinite(output[1]));
    }

    private static float[] Run(RecurrentLayer layer, Problem p, WorkerTeam? team, bool steps)
    {
        using LayerState state = layer.CreateState(1, team);
        state.SetHidden(p.Hidden);
        if (p.Shape.HasCellState)
            state.SetCell(p.Cell);
        int I = p.Shape.InputSize, P = p.Shape.OutputSize;
        var output = new float[p.T * P];
        if (!steps)
            layer.Run(state, p.T, p.Input, output);
        for (int t = 0; steps && t < p.T; t++)
            layer.Step(state, p.Input.AsSpan(t * I, I), output.AsSpan(t * P, P));
        return output;
    }
}
