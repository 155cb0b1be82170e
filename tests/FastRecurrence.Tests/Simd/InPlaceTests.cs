using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Simd;

/// <summary>
/// Ragged, reversed and batch-major sequences run where they lie: every row of any batch, layout, direction, padding and
/// team has the bits, the gates, the c and the final state that it has alone, and padding is neither read nor left standing.
/// </summary>
public sealed class InPlaceTests
{
    private const int T = 23;

    public static TheoryData<string, int> Batches =>
    [
        .. from cell in (string[])["lstm", "elman", "gru", "gru-reset", "lstm-projected", "lstm-varied"]
           from N in (int[])[2, 7, 16, 40]
           select (cell, N),
    ];

    [Theory]
    [MemberData(nameof(Batches))]
    public void Every_row_is_as_if_it_were_alone(string cell, int N)
    {
        LayerShape shape = Shape(cell);
        int I = shape.InputSize, P = shape.OutputSize, H = shape.HiddenSize, G = shape.GateCount;
        var random = new Random(N);
        int[] lengths = [.. Enumerable.Range(0, N).Select(_ => random.Next(T + 1))];
        lengths[random.Next(N)] = T;
        var p = new Problem(shape, T, N);
        using RecurrentLayer layer = Backend.Simd.Prepare(p.Weights);
        using var pair = new WorkerTeam(2);
        using var many = new WorkerTeam(3);
        foreach (Direction direction in Enum.GetValues<Direction>())
        {
            Alone[] alone = [.. Enumerable.Range(0, N).Select(n => new Alone(layer, p, n, lengths[n], direction))];
            foreach ((WorkerTeam? team, Padding padding, SequenceLayout layout) in
                from team in (WorkerTeam?[])[null, pair, many]
                from padding in Enum.GetValues<Padding>()
                from layout in Enum.GetValues<SequenceLayout>()
                select (team, padding, layout))
            {
                int Row(int n, int t)
                {
                    t += padding == Padding.Left ? T - lengths[n] : 0;
                    return layout == SequenceLayout.TimeMajor ? t * N + n : n * T + t;
                }

                float[] x = new float[T * N * I], y = new float[T * N * P], gates = new float[T * N * G * H], cells = new float[shape.HasCellState ? T * N * H : 0];
                foreach (float[] all in (float[][])[x, y, gates, cells])
                    Array.Fill(all, float.NaN);
                for (int n = 0; n < N; n++)
                {
                    for (int t = 0; t < lengths[n]; t++)
                        p.Input.AsSpan((t * N + n) * I, I).CopyTo(x.AsSpan(Row(n, t) * I));
                }

                using LayerState state = layer.CreateState(N, team);
                state.SetHidden(p.Hidden);
                if (shape.HasCellState)
                    state.SetCell(p.Cell);
                layer.Run(state, T, x, y, new SequenceOptions { Lengths = lengths, Direction = direction, Padding = padding, Layout = layout, Gates = gates, Cells = cells });

                string what = $"{shape} {direction} {padding} {layout} {team?.Workers ?? 1} workers";
                float[] hidden = new float[N * P], cell1 = new float[shape.HasCellState ? N * H : 0];
                state.CopyHiddenTo(hidden);
                if (shape.HasCellState)
                    state.CopyCellTo(cell1);
                for (int n = 0; n < N; n++)
                {
                    for (int t = 0; t < lengths[n]; t++)
                    {
                        BackendContract.AssertSameBits(what, $"h of row {n} at {t}", alone[n].Output.AsSpan(t * P, P), y.AsSpan(Row(n, t) * P, P));
                        BackendContract.AssertSameBits(what, $"gates of row {n} at {t}", alone[n].Gates.AsSpan(t * G * H, G * H), gates.AsSpan(Row(n, t) * G * H, G * H));
                        if (shape.HasCellState)
                            BackendContract.AssertSameBits(what, $"c of row {n} at {t}", alone[n].Cells.AsSpan(t * H, H), cells.AsSpan(Row(n, t) * H, H));
                    }

                    for (int t = lengths[n]; t < T; t++)
                    {
                        int row = Row(n, padding == Padding.Left ? t - T : t);
                        Assert.All(y[(row * P)..((row + 1) * P)], value => Assert.Equal(0f, value));
                        Assert.All(gates[(row * G * H)..((row + 1) * G * H)], value => Assert.Equal(0f, value));
                    }

                    BackendContract.AssertSameBits(what, $"the state's h of row {n}", alone[n].Hidden, hidden.AsSpan(n * P, P));
                    if (shape.HasCellState)
                        BackendContract.AssertSameBits(what, $"the state's c of row {n}", alone[n].Cell, cell1.AsSpan(n * H, H));
                }
            }
        }
    }

    [Fact]
    public void A_repeated_ragged_call_allocates_nothing()
    {
        var p = new Problem(LayerShape.Lstm(9, 21), T, 16);
        using RecurrentLayer layer = Backend.Simd.Prepare(p.Weights);
        using LayerState state = layer.CreateState(p.N);
        int[] lengths = [.. Enumerable.Range(0, p.N).Select(n => 1 + (n * 7 % T))];
        var output = new float[p.Exact.Output.Length];
        void Run() => layer.Run(state, T, p.Input, output, new SequenceOptions { Lengths = lengths, Layout = SequenceLayout.BatchMajor, Direction = Direction.Reverse });
        for (int i = 0; i < 100; i++)
            Run();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 500; i++)
            Run();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static LayerShape Shape(string cell) => cell switch
    {
        "lstm" => LayerShape.Lstm(5, 70),
        "elman" => LayerShape.Elman(5, 70),
        "gru" => LayerShape.Gru(5, 37),
        "gru-reset" => LayerShape.Gru(5, 37, linearBeforeReset: false),
        "lstm-projected" => LayerShape.Lstm(5, 37) with { ProjectionSize = 19 },
        _ => LayerShape.Lstm(5, 37) with { Peepholes = true, Clip = 0.8f, CellActivation = Activation.Softsign },
    };

    /// <summary>One row by itself, dense; what lies before or behind it is not there.</summary>
    private sealed class Alone
    {
        public Alone(RecurrentLayer layer, Problem p, int n, int length, Direction direction)
        {
            LayerShape shape = p.Shape;
            int N = p.N, I = shape.InputSize, P = shape.OutputSize, H = shape.HiddenSize, G = shape.GateCount;
            var x = new float[length * I];
            for (int t = 0; t < length; t++)
                p.Input.AsSpan((Reversed(t) * N + n) * I, I).CopyTo(x.AsSpan(t * I));
            using LayerState state = layer.CreateState(1);
            state.SetHidden(p.Hidden.AsSpan(n * P, P));
            if (shape.HasCellState)
                state.SetCell(p.Cell.AsSpan(n * H, H));
            float[] y = new float[length * P], gates = new float[length * G * H], cells = new float[shape.HasCellState ? length * H : 0];
            layer.Run(state, length, x, y, new SequenceOptions { Gates = gates, Cells = cells });
            (Output, Gates, Cells, Hidden, Cell) = (Back(y, P), Back(gates, G * H), shape.HasCellState ? Back(cells, H) : cells, new float[P], new float[shape.HasCellState ? H : 0]);
            state.CopyHiddenTo(Hidden);
            if (shape.HasCellState)
                state.CopyCellTo(Cell);

            int Reversed(int t) => direction == Direction.Reverse ? length - 1 - t : t;

            float[] Back(float[] walked, int width)
            {
                var result = new float[walked.Length];
                for (int t = 0; t < length; t++)
                    walked.AsSpan(t * width, width).CopyTo(result.AsSpan(Reversed(t) * width));
                return result;
            }
        }

        public float[] Output { get; }

        public float[] Gates { get; }

        public float[] Cells { get; }

        public float[] Hidden { get; }

        public float[] Cell { get; }
    }
}
