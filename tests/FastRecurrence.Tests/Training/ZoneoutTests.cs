using FastRecurrence.Reference;

namespace FastRecurrence.Tests.Training;

/// <summary>Zoneout: the reference by central differences, the CPU by the reference, what the bits may depend on, and what is refused.</summary>
[Collection("teams")]
public sealed class ZoneoutTests
{
    private static readonly Backend[] s_cpu = [.. Backend.All.Where(b => b.Name != "reference")];

    private static IEnumerable<LayerShape> Shapes(int I, int H)
    {
        yield return LayerShape.Lstm(I, H);
        yield return LayerShape.Lstm(I, H) with { Peepholes = true };
        yield return LayerShape.Lstm(I, H) with { Peepholes = true, CoupledInputForget = true };
        yield return LayerShape.Lstm(I, H) with { ProjectionSize = H / 2 + 1 };
        yield return LayerShape.Gru(I, H);
        yield return LayerShape.Gru(I, H, linearBeforeReset: false);
        yield return LayerShape.Elman(I, H);
    }

    private static Zoneout Of(LayerShape shape, bool isExpected = false) =>
        new() { Hidden = 0.3, Cell = shape.HasCellState ? 0.4 : 0, IsExpected = isExpected };

    private static IEnumerable<BackwardProblem> Problems()
    {
        foreach (LayerShape shape in Shapes(6, 19).Concat(Shapes(3, 70)))
        {
            yield return new BackwardProblem(shape, 5, 1) { Zoneout = Of(shape) };
            yield return new BackwardProblem(shape, 7, 9, ragged: true) { Zoneout = Of(shape) };
            yield return new BackwardProblem(shape, 7, 9, ragged: true, Direction.Reverse) { Zoneout = Of(shape, isExpected: true) };
        }

        yield return new BackwardProblem(LayerShape.Lstm(3, 21), 6, 4) { Zoneout = new() { Cell = 0.5 } };
        yield return new BackwardProblem(LayerShape.Lstm(3, 21), 6, 4) { Zoneout = new() { Hidden = 0.5 } };
    }

    [Theory]
    [InlineData(false, false, Direction.Forward)]
    [InlineData(true, false, Direction.Reverse)]
    [InlineData(true, true, Direction.Forward)]
    public void The_reference_agrees_with_central_differences(bool ragged, bool isExpected, Direction direction)
    {
        foreach (LayerShape shape in Shapes(3, 4))
        {
            Zoneout share = Of(shape, isExpected);
            var zoneout = new ReferenceZoneout(new ZoneoutMask(share.Hidden, isExpected, 3, 0), new ZoneoutMask(share.Cell, isExpected, 3, 1));
            GradientProblem problem = GradientProblem.Draw(shape, ragged: ragged, direction: direction, zoneout: zoneout);
            foreach ((string part, double error) in problem.Errors(problem.Layer.Backward(problem.Input)))
                Assert.True(error <= 1e-8, $"{shape}: the error of d{part} is {error:g3}");
        }
    }

    /// <summary>A check that cannot fail checks nothing: masks of another run must be found.</summary>
    [Fact]
    public void Other_masks_are_found()
    {
        var zoneout = new ReferenceZoneout(new ZoneoutMask(0.3, false, 3, 0), new ZoneoutMask(0.4, false, 3, 1));
        GradientProblem problem = GradientProblem.Draw(LayerShape.Lstm(3, 4), zoneout: zoneout);
        foreach (ReferenceZoneout wrong in (ReferenceZoneout[])[zoneout with { Hidden = new ZoneoutMask(0.3, false, 4, 0) }, zoneout with { Cell = zoneout.Hidden }])
        {
            ReferenceBackwardInput input = problem.Input with { Zoneout = wrong };
            Assert.True(problem.Errors(problem.Layer.Backward(input))["W"] > 1e-3);
        }
    }

    [Fact]
    public void The_CPU_agrees_with_the_reference_at_every_width()
    {
        foreach (BackwardProblem p in Problems())
        {
            ReferenceGradients exact = p.Exact();
            foreach (Backend backend in s_cpu.Append(Backend.All.Single(b => b.Name == "reference")))
            {
                Dictionary<string, float[]> actual = p.Run(backend);
                foreach ((string part, double[] expected) in Parts(p, exact))
                {
                    double scale = Math.Max(1, expected.Select(Math.Abs).DefaultIfEmpty().Max());
                    Assert.Equal(expected.Length, actual[part].Length);
                    for (int i = 0; i < expected.Length; i++)
                        Assert.True(Math.Abs(expected[i] - actual[part][i]) <= 4e-6 * scale, $"{backend.Name}, {p}: {part}[{i}] is {actual[part][i]:R}, exact {expected[i]:R}");
                }
            }
        }
    }

    private static (string Name, double[] Exact)[] Parts(BackwardProblem p, ReferenceGradients exact) =>
    [
        ("dx", exact.Input), ("dh0", exact.InitialHidden), ("dc0", p.Shape.HasCellState ? exact.InitialCell : []), ("dW", exact.InputWeights),
        ("dR", exact.RecurrentWeights), ("db", exact.Bias), ("dp", exact.Peepholes), ("dWp", exact.Projection),
    ];

    [Fact]
    public void Widths_and_teams_do_not_change_the_bits()
    {
        using var team = new WorkerTeam(2);
        foreach (BackwardProblem p in Problems().Append(new BackwardProblem(LayerShape.Lstm(40, 65), 30, 3) { Zoneout = new() { Hidden = 0.2, Cell = 0.2 } })
            .Append(new BackwardProblem(LayerShape.Gru(40, 65, linearBeforeReset: false), 30, 40) { Zoneout = new() { Hidden = 0.2 } }))
        {
            Dictionary<string, float[]> expected = p.Run(s_cpu[0]);
            foreach (Dictionary<string, float[]> actual in s_cpu.Skip(1).Select(b => p.Run(b)).Append(p.Run(Backend.Simd, team)))
            {
                foreach ((string part, float[] values) in expected)
                    Assert.True(values.AsSpan().SequenceEqual(actual[part]), $"{p}: {part} has other bits");
            }
        }
    }

    /// <summary>A constant cell: a unit that has been let through has its value for ever. With the mask of the first step at every step no later one would follow.</summary>
    [Fact]
    public void Every_step_has_a_mask_of_its_own()
    {
        const int H = 4000, T = 4;
        var bias = new float[H];
        Array.Fill(bias, 1f);
        using TrainingLayer layer = Backend.Simd.PrepareForTraining(new LayerWeights(LayerShape.Elman(0, H), [], new float[H * H], bias));
        using LayerState state = layer.CreateState(1);
        using TrainingTape tape = layer.CreateTape(T, 1);
        tape.Zoneout = new Zoneout { Hidden = 0.5 };
        var y = new float[T * H];
        layer.Run(state, tape, T, [], y);
        for (int t = 0; t < T; t++)
            Assert.InRange(y.Skip(t * H).Take(H).Count(h => h == 0) / (double)H, Math.Pow(0.5, t + 1) - 0.03, Math.Pow(0.5, t + 1) + 0.03);
        Assert.Equal(1ul, tape.ZoneoutSeed);
        float[] first = [.. y];
        state.Reset();
        layer.Run(state, tape, T, [], y);
        Assert.NotEqual(first, y);
        state.Reset();
        tape.ZoneoutSeed = 0;
        layer.Run(state, tape, T, [], y);
        Assert.Equal(first, y);
    }

    [Fact]
    public void Without_a_share_nothing_changes()
    {
        var p = new BackwardProblem(LayerShape.Lstm(5, 19), 6, 3);
        var zero = new BackwardProblem(LayerShape.Lstm(5, 19), 6, 3) { Zoneout = new Zoneout { IsExpected = true } };
        foreach ((string part, float[] values) in p.Run(Backend.Simd))
            Assert.Equal(values, zero.Run(Backend.Simd)[part]);
    }

    [Fact]
    public void What_cannot_be_done_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new Zoneout { Hidden = 1.5 });
        Assert.Throws<ArgumentOutOfRangeException>(() => new Zoneout { Cell = double.NaN });
        using TrainingLayer gru = Backend.Simd.PrepareForTraining(LayerWeights.Random(LayerShape.Gru(2, 3), 1));
        using TrainingTape tape = gru.CreateTape(4, 1), checkpoints = gru.CreateTape(4, 1, checkpointEvery: 2);
        Assert.Contains("no cell state", Assert.Throws<ArgumentException>(() => tape.Zoneout = new Zoneout { Cell = 0.1 }).Message, StringComparison.Ordinal);
        Assert.Contains("checkpoints", Assert.Throws<NotSupportedException>(() => checkpoints.Zoneout = new Zoneout { Hidden = 0.1 }).Message, StringComparison.Ordinal);
        tape.Zoneout = new Zoneout { Hidden = 0.1 };
        using LayerState state = gru.CreateState(1);
        var y = new float[12];
        gru.Run(state, tape, 4, new float[8], y);
        Assert.Contains("State norms", Assert.Throws<ArgumentException>(() =>
            gru.Backward(tape, new float[8], y, y, null, new BackwardOptions { StateNorms = new double[5] })).Message, StringComparison.Ordinal);
        Assert.True(tape.IsFull);
    }

    /// <summary>Layers of a stack have masks of their own; a dense layer has none; the CPU and the reference agree.</summary>
    [Fact]
    public void A_stack_zones_out_its_recurrent_layers()
    {
        const int T = 5, N = 3;
        LayerWeights[] layers = [LayerWeights.Random(LayerShape.Lstm(2, 6), 1), LayerWeights.Random(LayerShape.Gru(6, 5), 2), LayerWeights.Random(LayerShape.Dense(5, 2), 3)];
        (float[] Y, float[] Gradient) Run(Backend backend, Zoneout zoneout)
        {
            using var stack = new TrainingStack(backend, [.. layers.Select(l => StackLayer.Unidirectional(l))]) { Zoneout = zoneout };
            using StackState state = stack.CreateState(N);
            using StackTape tape = stack.CreateTape(T, N);
            float[] x = [.. Enumerable.Range(0, T * N * 2).Select(i => MathF.Sin(i))], y = new float[T * N * 2], dx = new float[x.Length];
            LayerGradients[] gradients = stack.CreateGradients();
            stack.Run(state, tape, T, x, y);
            stack.Backward(tape, x, y, gradients, new BackwardOptions { Input = dx });
            return (y, [.. dx, .. gradients[0].RecurrentWeights, .. gradients[1].InputWeights]);
        }

        var zoneout = new Zoneout { Hidden = 0.3, Cell = 0.3 };
        (float[] y, float[] gradient) = Run(Backend.Simd, zoneout);
        (float[] exactY, float[] exact) = Run(Backend.All.Single(b => b.Name == "reference"), zoneout);
        Assert.All(y.Zip(exactY), pair => Assert.Equal(pair.Second, pair.First, 1e-5));
        Assert.All(gradient.Zip(exact), pair => Assert.Equal(pair.Second, pair.First, 1e-5));
        Assert.NotEqual(y, Run(Backend.Simd, default).Y);
    }
}
