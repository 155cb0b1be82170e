namespace FastRecurrence.Tests.Arguments;

/// <summary>Bad input gets a clear error before any work: what, where, expected, actual.</summary>
public sealed class ArgumentTests
{
    private static readonly LayerShape Shape = LayerShape.Lstm(4, 6);

    [Fact]
    public void W_of_a_GRU_is_recognised()
    {
        var e = Assert.Throws<ArgumentException>(() => new LayerWeights(Shape, new float[18 * 4], new float[144]));
        Assert.Equal("inputWeights", e.ParamName);
        Assert.Contains("72 values", e.Message);
        Assert.Contains("[24, 4] = 96", e.Message);
        Assert.Contains("18 rows = 3 × 6", e.Message);
        Assert.Contains("a GRU", e.Message);
    }

    [Fact]
    public void R_and_b_must_fit()
    {
        Assert.Equal("recurrentWeights", Assert.Throws<ArgumentException>(() => new LayerWeights(Shape, new float[96], new float[143])).ParamName);
        var e = Assert.Throws<ArgumentException>(() => new LayerWeights(Shape, new float[96], new float[144], new float[48]));
        Assert.Equal("bias", e.ParamName);
        Assert.Contains("48 values", e.Message);
        Assert.Contains("24", e.Message);
        Assert.Contains("add the halves", e.Message);
    }

    [Theory]
    [InlineData(4, 0)]
    [InlineData(4, -1)]
    [InlineData(-1, 4)]
    [InlineData(65536, 65536)]
    [InlineData(1, 30000)]
    public void Impossible_sizes_are_refused_before_any_allocation(int I, int H)
    {
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Throws<ArgumentOutOfRangeException>(() => LayerShape.Lstm(I, H));
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 100_000);
    }

    [Fact]
    public void Unknown_activation_is_refused() =>
        Assert.Throws<ArgumentOutOfRangeException>(() => LayerShape.Elman(1, 1, (Activation)99));

    [Fact]
    public void Spans_of_the_wrong_length_name_both_numbers_and_write_nothing()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(Shape, 1));
        using LayerState state = layer.CreateState(3);
        var output = new float[2 * 3 * 6];
        Array.Fill(output, 7f);

        var e = Assert.Throws<ArgumentException>(() => layer.Run(state, 2, new float[23], output));
        Assert.Equal("input", e.ParamName);
        Assert.Contains("23 values, expected 24 (T×N×I = 2×3×4)", e.Message);
        e = Assert.Throws<ArgumentException>(() => layer.Run(state, 2, new float[24], output.AsSpan(1)));
        Assert.Equal("output", e.ParamName);
        e = Assert.Throws<ArgumentException>(() => layer.Run(state, 2, new float[24], output, new float[5]));
        Assert.Equal("gates", e.ParamName);
        Assert.Throws<ArgumentOutOfRangeException>(() => layer.Run(state, -1, [], []));
        Assert.All(output, v => Assert.Equal(7f, v));

        var hidden = new float[18];
        state.CopyHiddenTo(hidden);
        Assert.All(hidden, v => Assert.Equal(0f, v));
    }

    [Fact]
    public void Overlapping_spans_are_refused()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Lstm(6, 6), 1));
        using LayerState state = layer.CreateState(1);
        var memory = new float[48];
        Assert.Contains("overlaps", Assert.Throws<ArgumentException>(() => layer.Step(state, memory.AsSpan(0, 6), memory.AsSpan(5, 6))).Message);
        Assert.Contains("overlap", Assert.Throws<ArgumentException>(() => layer.Step(state, memory.AsSpan(0, 6), memory.AsSpan(8, 6), memory.AsSpan(13, 24))).Message);
    }

    [Fact]
    public void A_state_is_its_layers_and_its_sizes()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(Shape, 1)), other = Backend.Simd.Prepare(LayerWeights.Random(Shape, 1));
        using LayerState state = other.CreateState(1);
        Assert.Equal("state", Assert.Throws<ArgumentException>(() => layer.Step(state, new float[4], new float[6])).ParamName);
        Assert.Throws<ArgumentException>(() => state.SetHidden(new float[7]));
        Assert.Throws<ArgumentOutOfRangeException>(() => layer.CreateState(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => layer.CreateState(int.MaxValue));
    }

    [Fact]
    public void An_Elman_state_has_no_c()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Elman(2, 3), 1));
        using LayerState state = layer.CreateState(1);
        Assert.Contains("no cell state", Assert.Throws<NotSupportedException>(() => state.SetCell(new float[3])).Message);
        Assert.Throws<NotSupportedException>(() => state.CopyCellTo(new float[3]));
    }

    [Fact]
    public void Disposed_things_say_so_and_disposing_twice_is_harmless()
    {
        RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(Shape, 1));
        LayerState state = layer.CreateState(1);
        state.Dispose();
        state.Dispose();
        Assert.Throws<ObjectDisposedException>(() => layer.Step(state, new float[4], new float[6]));
        layer.Dispose();
        layer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => layer.CreateState(1));
    }

    [Fact]
    public void A_state_in_use_is_refused_to_a_second_thread()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(Shape, 1));
        using LayerState state = layer.CreateState(1);
        using (state.Acquire())
            Assert.Contains("in use", Assert.Throws<InvalidOperationException>(() => layer.Step(state, new float[4], new float[6])).Message);
        layer.Step(state, new float[4], new float[6]);
    }

    [Fact]
    public void One_layer_serves_many_threads_with_the_same_bits()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(Shape, 1));
        float[] input = Problem.Uniform(new Random(3), 5 * 4);
        float[] Run()
        {
            using LayerState state = layer.CreateState(1);
            var output = new float[5 * 6];
            layer.Run(state, 5, input, output);
            return output;
        }

        float[] expected = Run();
        Parallel.For(0, 200, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ => Assert.Equal(expected, Run()));
    }

    [Fact]
    public void Weights_are_a_snapshot_and_their_first_NaN_can_be_found()
    {
        float[] r = new float[144];
        r[2 * 6 + 1] = float.NaN;
        var weights = new LayerWeights(Shape, new float[96], r);
        r[0] = 5;
        Assert.Equal(0, weights.RecurrentWeights[0]);
        Assert.Equal("R[2, 1] is NaN", weights.FindNonFinite());
        Assert.Null(LayerWeights.Random(Shape, 1).FindNonFinite());
    }

    [Fact]
    public void Random_weights_do_not_depend_on_the_machine()
    {
        LayerWeights weights = LayerWeights.Random(Shape, 42);
        Assert.Equal(weights.InputWeights.ToArray(), LayerWeights.Random(Shape, 42).InputWeights.ToArray());
        Assert.All(weights.RecurrentWeights.ToArray(), v => Assert.InRange(v, -0.40825f, 0.40825f));
    }
}
