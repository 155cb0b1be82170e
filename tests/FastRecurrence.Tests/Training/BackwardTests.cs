using FastRecurrence.Cpu;
using FastRecurrence.Reference;

namespace FastRecurrence.Tests.Training;

/// <summary>The backward pass on the CPU: held to the reference at every width, and what its bits may depend on.</summary>
public sealed class BackwardTests
{
    private static readonly Backend[] s_cpu = [.. Backend.All.Where(b => b.Name != "reference")];

    public static TheoryData<string> Widths => [.. s_cpu.Select(b => b.Name)];

    /// <summary>Every cell, and of those with a second product both kinds.</summary>
    private static IEnumerable<LayerShape> Default(int I, int H)
    {
        yield return LayerShape.Lstm(I, H);
        if (H > 2)
            yield return LayerShape.Lstm(I, H) with { ProjectionSize = H / 2 + 1 };
        yield return LayerShape.Gru(I, H);
        yield return LayerShape.Gru(I, H, linearBeforeReset: false);
        yield return LayerShape.Elman(I, H);
    }

    /// <summary>Odd sizes around blocks, vectors, tiles and the rows of a partial sum.</summary>
    private static IEnumerable<BackwardProblem> Problems()
    {
        foreach ((int I, int H, int T, int N) in ((int, int, int, int)[])[(3, 1, 3, 1), (1, 5, 4, 3), (5, 16, 1, 2), (0, 9, 3, 2), (17, 33, 6, 5), (7, 70, 2, 101), (40, 65, 66, 3), (2, 31, 200, 1)])
        {
            foreach (LayerShape shape in Default(I, H))
                yield return new BackwardProblem(shape, T, N);
        }

        foreach ((bool ragged, Direction direction) in ((bool, Direction)[])[(true, Direction.Forward), (true, Direction.Reverse), (false, Direction.Reverse)])
        {
            foreach (LayerShape shape in Default(6, 19))
                yield return new BackwardProblem(shape, 7, 9, ragged, direction);
        }
    }

    /// <summary>Variations that need nothing but the cell's own equations.</summary>
    private static IEnumerable<BackwardProblem> Variations()
    {
        foreach (LayerShape shape in GradientShapes.All(5, 19, 7).DistinctBy(shape => shape.ToString()).Where(IsSupported))
            yield return new BackwardProblem(shape, 5, 4);
        yield return new BackwardProblem(LayerShape.Lstm(3, 21) with { Peepholes = true }, 50, 9, ragged: true, Direction.Reverse);
        yield return new BackwardProblem(LayerShape.Lstm(3, 70) with { ProjectionSize = 40, Peepholes = true }, 50, 9, ragged: true, Direction.Reverse);
        yield return new BackwardProblem(LayerShape.Lstm(3, 5) with { ProjectionSize = 1 }, 3, 2);
    }

    private static bool IsSupported(LayerShape shape)
    {
        try
        {
            s_cpu[0].CreateBackward(LayerWeights.Random(shape, 1), 1);
            return true;
        }
        catch (NotSupportedException)
        {
            return false;
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Gradients_are_those_of_the_reference(string name)
    {
        Backend backend = s_cpu.Single(b => b.Name == name);
        foreach (BackwardProblem p in Problems().Concat(Variations()))
            AssertExact(p, p.Run(backend), p.Exact());
    }

    [Fact]
    public void Every_width_gives_the_same_bits()
    {
        foreach (BackwardProblem p in Problems().Concat(Variations()))
        {
            Dictionary<string, float[]> expected = p.Run(s_cpu[0]);
            foreach (Backend backend in s_cpu.Skip(1))
                AssertSameBits(p, backend.Name, expected, p.Run(backend));
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void A_run_with_a_tape_has_the_bits_of_a_run(string name)
    {
        Backend backend = s_cpu.Single(b => b.Name == name);
        foreach (BackwardProblem p in Problems().Concat(Variations()))
        {
            using RecurrentLayer layer = backend.Prepare(p.Weights);
            using LayerState plain = layer.CreateState(p.N), taped = layer.CreateState(p.N);
            p.Set(plain);
            p.Set(taped);
            float[] y = new float[p.T * p.N * p.Shape.OutputSize], yTaped = BackwardProblem.Poison(y.Length);
            layer.Run(plain, p.T, p.Input, y, p.Options);
            layer.RunForTraining(taped, new TrainingTape(p.Shape, p.T, p.N), p.T, p.Input, yTaped, p.Options);
            AssertSameBits(p, "y", y, yTaped);
            AssertSameBits(p, "h", Hidden(plain), Hidden(taped));
        }
    }

    /// <summary>The gradients of the inputs; those of the weights are sums over the batch.</summary>
    [Fact]
    public void Rows_do_not_depend_on_their_batch()
    {
        const int T = 4, N = 14, I = 6, H = 21;
        foreach (LayerShape shape in Default(I, H))
        {
            var all = new BackwardProblem(shape, T, N);
            Dictionary<string, float[]> gradients = all.Run(Backend.Simd);
            foreach ((int first, int count) in ((int, int)[])[(0, 1), (13, 1), (3, 2), (5, 5), (2, 11)])
            {
                BackwardProblem part = all.Part(0, T, first, count);
                Dictionary<string, float[]> some = part.Run(Backend.Simd);
                AssertSameBits(part, "dx", Rows(gradients["dx"], T, N, I, first, count), some["dx"]);
                AssertSameBits(part, "dh0", Rows(gradients["dh0"], 1, N, shape.OutputSize, first, count), some["dh0"]);
                if (shape.HasCellState)
                    AssertSameBits(part, "dc0", Rows(gradients["dc0"], 1, N, H, first, count), some["dc0"]);
            }
        }
    }

    /// <summary>The second part's gradients of its first h and c are the first part's of its last. Split at a whole partial sum, those of the weights agree to the bit as well.</summary>
    [Theory]
    [InlineData(5)]
    [InlineData(64)]
    public void Two_parts_of_a_sequence_give_the_bits_of_the_whole(int split)
    {
        const int T = 70, N = 3, I = 4, H = 18;
        foreach (LayerShape shape in Default(I, H))
        {
            var whole = new BackwardProblem(shape, T, N);
            Dictionary<string, float[]> expected = whole.Run(Backend.Simd);
            using RecurrentLayer layer = Backend.Simd.Prepare(whole.Weights);
            using LayerState state = layer.CreateState(N);
            whole.Set(state);
            BackwardPass backward = Backend.Simd.CreateBackward(whole.Weights, N);
            TrainingTape[] tapes = [new(shape, split, N), new(shape, T - split, N)];
            int P = shape.OutputSize;
            float[] y = new float[T * N * P], dx = new float[T * N * I];
            int[] starts = [0, split, T];
            for (int i = 0; i < 2; i++)
                layer.RunForTraining(state, tapes[i], starts[i + 1] - starts[i], Part(whole.Input, I, starts, i), Part(y, P, starts, i), default);
            float[] dh = whole.FinalHidden, dc = whole.FinalCell;
            var gradients = new LayerGradients[] { new(shape), new(shape) };
            for (int i = 1; i >= 0; i--)
            {
                float[] dh0 = new float[dh.Length], dc0 = new float[dc.Length];
                backward.Run(tapes[i], new BackwardCall
                {
                    Input = Part(whole.Input, I, starts, i),
                    Output = Part(y, P, starts, i),
                    OutputGradient = Part(whole.OutputGradient, P, starts, i),
                    FinalHidden = dh,
                    FinalCell = dc,
                    InputGradient = Part(dx, I, starts, i),
                    InitialHidden = dh0,
                    InitialCell = dc0,
                }, gradients[i]);
                (dh, dc) = (dh0, dc0);
            }

            AssertSameBits(whole, "y", expected["y"], y);
            AssertSameBits(whole, "dx", expected["dx"], dx);
            AssertSameBits(whole, "dh0", expected["dh0"], dh);
            AssertSameBits(whole, "dc0", expected["dc0"], dc);
            float[] sum = [.. gradients[0].RecurrentWeights.Zip(gradients[1].RecurrentWeights, (a, b) => a + b)];
            if (split * N % 192 == 0)
                AssertSameBits(whole, "dR", expected["dR"], sum);
            double scale = Math.Max(1, expected["dR"].Max(Math.Abs));
            Assert.True(sum.Zip(expected["dR"], (a, b) => Math.Abs(a - b)).Max() <= 1e-6 * scale);
        }
    }

    [Fact]
    public void Batch_major_has_the_bits_of_time_major()
    {
        foreach (LayerShape shape in Default(5, 17))
        {
            var p = new BackwardProblem(shape, 6, 4, ragged: true);
            Dictionary<string, float[]> expected = p.Run(Backend.Simd);
            using RecurrentLayer layer = Backend.Simd.Prepare(p.Weights);
            using LayerState state = layer.CreateState(p.N);
            p.Set(state);
            var tape = new TrainingTape(shape, p.T, p.N);
            float[] x = Turn(p.Input, p.T, p.N, 5), y = new float[p.T * p.N * shape.OutputSize], dx = BackwardProblem.Poison(x.Length), dh0 = new float[p.N * shape.OutputSize];
            layer.RunForTraining(state, tape, p.T, x, y, new SequenceOptions { Lengths = p.Lengths, Layout = SequenceLayout.BatchMajor });
            var gradients = new LayerGradients(shape);
            var call = new BackwardCall
            {
                Input = x,
                Output = y,
                OutputGradient = Turn(p.OutputGradient, p.T, p.N, shape.OutputSize),
                FinalHidden = p.FinalHidden,
                FinalCell = p.FinalCell,
                InputGradient = dx,
                InitialHidden = dh0,
            };
            Backend.Simd.CreateBackward(p.Weights, p.N).Run(tape, call, gradients);
            AssertSameBits(p, "dx", Turn(expected["dx"], p.T, p.N, 5), dx);
            AssertSameBits(p, "dh0", expected["dh0"], dh0);
            AssertSameBits(p, "dW", expected["dW"], gradients.InputWeights);
            AssertSameBits(p, "dR", expected["dR"], gradients.RecurrentWeights);
            AssertSameBits(p, "db", expected["db"], gradients.Bias);
            AssertSameBits(p, "dWp", expected["dWp"], gradients.Projection);
        }
    }

    [Fact]
    public void Padding_is_never_read()
    {
        foreach (LayerShape shape in Default(6, 19))
        {
            var p = new BackwardProblem(shape, 7, 9, ragged: true);
            Dictionary<string, float[]> expected = p.Run(Backend.Simd);
            for (int row = 0; row < p.T * p.N; row++)
            {
                if (row / p.N < p.Lengths![row % p.N])
                    continue;
                Array.Fill(p.Input, float.NaN, row * 6, 6);
                Array.Fill(p.OutputGradient, float.NaN, row * shape.OutputSize, shape.OutputSize);
            }

            AssertSameBits(p, "NaN in the padding", expected, p.Run(Backend.Simd));
        }
    }

    /// <summary>A NaN in dy of a row reaches that row's dx and dh0 and the weights' gradients, and no other row. One step later than the NaN, dx is a number.</summary>
    [Fact]
    public void A_NaN_stays_in_its_row()
    {
        const int T = 4, N = 7, I = 5, H = 18, bad = 2;
        foreach (LayerShape shape in Default(I, H))
        {
            var p = new BackwardProblem(shape, T, N);
            Dictionary<string, float[]> clean = p.Run(Backend.Simd);
            Array.Fill(p.OutputGradient, float.NaN, (2 * N + bad) * shape.OutputSize, shape.OutputSize);
            Dictionary<string, float[]> dirty = p.Run(Backend.Simd);
            for (int row = 0; row < T * N; row++)
            {
                for (int k = 0; k < I; k++)
                {
                    if (row % N == bad && row / N <= 2)
                        Assert.True(float.IsNaN(dirty["dx"][row * I + k]), $"{p}: dx of row {bad} at step {row / N}");
                    else
                        Assert.Equal(clean["dx"][row * I + k], dirty["dx"][row * I + k]);
                }
            }

            for (int n = 0; n < N; n++)
                Assert.Equal(n == bad, float.IsNaN(dirty["dh0"][n * shape.OutputSize]));
            foreach (string name in (string[])["dW", "dR", "db", "dWp"])
                Assert.All(dirty[name], g => Assert.True(float.IsNaN(g), $"{p}: {name}"));
        }
    }

    [Fact]
    public void Gradients_of_weights_add_up_until_they_are_cleared()
    {
        foreach (LayerShape shape in Default(4, 13))
        {
            var p = new BackwardProblem(shape, 3, 2);
            Dictionary<string, float[]> once = p.Run(Backend.Simd);
            using RecurrentLayer layer = Backend.Simd.Prepare(p.Weights);
            using LayerState state = layer.CreateState(p.N);
            var tape = new TrainingTape(shape, 5, p.N);
            BackwardPass backward = Backend.Simd.CreateBackward(p.Weights, p.N);
            var gradients = new LayerGradients(shape);
            var y = new float[p.T * p.N * shape.OutputSize];
            void Step()
            {
                p.Set(state);
                layer.RunForTraining(state, tape, p.T, p.Input, y, default);
                backward.Run(tape, new BackwardCall { Input = p.Input, Output = y, OutputGradient = p.OutputGradient, FinalHidden = p.FinalHidden, FinalCell = p.FinalCell }, gradients);
            }

            Assert.All(gradients.InputWeights, g => Assert.Equal(0f, g));
            Step();
            AssertSameBits(p, "once", once["dW"], gradients.InputWeights);
            Step();
            AssertSameBits(p, "twice", [.. once["dW"].Select(g => 2 * g)], gradients.InputWeights);
            gradients.Clear();
            Assert.All(gradients.Bias, g => Assert.Equal(0f, g));
            Step();
            AssertSameBits(p, "again", once["dR"], gradients.RecurrentWeights);
            AssertSameBits(p, "again", once["db"], gradients.Bias);
            AssertSameBits(p, "again", once["dWp"], gradients.Projection);
        }
    }

    [Fact]
    public void A_warm_step_allocates_nothing()
    {
        foreach (Backend backend in s_cpu)
        {
            foreach (LayerShape shape in Default(7, 9))
            {
                var p = new BackwardProblem(shape, 5, 3, ragged: true);
                using RecurrentLayer layer = backend.Prepare(p.Weights);
                using LayerState state = layer.CreateState(p.N);
                var tape = new TrainingTape(shape, p.T, p.N);
                BackwardPass backward = backend.CreateBackward(p.Weights, p.N);
                var gradients = new LayerGradients(shape);
                float[] y = new float[p.T * p.N * shape.OutputSize], dx = new float[p.Input.Length];
                void Step()
                {
                    layer.RunForTraining(state, tape, p.T, p.Input, y, p.Options);
                    backward.Run(tape, new BackwardCall { Input = p.Input, Output = y, OutputGradient = p.OutputGradient, InputGradient = dx }, gradients);
                    gradients.Clear();
                }

                AssertAllocatesNothing(Step);
            }
        }
    }

    [Fact]
    public void What_does_not_fit_is_refused_and_leaves_the_tape_full()
    {
        var p = new BackwardProblem(LayerShape.Lstm(3, 5), 4, 2);
        using RecurrentLayer layer = Backend.Simd.Prepare(p.Weights);
        using LayerState state = layer.CreateState(2);
        var tape = new TrainingTape(p.Shape, 4, 2);
        BackwardPass backward = Backend.Simd.CreateBackward(p.Weights, 2);
        float[] y = new float[40], dx = new float[24];
        Assert.Throws<InvalidOperationException>(() => backward.Run(tape, new BackwardCall { Input = p.Input, Output = y }, null));
        Assert.Throws<ArgumentOutOfRangeException>(() => layer.RunForTraining(state, tape, 5, new float[30], new float[50], default));
        Assert.Throws<ArgumentException>(() => layer.RunForTraining(state, new TrainingTape(p.Shape, 4, 3), 4, p.Input, y, default));
        layer.RunForTraining(state, tape, 4, p.Input, y, default);
        Assert.Throws<ArgumentException>(() => backward.Run(tape, new BackwardCall { Input = new float[23], Output = y }, null));
        Assert.Throws<ArgumentException>(() => backward.Run(tape, new BackwardCall { Input = p.Input, Output = y, OutputGradient = new float[39] }, null));
        Assert.Throws<ArgumentException>(() => backward.Run(tape, new BackwardCall { Input = p.Input, Output = y, FinalHidden = new float[9] }, null));
        Assert.Throws<ArgumentException>(() => backward.Run(tape, new BackwardCall { Input = p.Input, Output = y, InputGradient = p.Input }, null));
        Assert.Throws<ArgumentException>(() => backward.Run(tape, new BackwardCall { Input = p.Input, Output = y }, new LayerGradients(LayerShape.Lstm(3, 6))));
        backward.Run(tape, new BackwardCall { Input = p.Input, Output = y, InputGradient = dx }, null);
        Assert.Throws<InvalidOperationException>(() => backward.Run(tape, new BackwardCall { Input = p.Input, Output = y }, null));
        Assert.Throws<NotSupportedException>(() => Backend.Reference.CreateBackward(p.Weights, 2));
        Assert.Throws<NotSupportedException>(() => Backend.Simd.CreateBackward(LayerWeights.Random(LayerShape.Elman(3, 5, new ActivationFunction(Activation.Elu, -0.5f)), 1), 2));
    }

    [Fact]
    public void A_run_without_a_tape_leaves_the_tape_of_the_run_before_alone()
    {
        var p = new BackwardProblem(LayerShape.Lstm(5, 18), 3, 4);
        Dictionary<string, float[]> expected = p.Run(Backend.Simd);
        using RecurrentLayer layer = Backend.Simd.Prepare(p.Weights);
        using LayerState state = layer.CreateState(4);
        p.Set(state);
        var tape = new TrainingTape(p.Shape, 3, 4);
        float[] y = new float[3 * 4 * 18], dx = new float[p.Input.Length];
        layer.RunForTraining(state, tape, 3, p.Input, y, default);
        layer.Run(state, 2, new float[2 * 4 * 5], new float[2 * 4 * 18]);
        var call = new BackwardCall { Input = p.Input, Output = y, OutputGradient = p.OutputGradient, FinalHidden = p.FinalHidden, FinalCell = p.FinalCell, InputGradient = dx };
        Backend.Simd.CreateBackward(p.Weights, 4).Run(tape, call, null);
        AssertSameBits(p, "dx", expected["dx"], dx);
    }

    private static void AssertExact(BackwardProblem p, Dictionary<string, float[]> actual, ReferenceGradients exact)
    {
        int depth = p.Shape.InputSize + p.Shape.GateCount * p.Shape.HiddenSize;
        double inputs = 2e-6 * Math.Sqrt(Math.Max(1, depth / 512.0));
        foreach ((string name, double[] expected, double tolerance) in ((string, double[], double)[])
            [("dx", exact.Input, inputs), ("dh0", exact.InitialHidden, inputs), ("dc0", p.Shape.HasCellState ? exact.InitialCell : [], inputs),
            ("dW", exact.InputWeights, 3e-6), ("dR", exact.RecurrentWeights, 3e-6), ("db", exact.Bias, 3e-6), ("dp", exact.Peepholes, 3e-6), ("dWp", exact.Projection, 3e-6)])
        {
            float[] values = actual[name];
            Assert.Equal(expected.Length, values.Length);
            double scale = Math.Max(1, expected.Select(Math.Abs).DefaultIfEmpty().Max());
            for (int i = 0; i < values.Length; i++)
                Assert.True(Math.Abs(values[i] - expected[i]) <= tolerance * scale, $"{p}: {name}[{i}] is {values[i]:R}, exactly {expected[i]:R}, in units of {scale:G3}");
        }
    }

    internal static void AssertSameBits(BackwardProblem p, string what, Dictionary<string, float[]> expected, Dictionary<string, float[]> actual)
    {
        foreach ((string name, float[] values) in expected)
            AssertSameBits(p, $"{what}, {name}", values, actual[name]);
    }

    private static void AssertSameBits(BackwardProblem p, string what, float[] expected, float[] actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]), $"{p}, {what}: value {i} is {actual[i]:R}, not {expected[i]:R}");
    }

    /// <summary>The runtime itself allocates now and then while it compiles a method anew; what a call allocates it allocates every time.</summary>
    internal static void AssertAllocatesNothing(Action step)
    {
        long allocated = 1;
        for (int attempt = 0; attempt < 5 && allocated != 0; attempt++)
        {
            for (int i = 0; i < 40; i++)
                step();
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 40; i++)
                step();
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
    }

    private static float[] Hidden(LayerState state)
    {
        var hidden = new float[state.BatchSize * state.Layer.Shape.OutputSize];
        state.CopyHiddenTo(hidden);
        return hidden;
    }

    private static Span<float> Part(float[] sequence, int width, int[] starts, int part)
    {
        int row = sequence.Length / starts[^1];
        Assert.Equal(0, row % width);
        return sequence.AsSpan(starts[part] * row, (starts[part + 1] - starts[part]) * row);
    }

    private static float[] Rows(float[] sequence, int T, int N, int width, int first, int count) => BackwardProblem.Rows(sequence, T, N, width, 0, T, first, count);

    private static float[] Turn(float[] sequence, int T, int N, int width)
    {
        var turned = new float[sequence.Length];
        for (int row = 0; row < T * N; row++)
            Array.Copy(sequence, row * width, turned, (row % N * T + row / N) * width, width);
        return turned;
    }
}
