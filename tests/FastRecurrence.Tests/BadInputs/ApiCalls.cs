using FastRecurrence.Import;
using FastRecurrence.Onnx;
using FastRecurrence.Onnx.Proto;
using FastRecurrence.Tests.Contract;
using static FastRecurrence.TestKit.Models.TinyModel;

namespace FastRecurrence.Tests.BadInputs;

/// <summary>Wrong calls of the library, by the catalogue's numbers 1 to 54; those that have a test elsewhere are in <see cref="Catalogue"/>.</summary>
internal static class ApiCalls
{
    private static readonly LayerShape s_shape = LayerShape.Lstm(4, 6);

    public static IEnumerable<BadCall> All()
    {
        yield return new(1, "no state", () => WithLayer((layer, _) => layer.Step(null!, new float[12], new float[18])), typeof(ArgumentNullException), "state");
        yield return new(1, "no x: an empty span", () => WithLayer((layer, state) => layer.Step(state, default, new float[18])), typeof(ArgumentException), "input", "0 values", "12");
        yield return new(3, "X of rank 2", () => Call([2, 3]), typeof(ModelFormatException), "X is [2, 3]", "[T, N, 3]");
        yield return new(3, "X of rank 4", () => Call([1, 2, 2, 3]), typeof(ModelFormatException), "X is [1, 2, 2, 3]", "[T, N, 3]");
        yield return new(4, "I of X is not I of W", () => Call([2, 1, 4]), typeof(ModelFormatException), "X is [2, 1, 4]", "[T, N, 3]");
        yield return new(8, "P is not 3H", () => _ = new LayerWeights(s_shape with { Peepholes = true }, new float[96], new float[144], peepholes: new float[24]), typeof(ArgumentException), "24 values", "18");
        yield return new(10, "I = 0: bias only", () => BiasOnly());
        yield return new(11, "N = 0", () => WithLayer((layer, state) => layer.Run(state, 3, [], []), batchSize: 0));
        yield return new(12, "T = 0: the state stays", () => WithLayer((layer, state) =>
        {
            state.SetHidden([.. Enumerable.Repeat(0.5f, 18)]);
            layer.Run(state, 0, [], []);
            Assert.All(Hidden(state), v => Assert.Equal(0.5f, v));
        }));
        yield return new(13, "a length above T", () => Ragged(1, 5, 2), typeof(ArgumentOutOfRangeException), "lengths[1] is 5", "T = 4");
        yield return new(14, "a negative length", () => Ragged(1, 2, -1), typeof(ArgumentOutOfRangeException), "lengths[2] is -1", "between 0 and T = 4");
        yield return new(15, "N - 1 lengths", () => Ragged(1, 2), typeof(ArgumentException), "lengths has 2 values", "N = 3");
        yield return new(16, "all lengths 0: zeros", () => Assert.All(Ragged(0, 0, 0), v => Assert.Equal(0f, v)));
        yield return new(17, "h0 of another batch", () => WithLayer((_, state) => state.SetHidden(new float[6])), typeof(ArgumentException), "6 values", "18");
        yield return new(17, "initial_h of another batch", () => Call([2, 3, 3], initialHidden: [1, 1, 2]), typeof(ModelFormatException), "initial_h is [1, 1, 2]", "never broadcast");
        yield return new(18, "initial_c of a GRU", () => Call([2, 1, 3], model: Gru, initialCell: [1, 1, 2]), typeof(ModelFormatException), "GRU has no initial_c");
        yield return new(19, "c0 without h0: h0 is zero", () =>
        {
            using OnnxOperator node = Layer().Prepare(Backend.Simd);
            float[] x = [1, 2, 3], alone = new float[2], both = new float[2];
            node.Run(new OnnxInputs(1, 1, x) { InitialCell = [0.5f, -0.5f] }, new OnnxOutputs { Y = alone });
            node.Run(new OnnxInputs(1, 1, x) { InitialHidden = [0, 0], InitialCell = [0.5f, -0.5f] }, new OnnxOutputs { Y = both });
            Assert.Equal(both, alone);
        });
        yield return new(20, "bidirectional with D = 1 weights", Model(m => m.Rnn().With(Text("direction", "bidirectional"))), typeof(ModelFormatException), "[1, 8, 2]", "[2, 8, 2]");
        yield return new(21, "direction sideways", Model(m => m.Rnn().With(Text("direction", "sideways"))), typeof(ModelFormatException), "'sideways'", "forward, reverse or bidirectional");
        yield return new(22, "activation Gelu", Model(m => m.Rnn().With(Texts("activations", "Gelu", "Tanh", "Tanh"))), typeof(ModelFormatException), "'Gelu'", "Softplus", "Elu");
        yield return new(24, "ScaledTanh without alpha", () => _ = LayerShape.Elman(1, 1, Activation.ScaledTanh), typeof(ArgumentException), "ScaledTanh has no default alpha");
        yield return new(26, "clip -1", () => _ = s_shape with { Clip = -1 }, typeof(ArgumentOutOfRangeException), "positive");
        yield return new(26, "clip NaN", () => _ = s_shape with { Clip = float.NaN }, typeof(ArgumentOutOfRangeException), "positive");
        yield return new(27, "clip infinity: none", () => Assert.Equal(s_shape, s_shape with { Clip = float.PositiveInfinity }));
        yield return new(31, "Y_h is h0", () =>
        {
            using OnnxOperator node = Layer().Prepare(Backend.Simd);
            float[] x = [1, 2, 3], h = [0.25f, -0.75f], apart = new float[2];
            node.Run(new OnnxInputs(1, 1, x) { InitialHidden = h }, new OnnxOutputs { LastHidden = apart });
            node.Run(new OnnxInputs(1, 1, x) { InitialHidden = h }, new OnnxOutputs { LastHidden = h });
            Assert.Equal(apart, h);
        });
        yield return new(35, "X = 1e30 saturates", () => WithLayer((layer, state) =>
        {
            var output = new float[18];
            layer.Step(state, [.. Enumerable.Repeat(1e30f, 12)], output);
            Assert.All(output, v => Assert.InRange(v, -1, 1));
        }));
        yield return new(41, "dispose while a call runs", () => WithLayer((_, state) =>
        {
            using (state.Acquire())
                state.Dispose();
        }), typeof(InvalidOperationException), "in use");
        yield return new(48, "float16 weights are converted by name", () =>
        {
            using SafetensorsFile file = SafetensorsFile.Read([57, 0, 0, 0, 0, 0, 0, 0, .. "{\"a\":{\"dtype\":\"F16\",\"shape\":[2],\"data_offsets\":[0,4]}}   "u8, 0, 0x38, 0, 0xBC]);
            Assert.Equal([0.5f, -1f], file.ReadFloats("a"));
        });
        yield return new(54, "a team of -1", () => new WorkerTeam(-1).Dispose(), typeof(ArgumentOutOfRangeException), "workers");
        yield return new(54, "a team of a million", () => new WorkerTeam(1_000_000).Dispose(), typeof(ArgumentOutOfRangeException), "workers");
    }

    private static void WithLayer(Action<RecurrentLayer, LayerState> use, int batchSize = 3)
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(s_shape, 1));
        using LayerState state = layer.CreateState(batchSize);
        use(layer, state);
    }

    private static float[] Ragged(params int[] lengths)
    {
        float[] output = [.. Enumerable.Repeat(7f, 4 * 3 * 6)];
        WithLayer((layer, state) =>
        {
            try
            {
                layer.Run(state, 4, Problem.Uniform(new Random(1), 4 * 3 * 4), output, new SequenceOptions { Lengths = lengths });
            }
            catch (ArgumentException)
            {
                Assert.All(output, v => Assert.Equal(7f, v));
                throw;
            }
        });
        return output;
    }

    private static float[] Hidden(LayerState state)
    {
        var hidden = new float[18];
        state.CopyHiddenTo(hidden);
        return hidden;
    }

    private static void BiasOnly()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(new LayerWeights(LayerShape.Elman(0, 1, Activation.Linear), [], [0.5f], [1f]));
        using LayerState state = layer.CreateState(1);
        var output = new float[3];
        layer.Run(state, 3, [], output);
        Assert.Equal([1f, 1.5f, 1.75f], output);
    }

    private static void Gru(ModelProto model)
    {
        NodeProto node = model.Rnn();
        node.OpType = "GRU";
        node.Output.RemoveAt(2);
        foreach ((string name, long[] shape) in (ReadOnlySpan<(string, long[])>)[("W", [1, 6, 3]), ("R", [1, 6, 2]), ("B", [1, 12])])
        {
            model.Graph.Initializer.Remove(model.Stored(name));
            model.Graph.Initializer.Add(Floats(name, shape));
        }
    }

    private static OnnxLayer Layer(Action<ModelProto>? change = null) => Lstm(change).Load().RequireLayers()[0];

    private static Action Model(Action<ModelProto> change) => () => Layer(change);

    private static void Call(int[] x, Action<ModelProto>? model = null, int[]? initialHidden = null, int[]? initialCell = null) => Layer(model).Meaning.CheckCall(x, initialHidden, initialCell, null, []);
}
