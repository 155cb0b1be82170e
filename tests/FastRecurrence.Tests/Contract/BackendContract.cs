using FastRecurrence.Reference;
using FastRecurrence.TestKit.Exercises;

namespace FastRecurrence.Tests.Contract;

/// <summary>
/// Every promise that a backend makes, once. A class that derives from this one only picks the backend; one that cannot run here is skipped
/// with its reason, except OpenCL in CI, where it must run.
/// </summary>
public abstract class BackendContract
{
    protected abstract Backend Backend { get; }

    /// <summary>
    /// Largest error, absolute for results of magnitude up to 1 and relative beyond: what the problem's own rounding explains, and in these
    /// problems, which have PyTorch's initial weights, never more than what is promised for such.
    /// </summary>
    private protected double Limit(double deviation) => Math.Min(Tolerance.Of(Backend, deviation), Tolerance.CommonOf(Backend));

    protected virtual IEnumerable<Problem> Problems => Problem.Sizes();

    protected virtual IEnumerable<Problem> Variations => Problem.Variations();

    /// <summary>Sizes for the tests that take one problem.</summary>
    protected virtual (int T, int N, int I, int H) One => (4, 5, 11, 19);

    private Backend Ready()
    {
        if (!Backend.IsAvailable)
        {
            bool mustRun = Backend.Name.StartsWith("opencl", StringComparison.Ordinal) && Environment.GetEnvironmentVariable("CI") == "true";
            Assert.False(mustRun, $"{Backend.Name} must run in CI: {Backend.UnavailableReason}");
            Assert.Skip($"{Backend.Name}: {Backend.UnavailableReason}");
        }

        return Backend;
    }

    [Fact]
    public void Every_size_agrees_with_the_double_reference() => AssertAgreement(Problems);

    [Fact]
    public void Every_variation_of_a_cell_agrees_with_the_double_reference() => AssertAgreement(Variations);

    private void AssertAgreement(IEnumerable<Problem> problems)
    {
        Backend backend = Ready();
        foreach (Problem p in problems)
        {
            using RecurrentLayer layer = backend.Prepare(p.Weights);
            using LayerState state = p.Start(layer);
            var output = new Guarded(p.Exact.Output.Length);
            var gates = new Guarded(p.Exact.Gates.Length);
            var cells = new Guarded(p.Shape.HasCellState ? p.Exact.Cells.Length : 0);

            layer.Run(state, p.T, p.Input, output.Span, new SequenceOptions { Gates = gates.Span, Cells = cells.Span });

            output.AssertWrittenInside(p);
            gates.AssertWrittenInside(p);
            cells.AssertWrittenInside(p);
            if (p.Shape.HasCellState)
                AssertClose(p, p.Deviation, "c of every step", p.Exact.Cells, cells.Span);
            AssertClose(p, p.Deviation, "h", p.Exact.Output, output.Span);
            AssertClose(p, p.Deviation, "gates", p.Exact.Gates, gates.Span);
            AssertState(p, p.Deviation, p.Exact, state);
        }
    }

    [Fact]
    public void One_run_gives_the_bits_of_single_steps_and_of_a_split_run()
    {
        foreach (Problem p in TheProblem())
        {
            using RecurrentLayer layer = Ready().Prepare(p.Weights);
            float[] whole = Run(layer, p);
            int x = p.N * p.Shape.InputSize, h = p.N * p.Shape.OutputSize;

            var steps = new float[whole.Length];
            using (LayerState state = p.Start(layer))
            {
                for (int t = 0; t < p.T; t++)
                    layer.Step(state, p.Input.AsSpan(t * x, x), steps.AsSpan(t * h, h));
            }

            AssertSameBits(p, "steps", whole, steps);

            var split = new float[whole.Length];
            using (LayerState state = p.Start(layer))
            {
                layer.Run(state, 1, p.Input.AsSpan(0, x), split.AsSpan(0, h));
                layer.Run(state, p.T - 1, p.Input.AsSpan(x), split.AsSpan(h));
            }

            AssertSameBits(p, "split run", whole, split);
        }
    }

    public static TheoryData<Direction, Padding, SequenceLayout> Ways =>
    [
        .. from direction in Enum.GetValues<Direction>()
           from padding in Enum.GetValues<Padding>()
           from layout in Enum.GetValues<SequenceLayout>()
           select (direction, padding, layout),
    ];

    [Theory]
    [MemberData(nameof(Ways))]
    public void Rows_of_different_lengths_agree_and_padding_is_never_seen(Direction direction, Padding padding, SequenceLayout layout)
    {
        Backend backend = Ready();
        foreach (LayerShape shape in Ragged.Shapes)
        {
            var ragged = new Ragged(shape, direction, padding, layout);
            using RecurrentLayer layer = backend.Prepare(ragged.Dense.Weights);
            using LayerState state = ragged.Dense.Start(layer);
            var output = new Guarded(ragged.Exact.Output.Length);
            var gates = new Guarded(ragged.Exact.Gates.Length);
            layer.Run(state, ragged.Dense.T, ragged.Input, output.Span, new SequenceOptions
            {
                Lengths = Ragged.Lengths,
                Direction = direction,
                Padding = padding,
                Layout = layout,
                Gates = gates.Span,
            });
            output.AssertWrittenInside(ragged);
            AssertClose(ragged, ragged.Deviation, "h", ragged.ToCaller(ragged.Exact.Output), output.Span);
            AssertClose(ragged, ragged.Deviation, "gates", ragged.ToCaller(ragged.Exact.Gates), gates.Span);
            AssertState(ragged, ragged.Deviation, ragged.Exact, state);
        }
    }

    [Fact]
    public void Without_lengths_reverse_and_batch_major_go_through_all_of_every_row()
    {
        foreach (Problem p in TheProblem())
        {
            using RecurrentLayer layer = Ready().Prepare(p.Weights);
            using LayerState state = p.Start(layer);
            var reference = new ReferenceLayer(p.Weights);
            LayerRun run = p.Run with { Direction = Direction.Reverse };
            ReferenceResult exact = run.Exact(reference);
            var output = new float[exact.Output.Length];
            layer.Run(state, p.T, Ragged.Transposed(p.Input, p.T, p.N), output, new SequenceOptions { Direction = Direction.Reverse, Layout = SequenceLayout.BatchMajor });
            AssertClose(p, Rounding.Of(reference, run, exact).Worst, "h", Ragged.Transposed(exact.Output, p.T, p.N), output);
        }
    }

    [Fact]
    public void Asking_for_gates_does_not_change_the_bits_of_h()
    {
        foreach (Problem p in TheProblem())
        {
            using RecurrentLayer layer = Ready().Prepare(p.Weights);
            using LayerState state = p.Start(layer);
            var output = new float[p.Exact.Output.Length];
            layer.Run(state, p.T, p.Input, output, new float[p.Exact.Gates.Length]);
            AssertSameBits(p, "with gates", Run(layer, p), output);
        }
    }

    [Fact]
    public void A_run_repeats_to_the_bit()
    {
        foreach (Problem p in TheProblem())
        {
            using RecurrentLayer layer = Ready().Prepare(p.Weights);
            float[] first = Run(layer, p);
            for (int i = 0; i < 5; i++)
                AssertSameBits(p, "repeat", first, Run(layer, p));
        }
    }

    [Fact]
    public void A_NaN_stays_in_its_row_and_begins_at_its_step()
    {
        foreach (Problem p in TheProblem())
        {
            using RecurrentLayer layer = Ready().Prepare(p.Weights);
            float[] clean = Run(layer, p);
            const int at = 1, row = 1;
            float[] input = [.. p.Input];
            input[(at * p.N + row) * p.Shape.InputSize] = float.NaN;
            using LayerState state = p.Start(layer);
            var output = new float[clean.Length];
            layer.Run(state, p.T, input, output);
            int P = p.Shape.OutputSize;
            for (int i = 0; i < output.Length; i++)
            {
                (int t, int n) = (i / P / p.N, i / P % p.N);
                if (n == row && t >= at)
                    Assert.True(float.IsNaN(output[i]), $"{p}: t={t} n={n} h={i % P} is {output[i]}, expected NaN");
                else
                    Assert.True(Bits(clean[i]) == Bits(output[i]), $"{p}: a NaN in row {row} reached t={t} n={n}");
            }
        }
    }

    [Fact]
    public void Nothing_runs_for_no_rows_or_no_steps()
    {
        foreach (LayerShape shape in (LayerShape[])[LayerShape.Lstm(3, 4), LayerShape.Gru(3, 4), LayerShape.Elman(3, 4)])
        {
            using RecurrentLayer layer = Ready().Prepare(LayerWeights.Random(shape, 1));
            using (LayerState none = layer.CreateState(0))
                layer.Run(none, 2, [], []);

            using LayerState state = layer.CreateState(2);
            float[] before = [1, 2, 3, 4, 5, 6, 7, 8], after = new float[8];
            state.SetHidden(before);
            layer.Run(state, 0, [], []);
            state.CopyHiddenTo(after);
            Assert.Equal(before, after);
        }
    }

    [Fact]
    public void State_can_be_set_read_and_reset()
    {
        using RecurrentLayer layer = Ready().Prepare(LayerWeights.Random(LayerShape.Lstm(3, 5), 1));
        using LayerState state = layer.CreateState(2);
        float[] h = Problem.Uniform(new Random(1), 10), c = Problem.Uniform(new Random(2), 10), read = new float[10];
        state.SetHidden(h);
        state.SetCell(c);
        state.CopyHiddenTo(read);
        Assert.Equal(h, read);
        state.CopyCellTo(read);
        Assert.Equal(c, read);
        state.Reset();
        state.CopyHiddenTo(read);
        Assert.Equal(new float[10], read);
        state.CopyCellTo(read);
        Assert.Equal(new float[10], read);
    }

    [Fact]
    public void Input_and_weights_are_left_alone()
    {
        foreach (Problem p in TheProblem())
        {
            float[] input = [.. p.Input], w = [.. p.Weights.InputWeights], r = [.. p.Weights.RecurrentWeights];
            using RecurrentLayer layer = Ready().Prepare(p.Weights);
            Run(layer, p);
            Assert.Equal(input, p.Input);
            Assert.Equal(w, p.Weights.InputWeights.ToArray());
            Assert.Equal(r, p.Weights.RecurrentWeights.ToArray());
        }
    }

    [Fact]
    public void Saturated_gates_and_infinite_inputs_give_limits_not_NaN()
    {
        LayerShape shape = LayerShape.Elman(1, 3, Activation.Tanh);
        using RecurrentLayer layer = Ready().Prepare(new LayerWeights(shape, [1, -1, 0.5f], new float[9]));
        using LayerState state = layer.CreateState(2);
        var output = new float[6];
        layer.Step(state, [1e30f, float.PositiveInfinity], output);
        Assert.Equal([1, -1, 1, 1, -1, 1], output);
    }

    [Fact]
    public void A_long_sequence_stays_exact()
    {
        (_, int N, int I, int H) = One;
        var p = Problem.Of(LayerShape.Lstm(I, H), Backend.Name == "ilgpu-cpu" ? 3 : 1000, N);
        using RecurrentLayer layer = Ready().Prepare(p.Weights);
        float[] output = Run(layer, p);
        AssertClose(p, p.Deviation, "h", p.Exact.Output, output);
    }

    [Fact]
    public void Every_exercise_of_the_sheet_is_right()
    {
        Backend backend = Ready();
        IReadOnlyList<ExerciseResult> results = ExerciseSheet.Run(backend);
        Assert.Equal(["1", "2", "3", "4", "5", "6", "7"], results.Select(r => r.Exercise).Distinct().Order());
        foreach (ExerciseResult r in results)
            Assert.True(r.Ok, $"exercise {r.Exercise} on {backend.Name}: {r.Quantity} is {r.Actual:R}, expected {r.Expected:R}");
    }

    /// <summary>Every cell at one size.</summary>
    private IEnumerable<Problem> TheProblem()
    {
        (int T, int N, int I, int H) = One;
        return Problem.Each(I, H, T, N);
    }

    private protected static float[] Run(RecurrentLayer layer, Problem p)
    {
        using LayerState state = p.Start(layer);
        var output = new float[p.Exact.Output.Length];
        layer.Run(state, p.T, p.Input, output);
        return output;
    }

    private void AssertState(object p, double deviation, ReferenceResult exact, LayerState state)
    {
        var hidden = new float[exact.Hidden.Length];
        state.CopyHiddenTo(hidden);
        AssertClose(p, deviation, "final h", exact.Hidden, hidden);
        if (!state.Layer.Shape.HasCellState)
            return;
        var cell = new float[exact.Cell.Length];
        state.CopyCellTo(cell);
        AssertClose(p, deviation, "final c", exact.Cell, cell);
    }

    private void AssertClose(object p, double deviation, string what, double[] exact, ReadOnlySpan<float> actual)
    {
        double limit = Limit(deviation);
        for (int i = 0; i < exact.Length; i++)
        {
            double error = Tolerance.Error(exact[i], actual[i]);
            Assert.True(error <= limit, $"{Backend.Name} {p}: {what}[{i}] is {actual[i]:R}, exact {exact[i]:R}, error {error:E1} > {limit:E1}");
        }
    }

    internal static void AssertSameBits(object p, string what, ReadOnlySpan<float> expected, ReadOnlySpan<float> actual)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Bits(expected[i]) == Bits(actual[i]), $"{p}: {what}: [{i}] is {actual[i]:R}, expected the bits of {expected[i]:R}");
    }

    private protected static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);
}
