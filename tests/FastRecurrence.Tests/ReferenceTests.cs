using FastRecurrence.Reference;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests;

/// <summary>The reference is held to numbers that others worked out, and by finite differences.</summary>
public sealed class ReferenceTests
{
    /// <summary>Aidan Gomez, "Backpropogating an LSTM: A Numerical Example" (2016): tells all 24 gate orders apart.</summary>
    [Fact]
    public void Gomez_2016()
    {
        var layer = new ReferenceLayer(LayerShape.Lstm(2, 1), [.95, .8, .7, .45, .45, .25, .6, .4], [.8, .1, .15, .25], [.65, .15, .2, .1]);
        ReferenceResult result = layer.Run([1, 2, .5, 3], 2, 1);
        Assert.Equal([.5363133979, .7719811058], result.Output, Close(1e-10));
        Assert.Equal([1.5176330977], result.Cell, Close(1e-10));
    }

    /// <summary>James McCaffrey, MSDN Magazine, April 2018.</summary>
    [Fact]
    public void McCaffrey_2018()
    {
        double[] w = [.01, .02, .03, .04, .05, .06], u = [.07, .08, .09, .10, .11, .12, .13, .14, .15], b = [.16, .17, .18];
        var layer = new ReferenceLayer(LayerShape.Lstm(2, 3), [.. w, .. w, .. w, .. w], [.. u, .. u, .. u, .. u], [.. b, .. b, .. b, .. b]);
        ReferenceResult result = layer.Run([1, 2, 3, 4], 2, 1);
        Assert.Equal([.1282033709, .2066337531, .2883355740], result.Hidden, Close(1e-10));
        Assert.Equal([.2278311881, .3523230954, .4789199235], result.Cell, Close(1e-10));
    }

    [Fact]
    public void Scalar_lstm_over_three_steps()
    {
        var layer = new ReferenceLayer(LayerShape.Lstm(1, 1), [.6, .5, .7, .8], [.2, .1, .3, .4], new double[4]);
        Assert.Equal([.2563562828, .6397897934, .8706777856], layer.Run([1, 2, 3], 3, 1).Output, Close(1e-10));
    }

    [Theory]
    [InlineData(Activation.Linear)]
    [InlineData(Activation.Sigmoid)]
    [InlineData(Activation.Tanh)]
    [InlineData(Activation.Relu)]
    public void The_gradient_of_h_agrees_with_central_differences(Activation activation)
    {
        const int H = 4, T = 6, from = 1;
        var p = new Problem(LayerShape.Elman(2, H, activation), T, 1, seed: 5);
        var layer = new ReferenceLayer(p.Weights);
        double[] x = Problem.Widen(p.Input), output = layer.Run(x, T, 1).Output;
        double[] gradient = layer.HiddenGradient(output, from, T - 1);
        for (int j = 0; j < H; j++)
        {
            double[] Moved(double step)
            {
                double[] h = output[(from * H)..((from + 1) * H)];
                h[j] += step;
                return layer.Run(x[((from + 1) * 2)..], T - 1 - from, 1, h).Hidden;
            }

            double[] up = Moved(1e-5), down = Moved(-1e-5);
            for (int i = 0; i < H; i++)
                Assert.Equal((up[i] - down[i]) / 2e-5, gradient[i * H + j], 1e-8);
        }
    }

    [Fact]
    public void Bidirectional_is_a_forward_run_beside_a_run_over_the_reversed_input()
    {
        const int T = 5, N = 2, I = 3, H = 4;
        var forward = new Problem(LayerShape.Lstm(I, H), T, N, seed: 1);
        var reverse = new ReferenceLayer(new Problem(LayerShape.Lstm(I, H), T, N, seed: 2).Weights);
        double[] x = Problem.Widen(forward.Input);
        double[] both = ReferenceOutput.Bidirectional(new ReferenceLayer(forward.Weights), reverse, x, T, N);
        double[] turned = [.. Enumerable.Range(0, T).Reverse().SelectMany(t => x[(t * N * I)..((t + 1) * N * I)])];
        double[] left = new ReferenceLayer(forward.Weights).Run(x, T, N).Output, right = reverse.Run(turned, T, N).Output;
        for (int t = 0; t < T; t++)
        {
            for (int n = 0; n < N; n++)
            {
                int row = t * N + n, turnedRow = (T - 1 - t) * N + n;
                Assert.Equal([.. left[(row * H)..((row + 1) * H)], .. right[(turnedRow * H)..((turnedRow + 1) * H)]], both[(row * 2 * H)..((row + 1) * 2 * H)]);
            }
        }
    }

    [Fact]
    public void Output_layer()
    {
        double[] y = ReferenceOutput.Apply([1, 2, 3, 4], [1, 10, -1, 0], [0.5, 1], Activation.Relu);
        Assert.Equal([21.5, 0, 43.5, 0], y);
    }

    private static Func<double, double, bool> Close(double tolerance) => (a, b) => Math.Abs(a - b) <= tolerance;
}
