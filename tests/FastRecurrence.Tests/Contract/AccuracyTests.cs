using FastRecurrence.Reference;
using FastRecurrence.TestKit.Cases;

namespace FastRecurrence.Tests.Contract;

/// <summary>The tolerance is computed from the case: it must hold for right results, whatever the weights, and be too small for wrong ones.</summary>
public sealed class AccuracyTests
{
    private static IEnumerable<Backend> Cpus => Backend.All.Where(b => b.IsAvailable && b != Backend.Reference);

    /// <summary>Layers of PyTorch's initial weights: below what the README promises, with room for neither a wrong term nor a narrow weight.</summary>
    [Fact]
    public void Of_usual_layers_it_is_below_the_promise_and_holds_with_room()
    {
        (Problem Problem, double Tolerance, double Ratio)[] all = [.. Problem.Sizes().Concat(Problem.Variations()).Where(p => p.Shape.InputSize + p.Shape.HiddenSize <= 256 && p.Deviation > 1e-9)
            .Select(p => (p, Tolerance.Of(Backend.Simd, p.Deviation), Errors(p, p.Weights, p.Input, p.Exact.Output).Max() / p.Deviation))];
        foreach ((Problem p, double tolerance, double ratio) in all.OrderByDescending(a => a.Tolerance).Take(5).Concat(all.OrderByDescending(a => a.Ratio).Take(5)))
            TestContext.Current.TestOutputHelper?.WriteLine($"{p}: tolerance {tolerance:g3}, error {ratio:f2} deviations");
        Assert.InRange(all.Max(a => a.Ratio), 1, 4);
        Assert.All(all.Where(a => a.Problem.Shape is { Cell: CellKind.Lstm or CellKind.Gru, HiddenSize: <= 64, InputSize: <= 64 } && a.Problem.Shape.Describe().IsDefault), a => Assert.True(a.Tolerance <= Tolerance.Common, $"{a.Problem}: {a.Tolerance:g3}"));
    }

    /// <summary>Trained layers have weights many times larger; sums, and so roundings, grow with them.</summary>
    [Theory]
    [InlineData(4, 1)]
    [InlineData(16, 1)]
    [InlineData(16, 3)]
    public void Of_layers_with_large_weights_it_holds_too(float weight, float input)
    {
        foreach (LayerShape shape in (LayerShape[])[LayerShape.Lstm(97, 64), LayerShape.Gru(97, 64), LayerShape.Gru(97, 64, linearBeforeReset: false), LayerShape.Elman(97, 64),
            LayerShape.Lstm(97, 64) with { Peepholes = true, ProjectionSize = 31 }])
        {
            var p = new Problem(shape, 20, 4);
            (LayerWeights weights, float[] x) = (Scaled(p.Weights, weight), [.. p.Input.Select(v => v * input)]);
            var layer = new ReferenceLayer(weights);
            LayerRun run = p.Run with { Input = Problem.Widen(x) };
            ReferenceResult exact = run.Exact(layer);
            double tolerance = Tolerance.Of(Backend.Simd, Rounding.Of(layer, run, exact).Worst), error = Errors(p, weights, x, exact.Output).Max();
            Assert.True(error <= tolerance, $"{shape}: {error:g3} > {tolerance:g3}");
            Assert.True(tolerance < 1000 * Math.Max(error, 1e-7), $"{shape}: a tolerance of {tolerance:g3} for an error of {error:g3} holds nothing");
        }
    }

    /// <summary>What weights of bfloat16, or an input that is off by a hundredth, do to a result is beyond it.</summary>
    [Fact]
    public void It_is_too_small_for_wrong_results()
    {
        var p = new Problem(LayerShape.Lstm(32, 32), 5, 3);
        double tolerance = Tolerance.Of(Backend.Simd, p.Deviation);
        float[] w = [.. p.Weights.InputWeights.ToArray().Select(v => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(v) & 0xFFFF0000))];
        Assert.True(Errors(p, new LayerWeights(p.Shape, w, p.Weights.RecurrentWeights, p.Weights.Bias), p.Input, p.Exact.Output).Min() > tolerance);
        float[] x = [.. p.Input];
        x[0] += 0.01f;
        Assert.True(Errors(p, p.Weights, x, p.Exact.Output).Min() > tolerance);
    }

    [Fact]
    public void A_trained_layer_is_not_called_wrong()
    {
        IReadOnlyList<ConformanceCase> cases = CaseFolder.Read(ConformanceData.Folder("public-reports", "B18", "cases"));
        Assert.NotEmpty(cases);
        CaseReport report = CaseRunner.Run(cases, [.. Cpus]);
        Assert.All(report.Cases, c => Assert.True(c.Ok, $"{c.Case} on {c.Backend}: {c.Reason}"));
        Assert.Contains(report.Cases, c => c.ReferenceError > Tolerance.Common);
        Assert.All(report.Cases, c => Assert.InRange(c.ReferenceTolerance, 1e-7, 1e-3));
    }

    /// <summary>For each CPU backend the largest error of h.</summary>
    private static double[] Errors(Problem p, LayerWeights weights, float[] x, double[] exact) =>
    [
        .. Cpus.Select(backend =>
        {
            using RecurrentLayer layer = backend.Prepare(weights);
            using LayerState state = p.Start(layer);
            var y = new float[p.T * p.N * p.Shape.OutputSize];
            layer.Run(state, p.T, x, y);
            return exact.Zip(y, (e, a) => Tolerance.Error(e, a)).Max();
        }),
    ];

    private static LayerWeights Scaled(LayerWeights w, float factor)
    {
        float[] Times(ReadOnlySpan<float> values)
        {
            var scaled = new float[values.Length];
            for (int i = 0; i < scaled.Length; i++)
                scaled[i] = values[i] * factor;
            return scaled;
        }

        return new LayerWeights(w.Shape, Times(w.InputWeights), Times(w.RecurrentWeights), Times(w.Bias), Times(w.Peepholes), Times(w.Projection));
    }
}
