namespace FastRecurrence.Tests.Training;

/// <summary>Optimizers and losses against their definitions in double.</summary>
public sealed class OptimizerTests
{
    private const int Steps = 20;

    public static TheoryData<string> Optimizers => ["sgd", "momentum", "decayed momentum", "adam", "adamw", "adam with decay"];

    private static Optimizer Make(string name) => name switch
    {
        "sgd" => new Sgd(0.05),
        "momentum" => new Sgd(0.05) { Momentum = 0.9 },
        "decayed momentum" => new Sgd(0.05) { Momentum = 0.8, WeightDecay = 0.1 },
        "adam" => new Adam(0.01),
        "adamw" => new Adam(0.01) { WeightDecay = 0.1 },
        _ => new Adam(0.01) { WeightDecay = 0.1, DecoupledWeightDecay = false, Beta1 = 0.8, Beta2 = 0.95, Epsilon = 1e-6 },
    };

    /// <summary>torch.optim's rules, number by number.</summary>
    [Theory]
    [MemberData(nameof(Optimizers))]
    public void Weights_follow_the_definition(string name)
    {
        foreach (LayerShape shape in (LayerShape[])[LayerShape.Lstm(3, 18) with { Peepholes = true, ProjectionSize = 5 }, LayerShape.Gru(3, 18), LayerShape.Gru(3, 18, false), LayerShape.Elman(3, 70), LayerShape.Dense(3, 5)])
        {
            using TrainingLayer layer = Backend.Simd.PrepareForTraining(LayerWeights.Random(shape, 1));
            Optimizer optimizer = Make(name);
            LayerGradients gradients = layer.CreateGradients();
            double[] w = All(layer.ToWeights()), m = new double[w.Length], v = new double[w.Length];
            var random = new Random(2);
            for (int step = 1; step <= Steps; step++)
            {
                double[] g = [.. w.Select(_ => (double)(float)(random.NextDouble() - 0.4))];
                gradients.Clear();
                int at = 0;
                foreach (WeightParts part in LayerGradients.Parts)
                {
                    gradients.Sums.Write(part, [.. g.Skip(at).Take(gradients.Sums.Count(part)).Select(value => (float)value)]);
                    gradients.Wrote(part);
                    at += gradients.Sums.Count(part);
                }

                optimizer.LearningRate = step > 10 ? 0.02 : optimizer.LearningRate;
                optimizer.Step(layer, gradients);
                for (int i = 0; i < w.Length; i++)
                    w[i] = Defined(optimizer, w[i], g[i], ref m[i], ref v[i], step);
            }

            Assert.Equal(w, All(layer.ToWeights()), (a, b) => Math.Abs(a - b) <= 2e-6 * Math.Max(1, Math.Abs(a)));
            optimizer.Reset(layer);
            optimizer.Step(layer, layer.CreateGradients()); // nothing was written, so nothing moves
            Assert.Equal(w, All(layer.ToWeights()), (a, b) => Math.Abs(a - b) <= 2e-6 * Math.Max(1, Math.Abs(a)));
        }
    }

    private static double Defined(Optimizer optimizer, double w, double g, ref double m, ref double v, int step)
    {
        double rate = optimizer.LearningRate;
        if (optimizer is Sgd sgd)
        {
            g += sgd.WeightDecay * w;
            m = sgd.Momentum * m + g;
            return w - rate * (sgd.Momentum == 0 ? g : m);
        }

        var adam = (Adam)optimizer;
        if (adam.DecoupledWeightDecay)
            w *= 1 - rate * adam.WeightDecay;
        else
            g += adam.WeightDecay * w;
        m = adam.Beta1 * m + (1 - adam.Beta1) * g;
        v = adam.Beta2 * v + (1 - adam.Beta2) * g * g;
        return w - rate * (m / (1 - Math.Pow(adam.Beta1, step))) / (Math.Sqrt(v / (1 - Math.Pow(adam.Beta2, step))) + adam.Epsilon);
    }

    private static double[] All(LayerWeights weights) => [.. LayerGradients.Parts.ToArray().SelectMany(part => weights.Part(part).ToArray()).Select(w => (double)w)];

    [Fact]
    public void What_is_out_of_range_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sgd(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Sgd(1) { Momentum = 1.5 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new Adam(double.NaN));
        Assert.Throws<ArgumentOutOfRangeException>(() => new Adam { Beta1 = -0.1 });
        using TrainingLayer layer = Backend.Simd.PrepareForTraining(LayerWeights.Random(LayerShape.Elman(3, 4), 1));
        Assert.Throws<ArgumentException>(() => new Adam().Step(layer, new LayerGradients(LayerShape.Elman(3, 5))));
        layer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => new Adam().Step(layer, new LayerGradients(layer.Shape)));
    }

    [Fact]
    public void Cross_entropy_is_its_definition_and_its_gradient_the_slope()
    {
        float[] logits = [0.3f, -1, 2, 0.5f, 0.4f, 0.1f, 9, 9, 9, -3, 2, 1];
        int[] targets = [2, 0, Losses.Ignored, 1];
        var gradient = new float[12];
        double loss = Losses.SoftmaxCrossEntropy(logits, targets, gradient);
        Assert.Equal(Mean(logits), loss, 1e-12);
        for (int i = 0; i < logits.Length; i++)
        {
            double[] up = [.. logits.Select(l => (double)l)], down = [.. up];
            up[i] += 1e-5;
            down[i] -= 1e-5;
            Assert.Equal((Of(up) - Of(down)) / 2e-5, gradient[i], 1e-7);
        }

        Assert.Equal(loss, Losses.SoftmaxCrossEntropy(logits, targets, logits.AsSpan())); // in place
        Assert.Equal(gradient, logits);
        Assert.Equal(0, Losses.SoftmaxCrossEntropy([1, 2], [Losses.Ignored], default));
        Assert.Equal(0, Losses.SoftmaxCrossEntropy(default, default, default));

        double Mean(float[] of) => Of([.. of.Select(l => (double)l)]);
        double Of(double[] of) => Enumerable.Range(0, 4).Where(row => targets[row] >= 0)
            .Average(row => Math.Log(of[(3 * row)..(3 * row + 3)].Sum(Math.Exp)) - of[3 * row + targets[row]]);
    }

    [Fact]
    public void Cross_entropy_of_extreme_logits()
    {
        var gradient = new float[4];
        Assert.Equal(2000, Losses.SoftmaxCrossEntropy([1000, -1000], [1], gradient.AsSpan(0, 2)));
        Assert.Equal([1, -1], gradient[..2]);
        Assert.Equal(0, Losses.SoftmaxCrossEntropy([3e38f, float.NegativeInfinity], [0], gradient.AsSpan(0, 2)));
        Assert.Equal(double.PositiveInfinity, Losses.SoftmaxCrossEntropy([1, float.NegativeInfinity], [1], gradient.AsSpan(0, 2)));
        Assert.Equal([1, -1], gradient[..2]);
        foreach (float bad in (float[])[float.NaN, float.PositiveInfinity])
        {
            Assert.True(double.IsNaN(Losses.SoftmaxCrossEntropy([bad, 0, 0, 0], [1, 1], gradient)));
            Assert.True(float.IsNaN(gradient[0]) && float.IsNaN(gradient[1]));
            Assert.Equal([0.25f, -0.25f], gradient[2..]);
        }

        Assert.True(double.IsNaN(Losses.SoftmaxCrossEntropy([float.NegativeInfinity, float.NegativeInfinity], [0], default)));
    }

    [Fact]
    public void Squared_error_is_the_mean_of_squares()
    {
        var gradient = new float[3];
        Assert.Equal((0.25 + 4 + 0) / 3, Losses.SquaredError([1, 2, 3], [0.5f, 4, 3], gradient), 1e-12);
        Assert.Equal([1 / 3f, -4 / 3f, 0], gradient);
        Assert.True(double.IsNaN(Losses.SquaredError([1, float.NaN, 3], [0, 0, 3], gradient)));
        Assert.Equal([true, true, false], [float.IsFinite(gradient[0]), float.IsFinite(gradient[2]), float.IsFinite(gradient[1])]);
        Assert.Equal(0, Losses.SquaredError(default, default, default));
    }

    [Fact]
    public void Losses_refuse_what_does_not_fit_and_write_nothing()
    {
        float[] gradient = [7, 7, 7, 7];
        Assert.Contains("targets[1] is 2", Assert.Throws<ArgumentOutOfRangeException>(() => Losses.SoftmaxCrossEntropy(new float[4], [0, 2], gradient)).Message);
        Assert.Throws<ArgumentOutOfRangeException>(() => Losses.SoftmaxCrossEntropy(new float[4], [0, -2], gradient));
        Assert.Throws<ArgumentException>(() => Losses.SoftmaxCrossEntropy(new float[5], [0, 0], gradient));
        Assert.Throws<ArgumentException>(() => Losses.SoftmaxCrossEntropy(default, [0], gradient));
        Assert.Throws<ArgumentException>(() => Losses.SoftmaxCrossEntropy(new float[6], [0, 0], gradient));
        Assert.Throws<ArgumentException>(() => Losses.SquaredError(new float[4], new float[3], gradient));
        Assert.Throws<ArgumentException>(() => Losses.SquaredError(new float[3], new float[3], gradient));
        Assert.All(gradient, g => Assert.Equal(7, g));
    }
}
