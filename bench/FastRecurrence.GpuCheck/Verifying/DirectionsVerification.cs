using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.GpuCheck.Results;
using FastRecurrence.GpuCheck.Timing;

namespace FastRecurrence.GpuCheck.Verifying;

/// <summary>
/// Bidirectional layers whose directions share a grid, dense and ragged: against the double reference, and against slices, whose bits a grid has.
/// </summary>
internal static class DirectionsVerification
{
    private const double Tolerance = 2e-6;

    private const int T = 9;

    private static readonly CellKind[] s_cells = [CellKind.Lstm, CellKind.Gru, CellKind.Elman];

    public static void Run(Visit visit)
    {
        bool quick = visit.Options.Quick;
        var problems = Ahead.Mixed(from cell in s_cells
                                   from H in quick ? (int[])[4, 8, 16, 32] : [4, 8, 12, 32, 64, 100, 128, 256, 300, 512, 768, 1024]
                                   from N in quick ? (int[])[1, 5] : [1, 2, 4, 5, 8, 9, 33]
                                   select (Cell: cell, H, N));
        var outcomes = s_cells.ToDictionary(c => c, _ => new Outcome());
        int done = 0;
        foreach (Problem problem in Ahead.Of(problems, p => new Problem(p.Cell, p.H, p.N)))
        {
            if (visit.IsOver)
                break;
            Judge(visit.Backend, problem, outcomes[problem.Cell]);
            done++;
        }

        foreach ((CellKind cell, Outcome outcome) in outcomes)
        {
            VerificationResult result = outcome.Result(Tolerance, wasCut: done < problems.Length);
            // Where every shared launch was given up, nothing was seen of what is to be verified.
            bool givenUp = outcome.Problems > 0 && outcome.Shared <= outcome.Fallbacks;
            visit.Journal.Add(visit.Record(cell) with
            {
                Fallbacks = outcome.Fallbacks,
                Verification = result with
                {
                    Right = givenUp ? false : result.Right,
                    Differing = outcome.Differing,
                    Unfit = outcome.Unfit,
                    SharedLaunches = outcome.Shared,
                },
                Note = givenUp ? "every shared launch was given up" : null,
            });
        }

        visit.NotReached([.. problems[done..].GroupBy(p => p.H).OrderBy(g => g.Key).Select(g => $"{g.Count()} problems with H = {g.Key}")]);
    }

    private static void Judge(GpuBackend backend, Problem p, Outcome outcome)
    {
        using var stack = new RecurrentStack(backend.Force(GridPersistent.Family), p.Layer);
        using StackState state = stack.CreateState(p.N);
        if (((GpuState)state.Of(0)).Choice.BothDirections is null)
        {
            outcome.Unfit++;
            return;
        }

        outcome.Problems++;
        using var slices = new RecurrentStack(backend.Force(SplitKStep.Family), p.Layer);
        using StackState sliced = slices.CreateState(p.N);
        foreach ((int[] lengths, float[] exact) in p.Exact)
        {
            string name = $"{p.Shape}_t{T}_n{p.N}{(lengths.Length > 0 ? "_ragged" : "")}";
            float[] once = p.Run(stack, state, lengths, p.Input);
            outcome.Compare(name, exact, once, Tolerance);
            if (!Bits.AreSame(once, p.Run(slices, sliced, lengths, p.Input)))
                outcome.Note(ref outcome.Differing, name);
            if (!Bits.AreSame(once, p.Run(stack, state, lengths, p.Input)))
                outcome.Note(ref outcome.Unrepeated, name);
        }

        // x of the last row's first step: of all steps forward, of the walk's last in reverse.
        float[] spoilt = [.. p.Input];
        spoilt[p.Shape.InputSize * (p.N - 1)] = float.NaN;
        float[] after = p.Run(stack, state, [], spoilt);
        for (int i = 0; i < after.Length; i++)
        {
            int column = i % (2 * p.Shape.HiddenSize), row = i / (2 * p.Shape.HiddenSize);
            bool spoiled = row % p.N == p.N - 1 && (column < p.Shape.HiddenSize || row < p.N);
            if (spoiled != float.IsNaN(after[i]))
            {
                outcome.Note(ref outcome.Strayed, $"{p.Shape}_n{p.N} after NaN [{i}]");
                break;
            }
        }

        var forward = (GpuLayer)state.Of(0).Layer;
        outcome.Shared += forward.SharedLaunches;
        outcome.Fallbacks += forward.Fallbacks;
    }

    private sealed class Problem
    {
        private readonly float[] _start;

        public Problem(CellKind cell, int H, int N)
        {
            (Cell, this.N) = (cell, N);
            int I = 1 + H % 19;
            Shape = cell switch
            {
                CellKind.Lstm => LayerShape.Lstm(I, H),
                CellKind.Gru => LayerShape.Gru(I, H),
                _ => LayerShape.Elman(I, H, H % 8 == 0 ? Activation.Tanh : Activation.Relu),
            };
            Layer = StackLayer.Bidirectional(LayerWeights.Random(Shape, 7), LayerWeights.Random(Shape, 8));
            var random = new Random(1);
            Input = Noise.Uniform(random, T * N * I);
            _start = Noise.Uniform(random, N * H);
            using var judge = new RecurrentStack(Backend.Reference, Layer);
            using StackState judged = judge.CreateState(N);
            // The first row keeps its length: a batch without any step shares nothing.
            int[] ragged = [T, .. Enumerable.Range(1, N - 1).Select(n => (5 * n) % (T + 1))];
            Exact = [([], Run(judge, judged, [], Input)), (ragged, Run(judge, judged, ragged, Input))];
        }

        public CellKind Cell { get; }

        public int N { get; }

        public LayerShape Shape { get; }

        public StackLayer Layer { get; }

        public float[] Input { get; }

        public (int[] Lengths, float[] Output)[] Exact { get; }

        /// <summary>From the start, whatever the state went through before.</summary>
        public float[] Run(RecurrentStack stack, StackState state, int[] lengths, float[] input)
        {
            state.Reset();
            state.SetHidden(0, _start);
            state.SetHidden(1, _start);
            var output = new float[T * N * 2 * Shape.HiddenSize];
            stack.Run(state, T, input, output, new StackOptions { Lengths = lengths });
            return output;
        }
    }
}
