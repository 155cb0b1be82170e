using System.Diagnostics;
using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;

namespace FastRecurrence.GpuCheck;

/// <summary>Bidirectional layers whose directions share a grid: against the double reference, against two launches bit for bit, and the time of both ways.</summary>
internal static class BothDirections
{
    private const double Tolerance = 2e-6;

    /// <summary>False when a result is wrong, or when no layer's directions shared a launch to its end.</summary>
    public static bool Verify(GpuBackend backend, Options options, Report report)
    {
        report.Line($"## Right in both directions? {backend.Name}");
        report.Line();
        report.Line("Bidirectional layers with a grid forced, dense and ragged; \"apart\": each direction by slices, whose bits a grid has.");
        report.Line();
        report.Line("| cell | problems | do not fit | worst error | not as apart | not repeated | NaN strayed | shared launches | fallbacks | verdict |");
        report.Line("|---|---|---|---|---|---|---|---|---|---|");
        bool right = true;
        foreach (CellKind cell in Enum.GetValues<CellKind>())
        {
            var outcome = new DirectionsOutcome();
            foreach (int H in options.Quick ? (int[])[4, 8, 16, 32] : [4, 8, 12, 32, 64, 100, 128, 256, 300, 512, 768, 1024])
            {
                foreach (int N in options.Quick ? (int[])[1, 5] : [1, 2, 4, 5, 8, 9, 33])
                    Judge(backend, Shape(cell, 1 + H % 19, H), N, outcome);
            }

            bool good = outcome is { Problems: > 0, Worst: <= Tolerance, Differing: 0, Unrepeated: 0, Strayed: 0 } && outcome.Shared > outcome.Fallbacks;
            right &= good;
            string verdict = good ? "right" : outcome.Problems == 0 ? "WRONG: none fits" : outcome.First is null ? "WRONG: every shared launch was given up" : "WRONG at " + outcome.First;
            report.Line($"| {cell} | {outcome.Problems} | {outcome.Unfit} | {outcome.Worst:0.0e+0} | {outcome.Differing} | {outcome.Unrepeated} | {outcome.Strayed} | {outcome.Shared} | {outcome.Fallbacks} | {verdict} |");
        }

        report.Line();
        return right;
    }

    /// <summary>Kernels alone, alternating between the two ways; a part of the minutes is theirs.</summary>
    public static void Time(GpuBackend backend, Options options, Stopwatch clock, Report report)
    {
        const int T = Timing.T;
        report.Line($"## How fast in both directions? {backend.Name}, weights Float32, I = H, T = {T}");
        report.Line();
        report.Line("Microseconds a step of both directions, input GEMMs and waiting included, data on the device; medians by the host's clock.");
        report.Line();
        report.Line("| cell | H | N | groups | two launches | one grid | two/one | model: two/one |");
        report.Line("|---|---|---|---|---|---|---|---|");
        foreach (CellKind cell in Enum.GetValues<CellKind>())
        {
            foreach ((int H, int N) in from H in options.Quick ? (int[])[8] : [128, 256, 512, 1024] from N in options.Quick ? (int[])[1, 8] : [1, 8, 32] select (H, N))
            {
                if (clock.Elapsed.TotalMinutes > options.Minutes * 0.65)
                {
                    report.Line($"| {cell} | {H} | {N} | out of time | | | | |");
                    continue;
                }

                LayerShape shape = Shape(cell, H, H);
                var problem = new Problem(shape, T, N);
                using var stack = new RecurrentStack(backend.Force(GridPersistent.Family), problem.Layer);
                using StackState state = stack.CreateState(N);
                var first = (GpuState)state.Of(0);
                KernelChoice plan = first.Choice;
                if (TwoDirections.Of(first, state.Of(1)) is not TwoDirections together || plan.BothDirections is not KernelVariant both)
                {
                    report.Line($"| {cell} | {H} | {N} | does not fit | | | | |");
                    continue;
                }

                // Each way has states and memory of its own, filled by a run from the host.
                GpuLayer forward = (GpuLayer)first.Layer, reverse = (GpuLayer)state.Of(1).Layer;
                using LayerState alone = forward.CreateState(N), reverseAlone = reverse.CreateState(N);
                var y = new float[T * N * shape.OutputSize];
                forward.Run(alone, T, problem.Input, y);
                reverse.Run(reverseAlone, T, problem.Input, y);
                problem.Run(stack, state, [], problem.Input);

                int rounds = options.Quick ? 3 : 15, repeats = options.Quick ? 1 : 4;
                double[] two = new double[rounds], one = new double[rounds];
                for (int i = 0; i < rounds; i++)
                {
                    two[i] = forward.MeasureKernels(alone, T, repeats) + reverse.MeasureKernels(reverseAlone, T, repeats);
                    one[i] = together.MeasureKernels(T, repeats);
                }

                Array.Sort(two);
                Array.Sort(one);
                (double apart, double shared) = (two[rounds / 2] * 1e6 / T, one[rounds / 2] * 1e6 / T);
                long fallbacks = forward.Fallbacks + reverse.Fallbacks;
                report.Line($"| {cell} | {H} | {N} | {both.Groups} | {apart:0.00} | {shared:0.00}{(fallbacks > 0 ? $" ({fallbacks} fallbacks in both columns)" : "")} | {apart / shared:0.00} | {2 * plan.Microseconds / both.Microseconds:0.00} |");
            }
        }

        report.Line();
    }

    private static void Judge(GpuBackend backend, LayerShape shape, int N, DirectionsOutcome outcome)
    {
        const int T = 9;
        var p = new Problem(shape, T, N);
        using var stack = new RecurrentStack(backend.Force(GridPersistent.Family), p.Layer);
        using StackState state = stack.CreateState(N);
        if (((GpuState)state.Of(0)).Choice.BothDirections is null)
        {
            outcome.Unfit++;
            return;
        }

        outcome.Problems++;
        using var slices = new RecurrentStack(backend.Force(SplitKStep.Family), p.Layer);
        using var judge = new RecurrentStack(Backend.Reference, p.Layer);
        using StackState sliced = slices.CreateState(N), judged = judge.CreateState(N);
        // The first row keeps its length: a batch without any step shares nothing.
        foreach (int[] lengths in (int[][])[[], [T, .. Enumerable.Range(1, N - 1).Select(n => (5 * n) % (T + 1))]])
        {
            string id = $"{shape}_t{T}_n{N}{(lengths.Length > 0 ? "_ragged" : "")}";
            float[] once = p.Run(stack, state, lengths, p.Input), exact = p.Run(judge, judged, lengths, p.Input);
            outcome.Compare(id, exact, once, Tolerance);
            if (!Verification.Same(once, p.Run(slices, sliced, lengths, p.Input)))
                (outcome.Differing, outcome.First) = (outcome.Differing + 1, outcome.First ?? id);
            if (!Verification.Same(once, p.Run(stack, state, lengths, p.Input)))
                (outcome.Unrepeated, outcome.First) = (outcome.Unrepeated + 1, outcome.First ?? id);
        }

        // x of the last row's first step: of all steps forward, of the walk's last in reverse.
        float[] spoilt = [.. p.Input];
        spoilt[shape.InputSize * (N - 1)] = float.NaN;
        float[] after = p.Run(stack, state, [], spoilt);
        for (int i = 0; i < after.Length; i++)
        {
            int column = i % (2 * shape.HiddenSize), row = i / (2 * shape.HiddenSize);
            bool spoiled = row % N == N - 1 && (column < shape.HiddenSize || row < N);
            if (spoiled != float.IsNaN(after[i]))
            {
                (outcome.Strayed, outcome.First) = (outcome.Strayed + 1, outcome.First ?? $"{shape}_n{N} after NaN, y[{i}]");
                break;
            }
        }

        var forward = (GpuLayer)state.Of(0).Layer;
        outcome.Shared += forward.SharedLaunches;
        outcome.Fallbacks += forward.Fallbacks;
    }

    private static LayerShape Shape(CellKind cell, int I, int H) => cell switch
    {
        CellKind.Lstm => LayerShape.Lstm(I, H),
        CellKind.Gru => LayerShape.Gru(I, H),
        _ => LayerShape.Elman(I, H, H % 8 == 0 ? Activation.Tanh : Activation.Relu),
    };

    private sealed class Problem
    {
        private readonly int _steps, _rows, _outputs;
        private readonly float[] _start;

        public Problem(LayerShape shape, int T, int N)
        {
            (_steps, _rows, _outputs) = (T, N, 2 * shape.HiddenSize);
            Layer = StackLayer.Bidirectional(LayerWeights.Random(shape, 7), LayerWeights.Random(shape, 8));
            var random = new Random(1);
            Input = Verification.Uniform(random, T * N * shape.InputSize);
            _start = Verification.Uniform(random, N * shape.HiddenSize);
        }

        public StackLayer Layer { get; }

        public float[] Input { get; }

        /// <summary>From the start, whatever the state went through before.</summary>
        public float[] Run(RecurrentStack stack, StackState state, int[] lengths, float[] input)
        {
            state.Reset();
            state.SetHidden(0, _start);
            state.SetHidden(1, _start);
            var output = new float[_steps * _rows * _outputs];
            stack.Run(state, _steps, input, output, new StackOptions { Lengths = lengths });
            return output;
        }
    }

    private sealed class DirectionsOutcome : Outcome
    {
        public int Unfit, Differing;
        public long Shared;
    }
}
