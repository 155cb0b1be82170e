namespace FastRecurrence.Tests.Training;

/// <summary>Layers on top of each other, both directions, dropout between them.</summary>
[Collection("teams")]
public sealed class TrainingStackTests
{
    private const int T = 5, N = 3, I = 4;

    private static readonly int[] s_lengths = [5, 2, 4];

    private static StackLayer[] Layers() =>
    [
        StackLayer.Bidirectional(LayerWeights.Random(LayerShape.Lstm(I, 6) with { ProjectionSize = 3 }, 1), LayerWeights.Random(LayerShape.Lstm(I, 5), 2)),
        StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Gru(8, 7), 3), Direction.Reverse),
        StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Elman(7, 6), 4)),
        StackLayer.Bidirectional(LayerWeights.Random(LayerShape.Gru(6, 4), 5), LayerWeights.Random(LayerShape.Gru(6, 3), 6)),
        StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Dense(7, 2), 7)),
    ];

    private static float[] Uniform(int count, int seed)
    {
        var random = new Random(seed);
        return [.. Enumerable.Range(0, count).Select(_ => 2 * random.NextSingle() - 1)];
    }

    [Fact]
    public void Without_dropout_a_run_has_the_bits_of_the_stack()
    {
        foreach (Backend backend in Backend.All)
        {
            using var stack = new TrainingStack(backend, Layers());
            float[] x = Uniform(T * N * I, 1), y = new float[T * N * 2], trained = BackwardProblem.Poison(y.Length);
            foreach (SequenceLayout layout in Enum.GetValues<SequenceLayout>())
            {
                var options = new StackOptions { Lengths = s_lengths, Layout = layout };
                using StackState state = stack.CreateState(N), other = stack.CreateState(N);
                stack.Stack.Run(state, T, x, y, options);
                stack.Run(other, stack.CreateTape(T, N), T, x, trained, options);
                Assert.Equal(y, trained);
                Assert.Equal(state.Save(), other.Save());
            }
        }
    }

    /// <summary>Central differences in the double of the reference, of x, of states and of a weight of each layer; with dropout, whose mask stands still.</summary>
    [Theory]
    [InlineData(0.0)]
    [InlineData(0.4)]
    public void Gradients_are_the_slopes_of_the_loss(double dropout)
    {
        StackLayer[] layers = Layers();
        float[] x = Uniform(T * N * I, 1), dy = Uniform(T * N * 2, 2);
        using var stack = new TrainingStack(Backend.Reference, layers) { Dropout = dropout };
        (float[] _, float[] dx, float[] dh, LayerGradients[] gradients) = Step(stack, x, dy);
        const float e = 1f / 256;
        for (int i = 0; i < x.Length; i += 3)
        {
            float[] up = [.. x], down = [.. x];
            up[i] += e;
            down[i] -= e;
            Assert.Equal((Loss(stack, up) - Loss(stack, down)) / (up[i] - down[i]), dx[i], 2e-4);
        }

        for (int layer = 0; layer < stack.Layers.Count; layer++)
        {
            LayerWeights before = stack.Layers[layer].ToWeights();
            for (int at = 0; at < before.InputWeights.Length; at += 11)
            {
                double Moved(float by)
                {
                    float[] w = before.InputWeights.ToArray();
                    w[at] += by;
                    stack.Layers[layer].Load(new LayerWeights(before.Shape, w, before.RecurrentWeights, before.Bias, before.Peepholes, before.Projection));
                    return Loss(stack, x);
                }

                Assert.Equal((Moved(e) - Moved(-e)) / (2 * e), gradients[layer].InputWeights[at], 3e-4);
            }

            stack.Layers[layer].Load(before);
        }

        Assert.Contains(dh, g => g != 0);

        double Loss(TrainingStack of, float[] input) => Step(of, input, dy).Y.Zip(dy, (a, b) => (double)a * b).Sum();
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.3)]
    public void Kernels_agree_with_the_reference_and_with_each_other(double dropout)
    {
        float[] x = Uniform(T * N * I, 1), dy = Uniform(T * N * 2, 2);
        using var reference = new TrainingStack(Backend.Reference, Layers()) { Dropout = dropout };
        (float[] y, float[] dx, float[] dh, LayerGradients[] gradients) expected = Step(reference, x, dy);
        using var team = new WorkerTeam(2);
        (float[] y, float[] dx, float[] dh, LayerGradients[] gradients)? first = null;
        foreach (Backend backend in Backend.All.Skip(1))
        {
            using var stack = new TrainingStack(backend, Layers()) { Dropout = dropout };
            foreach (WorkerTeam? threads in (WorkerTeam?[])[null, team])
            {
                var actual = Step(stack, x, dy, threads);
                Assert.Equal(expected.y, actual.Y, Near);
                Assert.Equal(expected.dx, actual.Dx, Near);
                Assert.Equal(expected.dh, actual.Dh, Near);
                first ??= actual;
                Assert.Equal(first.Value.dx, actual.Dx);
                for (int i = 0; i < actual.Gradients.Length; i++)
                {
                    Assert.Equal(expected.gradients[i].InputWeights.ToArray(), actual.Gradients[i].InputWeights.ToArray(), Near);
                    Assert.Equal(first.Value.gradients[i].InputWeights.ToArray(), actual.Gradients[i].InputWeights.ToArray());
                    Assert.Equal(first.Value.gradients[i].Bias.ToArray(), actual.Gradients[i].Bias.ToArray());
                }
            }
        }

        static bool Near(float a, float b) => Math.Abs(a - b) <= 4e-6 * Math.Max(1, Math.Abs(a));
    }

    /// <summary>The mask belongs to the seed and the place: steps and rows keep theirs in any layout and batch, and each run has another.</summary>
    [Fact]
    public void Masks_are_functions_of_seed_and_place()
    {
        const int width = 10, steps = 40, rows = 30;
        float[] ones = [.. Enumerable.Repeat(1f, steps * rows * width)], timeMajor = new float[ones.Length], batchMajor = new float[ones.Length], other = new float[ones.Length];
        new Dropout(0.25, 7, 2).Apply(ones, timeMajor, width, steps, rows, batchMajor: false);
        new Dropout(0.25, 7, 2).Apply(ones, batchMajor, width, steps, rows, batchMajor: true);
        new Dropout(0.25, 8, 2).Apply(ones, other, width, steps, rows, batchMajor: false);
        Assert.All(timeMajor, v => Assert.True(v is 0 or 4f / 3));
        Assert.InRange(timeMajor.Count(v => v == 0) / (double)ones.Length, 0.24, 0.26);
        Assert.InRange(timeMajor.Zip(other).Count(p => p.First == p.Second) / (double)ones.Length, 0.6, 0.65); // 0.75² + 0.25²
        for (int t = 0; t < steps; t++)
        {
            for (int n = 0; n < rows; n++)
                Assert.Equal(timeMajor.AsSpan((t * rows + n) * width, width), batchMajor.AsSpan((n * steps + t) * width, width));
        }

        var alone = new float[steps * width];
        new Dropout(0.25, 7, 2).Apply(ones.AsSpan(0, alone.Length), alone, width, steps, 1, batchMajor: false);
        for (int t = 0; t < steps; t++)
            Assert.Equal(timeMajor.AsSpan(t * rows * width, width), alone.AsSpan(t * width, width));
    }

    /// <summary>The generator's published answers (Random123, kat_vectors, philox4x32 10).</summary>
    [Fact]
    public void The_generator_is_Philox()
    {
        Assert.Equal(Words(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8), Dropout.Philox(0, 0, 0, 0, 0));
        Assert.Equal(Words(0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd), Dropout.Philox(~0u, ~0u, ~0u, ~0u, ~0ul));

        static UInt128 Words(uint a, uint b, uint c, uint d) => new(((ulong)d << 32) | c, ((ulong)b << 32) | a);
    }

    [Fact]
    public void A_warm_step_allocates_nothing()
    {
        foreach (WorkerTeam? team in (WorkerTeam?[])[null, new WorkerTeam(2)])
        {
            using var stack = new TrainingStack(Backend.Simd, Layers()) { Dropout = 0.2 };
            using StackState state = stack.CreateState(N, team);
            using StackTape tape = stack.CreateTape(T, N, team);
            LayerGradients[] gradients = stack.CreateGradients();
            float[] x = Uniform(T * N * I, 1), y = new float[T * N * 2], dx = new float[x.Length];
            BackwardTests.AssertAllocatesNothing(() =>
            {
                stack.Run(state, tape, T, x, y, new StackOptions { Lengths = s_lengths });
                stack.Backward(tape, x, y, gradients, new BackwardOptions { Input = dx });
                LayerGradients.ClipToNorm(1, gradients);
            });
            team?.Dispose();
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused_and_changes_nothing()
    {
        using var stack = new TrainingStack(Backend.Simd, Layers()) { Dropout = 0.2 };
        using TrainingStack other = new(Backend.Simd, Layers());
        using StackState state = stack.CreateState(N);
        using StackTape tape = stack.CreateTape(T, N);
        LayerGradients[] gradients = stack.CreateGradients();
        float[] x = Uniform(T * N * I, 1), y = new float[T * N * 2];
        Assert.Throws<InvalidOperationException>(() => stack.Backward(tape, x, y, gradients));
        stack.Run(state, tape, T, x, y);
        Assert.Equal(1ul, tape.DropoutSeed);
        Assert.ThrowsAny<ArgumentException>(() => stack.Run(state, tape, T + 1, new float[(T + 1) * N * I], new float[(T + 1) * N * 2]));
        Assert.ThrowsAny<ArgumentException>(() => stack.Run(state, tape, T, x, y, new StackOptions { Lengths = [1, 2, 6] }));
        Assert.ThrowsAny<ArgumentException>(() => stack.Run(state, tape, T, default, y, new StackOptions { OneHotInput = [.. Enumerable.Repeat(I, T * N)] }));
        Assert.ThrowsAny<ArgumentException>(() => other.Run(state, other.CreateTape(T, N), T, x, y));
        Assert.ThrowsAny<ArgumentException>(() => other.Run(other.CreateState(N), tape, T, x, y));
        Assert.ThrowsAny<ArgumentException>(() => stack.Backward(tape, x, y, gradients.AsSpan(1)));
        Assert.ThrowsAny<ArgumentException>(() => stack.Backward(tape, x.AsSpan(1), y, gradients));
        Assert.ThrowsAny<ArgumentException>(() => stack.Backward(tape, x, y, gradients, new BackwardOptions { FinalHidden = new float[5] }));
        Assert.ThrowsAny<ArgumentException>(() => stack.Backward(tape, x, y, gradients, new BackwardOptions { StateNorms = new double[T + 1] }));
        Assert.True(tape.IsFull);
        Assert.Equal(1ul, tape.DropoutSeed);
        Assert.All(gradients, g => Assert.Equal(0, g.Norm()));
        gradients[1] = null!;
        stack.Backward(tape, x, y, gradients);
        Assert.True(gradients[0].Norm() > 0);
        stack.Run(state, tape, T, x, y);
        stack.Layers[2].Load(stack.Layers[2].ToWeights());
        Assert.Throws<InvalidOperationException>(() => stack.Backward(tape, x, y, stack.CreateGradients()));
        Assert.Throws<ArgumentOutOfRangeException>(() => new TrainingStack(Backend.Simd, Layers()) { Dropout = 1 });
        stack.Dispose();
        Assert.Throws<ObjectDisposedException>(() => stack.Run(state, tape, T, x, y));
    }

    private static (float[] Y, float[] Dx, float[] Dh, LayerGradients[] Gradients) Step(TrainingStack stack, float[] x, float[] dy, WorkerTeam? team = null)
    {
        using StackState state = stack.CreateState(N, team);
        using StackTape tape = stack.CreateTape(T, N, team);
        LayerGradients[] gradients = stack.CreateGradients();
        int P = stack.Layers.Sum(layer => layer.Shape.OutputSize), H = stack.Layers.Where(layer => layer.Shape.HasCellState).Sum(layer => layer.Shape.HiddenSize);
        float[] y = BackwardProblem.Poison(T * N * 2), dx = BackwardProblem.Poison(x.Length), dh = BackwardProblem.Poison(N * P), dc = BackwardProblem.Poison(N * H);
        stack.Run(state, tape, T, x, y, new StackOptions { Lengths = s_lengths });
        stack.Backward(tape, x, dy, gradients, new BackwardOptions { Input = dx, InitialHidden = dh, InitialCell = dc, FinalHidden = new float[N * P] });
        return (y, dx, [.. dh, .. dc], gradients);
    }
}
