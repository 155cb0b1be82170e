using FastRecurrence.Lanes;
using FastRecurrence.Packing;

namespace FastRecurrence.Simd;

/// <summary>
/// The CPU driver: one run over packed panels. Loops, from the outside: chunk of steps (input GEMM), step, panel, block of
/// rows, slice of depth, register tile; the epilogue follows each block of rows while it is in L1. Each output is one chain
/// b, x·W, h·R in ascending k: all these loops only decide when a chain goes on, not its order. Every worker walks the same
/// loops over its own slice of the panels and meets the others once a step. Belongs to a state, so that a call with a team
/// allocates nothing.
/// </summary>
internal sealed unsafe class SimdWalk<V, L>(LayerShape shape, PackedWeights weights, SimdState state) : ITeamWork
    where V : struct
    where L : IMemoryLanes<V>
{
    private readonly CellKernels<V, L> _kernels = new(shape, weights, state);
    private int _steps, _chunk, _workers;
    private int* _rowsPerStep;
    private float* _x, _y, _gates, _cells, _projected;

    /// <summary>Runs a packed sequence whose memory stays where it is meanwhile.</summary>
    public void Run(int steps, int* rowsPerStep, float* x, float* y, float* gates, float* cells)
    {
        _steps = steps;
        _rowsPerStep = rowsPerStep;
        _x = x;
        _y = y;
        _gates = gates;
        _cells = cells;
        _chunk = Blocking.ChunkSteps(steps, state.BatchSize);
        _projected = _chunk == 1 ? null : state.Projected(_chunk * state.BatchSize);
        _workers = state.Team is null ? 1 : Blocking.WorthwhileWorkers(shape, weights.Layout.PanelCount, steps, state.BatchSize, state.Team.Workers);
        if (_workers == 1 || !state.Team!.TryRun(this, _workers))
        {
            _workers = 1;
            Execute(0);
        }

        state.StepsDone += steps;
    }

    /// <summary>The part of one worker.</summary>
    public void Execute(int worker)
    {
        int panels = weights.Layout.PanelCount, second = weights.Second is null ? 0 : weights.SecondLayout.PanelCount;
        int first = Start(panels, worker), end = Start(panels, worker + 1), firstSecond = Start(second, worker), endSecond = Start(second, worker + 1);
        uint round = 0;
        nint row = 0;
        float* before = state.Hidden;
        for (int step0 = 0; step0 < _steps; step0 += _chunk)
        {
            int stepEnd = Math.Min(step0 + _chunk, _steps), chunkRows = 0, chunkRow = 0;
            if (_projected != null)
            {
                for (int step = step0; step < stepEnd; step++)
                    chunkRows += RowsAt(step);
                InputGemm(first, end, _x + row * shape.InputSize, chunkRows);
            }

            for (int step = step0; step < stepEnd; step++)
            {
                int rows = RowsAt(step);
                var place = new StepPlace(_x + row * shape.InputSize, before, _y + row * shape.OutputSize,
                    _gates == null ? null : _gates + row * shape.GateCount * shape.HiddenSize, _cells == null ? null : _cells + row * shape.HiddenSize, rows);
                Panels(place, first, end, backwards: ((state.StepsDone + step) & 1) != 0, chunkRows, chunkRow, worker);
                if (second != 0)
                {
                    Meet(worker, ref round);
                    for (int panel = firstSecond; panel < endSecond; panel++)
                        _kernels.SecondPanel(panel, place, worker);
                }

                Meet(worker, ref round);
                if (worker == 0)
                    KeepFinished(step, rows, place.Hidden);
                before = place.Hidden;
                row += rows;
                chunkRow += rows;
            }
        }
    }

    /// <summary>
    /// A worker's panels of one step, every other step in the opposite order: what the last step used last is still in the
    /// cache, where a fixed order over weights a little larger than a cache would find nothing of them left.
    /// </summary>
    private void Panels(in StepPlace step, int first, int end, bool backwards, int chunkRows, int chunkRow, int worker)
    {
        nint width = weights.Layout.Width;
        for (int done = first; done < end;)
        {
            // A lone row has so little to do for a panel that its epilogues are worth gathering.
            int taken = state.BatchSize == 1 ? Math.Min(Blocking.GatheredPanels, end - done) : 1;
            int panel = backwards ? first + end - done - taken : done;
            float* start = _projected == null ? null : _projected + ((nint)panel * chunkRows + chunkRow) * width;
            if (state.BatchSize == 1)
                _kernels.LoneRow(panel, taken, backwards, step, start, chunkRows * width, worker);
            else
                _kernels.Panel(panel, Math.Clamp(backwards ? panel - 1 : panel + 1, first, end - 1), step, start, worker);
            done += taken;
        }
    }

    private void Meet(int worker, ref uint round)
    {
        if (_workers > 1)
            state.Team!.Meet(worker, _workers, ++round);
    }

    /// <summary>b + x·W for the rows of a chunk, <c>[panel][rows][stride][lanes]</c>.</summary>
    private void InputGemm(int first, int end, float* x, int rows)
    {
        for (int panel = first; panel < end; panel++)
        {
            for (int row = 0; row < rows; row += Blocking.RowsPerBlock)
            {
                _kernels.Input(panel, Math.Min(Blocking.RowsPerBlock, rows - row), x + (nint)row * shape.InputSize,
                    _projected + ((nint)panel * rows + row) * weights.Layout.Width, weights.Input.Panel(Math.Min(panel + 1, end - 1)));
            }
        }
    }

    /// <summary>Rows that end with a step leave their h in the state.</summary>
    private void KeepFinished(int step, int rows, float* hidden)
    {
        int going = step + 1 < _steps ? RowsAt(step + 1) : 0, P = shape.OutputSize;
        if (going < rows)
            new ReadOnlySpan<float>(hidden + (nint)going * P, (rows - going) * P).CopyTo(new Span<float>(state.Hidden + (nint)going * P, (rows - going) * P));
    }

    private int RowsAt(int step) => _rowsPerStep == null ? state.BatchSize : _rowsPerStep[step];

    /// <summary>The first panel of a worker's slice.</summary>
    private int Start(int panels, int worker) => _workers == 1 ? panels * worker : (int)((long)panels * worker / _workers);
}

/// <summary>Where the rows of one step lie.</summary>
internal readonly unsafe struct StepPlace(float* input, float* before, float* hidden, float* gates, float* cells, int rows)
{
    /// <summary>x, <c>[rows, I]</c>.</summary>
    public float* Input { get; } = input;

    /// <summary>h of the step before, <c>[rows, P]</c>.</summary>
    public float* Before { get; } = before;

    /// <summary>h, <c>[rows, P]</c>.</summary>
    public float* Hidden { get; } = hidden;

    /// <summary>Gates, <c>[rows, G, H]</c>, or null.</summary>
    public float* Gates { get; } = gates;

    /// <summary>c, <c>[rows, H]</c>, or null.</summary>
    public float* Cells { get; } = cells;

    /// <summary>Rows of the step.</summary>
    public int Rows { get; } = rows;
}
