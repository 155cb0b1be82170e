namespace FastRecurrence.Tests.Contract;

/// <summary>New weights in a prepared layer: the bits of a layer prepared with them, states that live on, no allocation on the CPU.</summary>
public sealed class LoadTests
{
    public static TheoryData<string> Backends => [.. Backend.All.Select(b => b.Name)];

    [Theory]
    [MemberData(nameof(Backends))]
    public void A_layer_with_loaded_weights_has_the_bits_of_one_prepared_with_them(string name)
    {
        Backend backend = Named.Core(name);
        foreach (LayerShape shape in Problem.VariedShapes(5, 19).Prepend(LayerShape.Lstm(5, 19)))
        {
            LayerWeights first = LayerWeights.Random(shape, 1), second = LayerWeights.Random(shape, 2);
            using RecurrentLayer layer = backend.Prepare(first), other = backend.Prepare(second);
            using LayerState state = layer.CreateState(3), expectedState = other.CreateState(3);
            float[] x = Problem.Uniform(new Random(4), 6 * 3 * 5), before = new float[6 * 3 * shape.OutputSize], after = new float[before.Length], expected = new float[before.Length];
            layer.Run(state, 6, x, before);

            // h and c go on under the new weights.
            float[] h = new float[3 * shape.OutputSize], c = new float[shape.HasCellState ? 3 * shape.HiddenSize : 0];
            state.CopyHiddenTo(h);
            expectedState.SetHidden(h);
            if (shape.HasCellState)
            {
                state.CopyCellTo(c);
                expectedState.SetCell(c);
            }

            layer.Load(second);
            layer.Run(state, 6, x, after);
            other.Run(expectedState, 6, x, expected);
            if (name == "reference") // its states are double: what went through float differs in the last digits
                Assert.All(expected.Zip(after), pair => Assert.Equal(pair.First, pair.Second, 1e-5f));
            else
                Assert.Equal(expected, after);
            Assert.NotEqual(before, after);
        }
    }

    [Fact]
    public void Loading_on_the_CPU_allocates_nothing()
    {
        LayerShape shape = LayerShape.Lstm(33, 65) with { Peepholes = true, ProjectionSize = 20 };
        LayerWeights[] weights = [LayerWeights.Random(shape, 1), LayerWeights.Random(shape, 2)];
        using RecurrentLayer layer = Backend.Simd.Prepare(weights[0]);
        layer.Load(weights[1]);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 20; i++)
            layer.Load(weights[i % 2]);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void What_does_not_fit_is_refused_and_changes_nothing()
    {
        LayerWeights weights = LayerWeights.Random(LayerShape.Gru(3, 5), 1);
        using RecurrentLayer layer = Backend.Simd.Prepare(weights);
        using LayerState state = layer.CreateState(1), fresh = layer.CreateState(1);
        float[] expected = new float[5], actual = new float[5];
        layer.Step(state, [1, 2, 3], expected);
        Assert.Contains("gru_i3_h6", Assert.Throws<ArgumentException>("weights", () => layer.Load(LayerWeights.Random(LayerShape.Gru(3, 6), 1))).Message);
        Assert.Throws<ArgumentNullException>("weights", () => layer.Load(null!));
        layer.Step(fresh, [1, 2, 3], actual);
        Assert.Equal(expected, actual);

        using RecurrentLayer narrow = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Lstm(256, 256), 1), WeightFormat.Bfloat16);
        Assert.Contains("Bfloat16", Assert.Throws<NotSupportedException>(() => narrow.Load(LayerWeights.Random(LayerShape.Lstm(256, 256), 2))).Message);
        layer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => layer.Load(weights));
    }
}
