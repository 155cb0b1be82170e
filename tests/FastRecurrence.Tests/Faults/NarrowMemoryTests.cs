namespace FastRecurrence.Tests.Faults;

/// <summary>Narrow weights take the memory that their documentation says, and disposed things give theirs back; in bytes of the managed heap.</summary>
[Collection(nameof(Bits.OneAtATime))]
public sealed class NarrowMemoryTests
{
    private static readonly LayerShape Shape = LayerShape.Lstm(700, 640);

    private static long Heap() => GC.GetTotalMemory(forceFullCollection: true);

    private static double WeightCount => Shape.InputWeightCount + (double)Shape.RecurrentWeightCount;

    [Theory]
    [InlineData(WeightFormat.Float32, 4)]
    [InlineData(WeightFormat.Bfloat16, 2)]
    [InlineData(WeightFormat.Int8, 1)]
    public void A_format_takes_its_bytes_a_weight_and_no_more(WeightFormat format, int bytes)
    {
        LayerWeights weights = LayerWeights.Random(Shape, 1);
        Backend.Simd.Prepare(weights, format).Dispose(); // what is made once is made
        long before = Heap();
        using RecurrentLayer layer = Backend.Simd.Prepare(weights, format);
        double prepared = Heap() - before;
        Assert.InRange(prepared / WeightCount, bytes, bytes * 1.04);

        // A run of many steps decodes W panel by panel: what it adds belongs to the state and is a small part of W.
        const int T = 40;
        using LayerState state = layer.CreateState(1);
        float[] x = Problem.Uniform(new Random(1), T * Shape.InputSize), y = new float[T * Shape.HiddenSize];
        layer.Run(state, T, x, y);
        Assert.InRange(Heap() - before - sizeof(float) * (x.Length + y.Length) - prepared, -500_000, 0.15 * sizeof(float) * Shape.InputWeightCount + 4 * sizeof(float) * T * Shape.HiddenSize * 1.1);
        GC.KeepAlive(weights);
    }

    [Fact]
    public void A_disposed_layer_and_its_disposed_states_give_their_memory_back_while_they_are_still_referenced()
    {
        LayerWeights weights = LayerWeights.Random(Shape, 1);
        float[] x = new float[2 * 200 * Shape.InputSize], y = new float[2 * 200 * Shape.HiddenSize];
        Backend.Simd.Prepare(weights).Dispose();
        long before = Heap();
        RecurrentLayer layer = Backend.Simd.Prepare(weights);
        LayerState state = layer.CreateState(200);
        layer.Run(state, 2, x, y);
        long held = Heap() - before;
        Assert.True(held > 4 * WeightCount + 4.0 * 2 * 200 * Shape.HiddenSize);
        state.Dispose();
        layer.Dispose();
        Assert.InRange(Heap() - before, -500_000, held / 50);
        GC.KeepAlive(state);
        GC.KeepAlive(layer);
        GC.KeepAlive(weights);
    }

    [Fact]
    public void Weights_too_large_for_bfloat16_stay_finite_and_FormatError_tells()
    {
        LayerShape shape = LayerShape.Elman(200, 200, Activation.Linear);
        var w = new float[shape.InputWeightCount];
        for (int i = 0; i < w.Length; i++)
            w[i] = i % 3 == 0 ? float.MaxValue : -3.3999e38f;
        using RecurrentLayer layer = Backend.Simd.Prepare(new LayerWeights(shape, w, new float[shape.RecurrentWeightCount]), WeightFormat.Bfloat16);
        using LayerState state = layer.CreateState(1);
        float[] x = new float[200], y = new float[200];
        for (int k = 0; k < 200; k++)
        {
            Array.Clear(x);
            x[k] = 1e-10f;
            state.Reset();
            layer.Step(state, x, y);
            for (int i = 0; i < y.Length; i++)
                Assert.Equal(w[i * 200 + k] * 1e-10, y[i], Math.Abs(w[i * 200 + k]) * 1e-10 * 0.005);
        }

        Assert.False(double.IsNaN(layer.FormatError));
    }

    [Fact]
    public void FormatError_is_never_NaN()
    {
        LayerShape shape = LayerShape.Lstm(120, 120);
        var w = new float[shape.InputWeightCount];
        Array.Fill(w, 0.1f);
        w[7] = float.NaN;
        using RecurrentLayer layer = Backend.Simd.Prepare(new LayerWeights(shape, w, LayerWeights.Random(shape, 1).RecurrentWeights), WeightFormat.Bfloat16);
        Assert.InRange(layer.FormatError, 0, 1); // both outputs are NaN: not the format's doing
    }
}
