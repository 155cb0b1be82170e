using FastRecurrence.Reference;
using FastRecurrence.Tests.Conformance;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Stack;

/// <summary>Stacks against the double reference composed by hand, layer by layer and row by row.</summary>
[Collection("devices")]
public sealed class StackTests
{
    public static TheoryData<string> Complete => TestBackends.CompleteNames;

    public static TheoryData<string> Core => TestBackends.CoreNames;

    internal static StackLayer[] Random(LayerShape first, int layers, bool bidirectional, int seed = 3)
    {
        var stack = new List<StackLayer>();
        int input = first.InputSize;
        for (int k = 0; k < layers; k++)
        {
            LayerShape shape = WithInput(first, input);
            LayerWeights forward = LayerWeights.Random(shape, seed + 2 * k);
            stack.Add(bidirectional ? StackLayer.Bidirectional(forward, LayerWeights.Random(shape, seed + 2 * k + 1)) : StackLayer.Unidirectional(forward));
            input = stack[^1].OutputSize;
        }

        return [.. stack];
    }

    private static LayerShape WithInput(LayerShape shape, int input) => shape.Cell switch
    {
        CellKind.Lstm => LayerShape.Lstm(input, shape.HiddenSize) with { ProjectionSize = shape.ProjectionSize, Peepholes = shape.Peepholes },
        CellKind.Gru => LayerShape.Gru(input, shape.HiddenSize, shape.LinearBeforeReset),
        _ => LayerShape.Elman(input, shape.HiddenSize, shape.CandidateActivation),
    };

    /// <summary>One row alone through the reference, time-major in and out.</summary>
    private static (double[] Y, double[][] H, double[][] C) Exact(StackLayer[] stack, double[] x, int length, Func<int, double[]> h0, Func<int, double[]> c0)
    {
        List<double[]> h = [], c = [];
        foreach (StackLayer layer in stack)
        {
            var parts = new List<(double[] Y, int Width)>();
            foreach ((LayerWeights? weights, Direction direction) in (ReadOnlySpan<(LayerWeights?, Direction)>)[(layer.Forward, Direction.Forward), (layer.Reverse, Direction.Reverse)])
            {
                if (weights is null)
                    continue;
                ReferenceResult r = new ReferenceLayer(weights).Run(x, length, 1, h0(h.Count), c0(h.Count), direction);
                h.Add(r.Hidden);
                c.Add(r.Cell);
                parts.Add((r.Output, weights.Shape.OutputSize));
            }

            x = [.. Enumerable.Range(0, length).SelectMany(t => parts.SelectMany(p => p.Y.Skip(t * p.Width).Take(p.Width)))];
        }

        return (x, [.. h], [.. c]);
    }

    [Theory]
    [MemberData(nameof(Complete))]
    public void Ragged_bidirectional_stacks_agree_with_rows_run_alone(string name)
    {
        Backend backend = TestBackends.Named(name);
        const int T = 6, N = 5, I = 3;
        int[] lengths = [2, 6, 0, 5, 1];
        LayerShape[] shapes = [LayerShape.Lstm(I, 7), LayerShape.Gru(I, 5), LayerShape.Gru(I, 4, linearBeforeReset: false), LayerShape.Elman(I, 9, Activation.Relu),
            LayerShape.Lstm(I, 6) with { ProjectionSize = 2 }, LayerShape.Lstm(I, 6) with { Peepholes = true }];
        foreach (LayerShape shape in shapes)
        {
            foreach (SequenceLayout layout in Enum.GetValues<SequenceLayout>())
            {
                foreach (Padding padding in Enum.GetValues<Padding>())
                    Check(backend, Random(shape, 3, bidirectional: true), T, N, lengths, layout, padding);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Core))]
    public void Dense_forward_stacks_agree_with_the_reference(string name)
    {
        Check(TestBackends.Named(name), Random(LayerShape.Lstm(3, 17), 3, bidirectional: false), 9, 4, null, SequenceLayout.TimeMajor, Padding.Right);
        Check(TestBackends.Named(name), Random(LayerShape.Elman(3, 5), 2, bidirectional: false), 9, 1, null, SequenceLayout.TimeMajor, Padding.Right);
    }

    private static void Check(Backend backend, StackLayer[] layers, int T, int N, int[]? lengths, SequenceLayout layout, Padding padding)
    {
        using var stack = new RecurrentStack(backend, layers);
        using StackState state = stack.CreateState(N);
        var random = new Random(5);
        int I = stack.InputSize, O = stack.OutputSize;
        float[] x = Problem.Uniform(random, T * N * I);
        float[][] h0 = [.. Enumerable.Range(0, stack.StateCount).Select(i => Problem.Uniform(random, N * stack.StateShape(i).OutputSize))];
        float[][] c0 = [.. Enumerable.Range(0, stack.StateCount).Select(i => Problem.Uniform(random, N * stack.StateShape(i).HiddenSize))];
        bool cell = stack.StateShape(0).HasCellState;
        for (int i = 0; i < stack.StateCount; i++)
        {
            state.SetHidden(i, h0[i]);
            if (cell)
                state.SetCell(i, c0[i]);
        }

        int Row(int t, int n) => layout == SequenceLayout.TimeMajor ? t * N + n : n * T + t;
        float[] y = [.. Enumerable.Repeat(float.NaN, T * N * O)];
        for (int n = 0; n < N && lengths is not null; n++)
        {
            for (int t = 0; t < T; t++)
            {
                bool padded = padding == Padding.Right ? t >= lengths[n] : t < T - lengths[n];
                if (padded)
                    x.AsSpan(Row(t, n) * I, I).Fill(float.NaN); // padding is never read
            }
        }

        stack.Run(state, T, x, y, new StackOptions { Lengths = lengths, Layout = layout, Padding = padding });

        double tolerance = TestBackends.Tolerance(backend);
        for (int n = 0; n < N; n++)
        {
            int length = lengths?[n] ?? T, start = padding == Padding.Right ? 0 : T - length;
            double[] own = [.. Enumerable.Range(start, length).SelectMany(t => x.Skip(Row(t, n) * I).Take(I)).Select(v => (double)v)];
            double[] Part(float[] from, int width) => [.. from.Skip(n * width).Take(width).Select(v => (double)v)];
            (double[] exact, double[][] h, double[][] c) = Exact(layers, own, length, i => Part(h0[i], stack.StateShape(i).OutputSize), i => Part(c0[i], stack.StateShape(i).HiddenSize));
            for (int t = 0; t < T; t++)
            {
                bool inside = t >= start && t < start + length;
                for (int k = 0; k < O; k++)
                    Assert.Equal(inside ? exact[(t - start) * O + k] : 0, y[Row(t, n) * O + k], tolerance);
            }

            for (int i = 0; i < stack.StateCount; i++)
            {
                int P = stack.StateShape(i).OutputSize, H = stack.StateShape(i).HiddenSize;
                var last = new float[N * P];
                state.CopyHiddenTo(i, last);
                Assert.Equal(h[i], Part(last, P), (a, b) => Math.Abs(a - b) <= tolerance);
                if (!cell)
                    continue;
                last = new float[N * H];
                state.CopyCellTo(i, last);
                Assert.Equal(c[i], Part(last, H), (a, b) => Math.Abs(a - b) <= tolerance * Math.Max(1, Math.Abs(a)));
            }
        }
    }

    [Fact]
    public void Layers_that_do_not_fit_are_refused_with_both_sizes()
    {
        StackLayer low = Random(LayerShape.Lstm(3, 4), 1, bidirectional: true)[0], high = Random(LayerShape.Lstm(4, 4), 1, bidirectional: false)[0];
        ArgumentException e = Assert.Throws<ArgumentException>(() => new RecurrentStack(Backend.Reference, low, high));
        Assert.Contains("reads 4 features", e.Message);
        Assert.Contains("gives 8", e.Message);
        Assert.Throws<ArgumentException>(() => new RecurrentStack(Backend.Reference));
        Assert.Throws<ArgumentException>(() => StackLayer.Bidirectional(low.Forward!, high.Forward!));
    }

    [Fact]
    public void Wrong_calls_are_refused_before_anything_is_written()
    {
        using var stack = new RecurrentStack(Backend.Reference, Random(LayerShape.Lstm(3, 4), 2, bidirectional: true));
        using StackState state = stack.CreateState(2);
        var y = new float[2 * 2 * 8];
        Assert.Throws<ArgumentException>("input", () => stack.Run(state, 2, new float[11], y));
        Assert.Throws<ArgumentException>("output", () => stack.Run(state, 2, new float[12], y.AsSpan(1)));
        Assert.Throws<ArgumentException>("lengths", () => stack.Run(state, 2, new float[12], y, new StackOptions { Lengths = [1] }));
        Assert.Throws<ArgumentOutOfRangeException>("lengths", () => stack.Run(state, 2, new float[12], y, new StackOptions { Lengths = [1, 3] }));
        Assert.Throws<ArgumentException>("output", () => stack.Run(state, 1, y.AsSpan(0, 6), y.AsSpan(5, 16)));
        Assert.All(y, v => Assert.Equal(0, v));
        using var other = new RecurrentStack(Backend.Reference, Random(LayerShape.Lstm(3, 4), 2, bidirectional: true));
        Assert.Throws<ArgumentException>("state", () => other.Run(state, 2, new float[12], y));
        state.Dispose();
        state.Dispose();
        Assert.Throws<ObjectDisposedException>(() => stack.Run(state, 2, new float[12], y));
        Assert.Throws<ObjectDisposedException>(() => state.Reset());
        stack.Dispose();
        Assert.Throws<ObjectDisposedException>(() => stack.CreateState(1));
    }

    [Fact]
    public void No_steps_or_no_rows_give_nothing()
    {
        using var stack = new RecurrentStack(Backend.Reference, Random(LayerShape.Gru(3, 4), 2, bidirectional: true));
        using StackState none = stack.CreateState(0), some = stack.CreateState(2);
        stack.Run(none, 3, [], []);
        some.SetHidden(0, [1, 2, 3, 4, 5, 6, 7, 8]);
        stack.Run(some, 0, [], []);
        var h = new float[8];
        some.CopyHiddenTo(0, h);
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], h);
    }
}
