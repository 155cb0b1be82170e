using FastRecurrence.Import;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Import;

/// <summary>Random weights laid out in each framework's way are found again, uniquely.</summary>
public sealed class LayoutCheckTests
{
    private const int T = 5;

    private static (float[] X, float[] Y) Golden(LayerWeights weights)
    {
        float[] x = Problem.Uniform(new Random(3), T * weights.Shape.InputSize), y = new float[T * weights.Shape.HiddenSize];
        using RecurrentLayer layer = Backend.Reference.Prepare(weights);
        using LayerState state = layer.CreateState(1);
        layer.Run(state, T, x, y);
        return (x, y);
    }

    public static TheoryData<string, int, int> Sizes => new() { { "keras", 3, 4 }, { "onnx", 3, 4 }, { "pytorch", 3, 4 }, { "tf1", 3, 4 }, { "keras", 4, 4 }, { "onnx", 4, 4 }, { "keras", 16, 4 }, { "pytorch", 1, 2 } };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void The_one_layout_that_fits_is_found(string framework, int I, int H)
    {
        foreach (LayerShape shape in (LayerShape[])[LayerShape.Lstm(I, H), LayerShape.Gru(I, H), LayerShape.Gru(I, H, linearBeforeReset: false), LayerShape.Elman(I, H)])
        {
            if (framework == "tf1" && shape.Cell != CellKind.Lstm)
                continue;
            LayerWeights weights = LayerWeights.Random(shape, 11);
            (float[] x, float[] y) = Golden(weights);
            (float[] w, float[] r, float[] b) = Export(framework, weights);
            LayoutMatch match = Assert.Single(LayoutCheck.Find(shape with { }, w, r, b, x, y));
            Assert.Equal(shape, match.Weights.Shape);
            Assert.Equal(weights.InputWeights, match.Weights.InputWeights);
            Assert.Equal(weights.RecurrentWeights, match.Weights.RecurrentWeights);
            Assert.Contains(framework switch { "keras" => "Keras", "onnx" => "ONNX", "tf1" => "TensorFlow 1", _ => "PyTorch" }, match.Framework);
            if (framework == "tf1")
                Assert.Contains("1 added to f", match.BiasRule);
        }
    }

    private static (float[] W, float[] R, float[] B) Export(string framework, LayerWeights weights)
    {
        int split = weights.Shape.InputWeightCount;
        switch (framework)
        {
            case "keras": return KerasWeights.Export(weights);
            case "onnx":
                var (w, r, b, _) = OnnxWeights.Export(weights);
                return (w, r, b);
            case "tf1":
                (float[] kernel, float[] bias) = TensorFlow1Weights.ExportBasicLstm(weights);
                return (kernel[..split], kernel[split..], bias);
            default:
                if (weights.Shape is { Cell: CellKind.Gru, LinearBeforeReset: false })
                    return (weights.InputWeights.ToArray(), weights.RecurrentWeights.ToArray(), weights.Bias.ToArray());
                MemoryTensors t = PyTorchWeights.Export([StackLayer.Unidirectional(weights)]);
                return (t.ReadFloats("weight_ih_l0"), t.ReadFloats("weight_hh_l0"), [.. t.ReadFloats("bias_ih_l0"), .. t.ReadFloats("bias_hh_l0")]);
        }
    }

    [Fact]
    public void Equal_gates_are_ambiguous_and_wrong_outputs_match_nothing()
    {
        // All gates alike: the order cannot be told, but all orders are one and the same layer.
        LayerShape shape = LayerShape.Lstm(2, 3);
        float[] w = [.. Enumerable.Range(0, 4).SelectMany(_ => Problem.Uniform(new Random(5), 6))], r = [.. Enumerable.Range(0, 4).SelectMany(_ => Problem.Uniform(new Random(6), 9))];
        (float[] x, float[] y) = Golden(new LayerWeights(shape, w, r));
        Assert.Single(LayoutCheck.Find(shape, w, r, [], x, y));

        // One step from a zero state never reads R, so its layouts all fit.
        LayerWeights random = LayerWeights.Random(shape, 4);
        (x, y) = Golden(random);
        Assert.True(LayoutCheck.Find(shape, random.InputWeights, random.RecurrentWeights, random.Bias, x.AsSpan(0, 2), y.AsSpan(0, 3)).Count > 1);

        y[4] += 0.01f;
        Assert.Empty(LayoutCheck.Find(shape, random.InputWeights, random.RecurrentWeights, random.Bias, x, y));
        Assert.Throws<ArgumentException>(() => LayoutCheck.Find(shape, random.InputWeights, random.RecurrentWeights, new float[5], x, y));
    }
}
