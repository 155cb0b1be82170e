namespace FastRecurrence.Tests.Training;

/// <summary>A tape that keeps every so many steps and runs the pieces again.</summary>
public sealed class CheckpointTests
{
    private static IEnumerable<BackwardProblem> Problems()
    {
        foreach (LayerShape shape in (LayerShape[])[LayerShape.Lstm(3, 9) with { ProjectionSize = 4 }, LayerShape.Lstm(3, 18), LayerShape.Gru(3, 9), LayerShape.Gru(3, 9, false), LayerShape.Elman(3, 9)])
        {
            yield return new BackwardProblem(shape, 11, 4);
            yield return new BackwardProblem(shape, 11, 4, ragged: true);
            yield return new BackwardProblem(shape, 11, 4, direction: Direction.Reverse);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    [InlineData(10)]
    [InlineData(11)]
    public void Gives_the_gradients_of_a_tape_that_keeps_all(int every)
    {
        foreach (Backend backend in Backend.All)
        {
            foreach (BackwardProblem p in Problems())
            {
                Outcome expected = Run(p, backend, 0), actual = Run(p, backend, every);
                bool exact = backend.Name != "reference"; // which keeps its states in double
                double tolerance = exact ? 0 : 1e-6;
                Assert.Equal(expected.Y, actual.Y);
                Assert.Equal(expected.Dx, actual.Dx, (a, b) => Math.Abs(a - b) <= tolerance);
                Assert.Equal(expected.Dh, actual.Dh, (a, b) => Math.Abs(a - b) <= tolerance);
                Assert.Equal(expected.Norms, actual.Norms, (a, b) => Math.Abs(a - b) <= Math.Max(tolerance, 1e-12));
                Assert.Equal(expected.DW, actual.DW, (a, b) => Math.Abs(a - b) <= 2e-6 * Math.Max(1, Math.Abs(a)));
            }
        }
    }

    [Fact]
    public void Takes_less_memory_and_allocates_nothing()
    {
        var p = new BackwardProblem(LayerShape.Lstm(3, 32), 100, 4);
        using TrainingLayer layer = Backend.Simd.PrepareForTraining(p.Weights);
        using TrainingTape all = layer.CreateTape(100, 4), some = layer.CreateTape(100, 4, checkpointEvery: 10);
        Assert.True(some.Bytes < all.Bytes / 4, $"{some.Bytes} of {all.Bytes}");
        using LayerState state = layer.CreateState(4);
        LayerGradients gradients = layer.CreateGradients();
        float[] y = new float[p.OutputGradient.Length], dx = new float[p.Input.Length];
        BackwardTests.AssertAllocatesNothing(() =>
        {
            layer.Run(state, some, 100, p.Input, y);
            layer.Backward(some, p.Input, y, p.OutputGradient, gradients, new BackwardOptions { Input = dx });
        });
    }

    [Fact]
    public void Refuses_what_does_not_lie_side_by_side()
    {
        var p = new BackwardProblem(LayerShape.Gru(3, 5), 6, 2, ragged: true);
        using TrainingLayer layer = Backend.Simd.PrepareForTraining(p.Weights);
        using TrainingTape tape = layer.CreateTape(6, 2, checkpointEvery: 2);
        using LayerState state = layer.CreateState(2);
        var y = new float[60];
        Assert.Throws<NotSupportedException>(() => layer.Run(state, tape, 6, p.Input, y, new SequenceOptions { Layout = SequenceLayout.BatchMajor }));
        Assert.Throws<NotSupportedException>(() => layer.Run(state, tape, 6, p.Input, y, p.Options with { Padding = Padding.Left }));
        Assert.Throws<NotSupportedException>(() => layer.Run(state, tape, 6, p.Input, y, p.Options with { Direction = Direction.Reverse }));
        Assert.ThrowsAny<ArgumentException>(() => layer.Run(state, tape, 6, p.Input.AsSpan(1), y, p.Options));
        Assert.False(tape.IsFull);
        Assert.Throws<ArgumentOutOfRangeException>(() => layer.CreateTape(6, 2, checkpointEvery: -1));
    }

    private sealed record Outcome(float[] Y, float[] Dx, float[] Dh, double[] Norms, float[] DW);

    private static Outcome Run(BackwardProblem p, Backend backend, int every)
    {
        using TrainingLayer layer = backend.PrepareForTraining(p.Weights);
        using LayerState state = layer.CreateState(p.N);
        using TrainingTape tape = layer.CreateTape(p.T, p.N, checkpointEvery: every);
        LayerGradients gradients = layer.CreateGradients();
        p.Set(state);
        float[] y = BackwardProblem.Poison(p.OutputGradient.Length), dx = BackwardProblem.Poison(p.Input.Length), dh = BackwardProblem.Poison(p.Hidden.Length);
        var norms = new double[p.T + 1];
        layer.Run(state, tape, p.T, p.Input, y, p.Options);
        layer.Backward(tape, p.Input, y, p.OutputGradient, gradients, new BackwardOptions { Input = dx, InitialHidden = dh, FinalHidden = p.FinalHidden, FinalCell = p.FinalCell, StateNorms = norms });
        return new(y, dx, dh, norms, [.. gradients.InputWeights, .. gradients.RecurrentWeights, .. gradients.Bias, .. gradients.Projection]);
    }
}
