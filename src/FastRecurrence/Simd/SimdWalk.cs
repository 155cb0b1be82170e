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
    private int _steps, _chunkRows, _workers, _placeStep;
    private int* _rowsPerStep, _places, _order;
    private float* _x, _y, _gates, _cells, _projected;

    /// <summary>Runs a sequence whose memory stays where it is meanwhile.</summary>
    public void Run(in SortedSequence sequence)
    {
        fixed (float* x = sequence.Input, y = sequence.Output, gates = sequence.Gates, cells = sequence.Cells)
        fixed (int* rows = sequence.RowsPerStep, places = sequence.Places, order = sequence.Order)
        {
            bool dense = places == null;
            _steps = sequence.Steps;
            _rowsPerStep = rows;
            _places = dense ? state.Identity : places;
            _placeStep = dense ? state.BatchSize : sequence.PlaceStep;
            _order = dense ? state.Identity : order;
            _x = x;
            _y = y;
            _gates = gates;
            _cells = cells;
            int chunkSteps = Blocking.ChunkSteps(_steps, state.BatchSize);
            _chunkRows = chunkSteps == 1 ? 0 : chunkSteps * state.BatchSize;
            _projected = chunkSteps == 1 ? null : state.Projected(_chunkRows);
            if (_projected != null && !dense)
                state.ReserveChunkPlaces(_chunkRows);
            _workers = state.Team is null ? 1 : Blocking.WorthwhileWorkers(shape, weights.Layout.PanelCount, _steps, state.BatchSize, state.Team.Workers);
            if (_workers == 1 || !state.Team!.TryRun(this, _workers))
            {
                _workers = 1;
                Execute(0);
            }
        }

        state.StepsDone += _steps;
    }

    /// <summary>The part of one worker.</summary>
    public void Execute(int worker)
    {
        int panels = weights.Layout.PanelCount, second = weights.Second is null ? 0 : weights.SecondLayout.PanelCount;
        int first = Start(panels, worker), end = Start(panels, worker + 1), firstSecond = Start(second, worker), endSecond = Start(second, worker + 1);
        uint round = 0;
        var before = new RowView(state.Hidden, _order, shape.OutputSize);
        for (int step0 = 0, stepEnd; step0 < _steps; step0 = stepEnd)
        {
            int chunkRows = RowsAt(step0), chunkRow = 0;
            for (stepEnd = step0 + 1; stepEnd < _steps && chunkRows + RowsAt(stepEnd) <= _chunkRows; stepEnd++)
                chunkRows += RowsAt(stepEnd);
            if (_projected != null)
                InputGemm(first, end, ChunkInput(step0, stepEnd, worker), chunkRows);

            for (int step = step0; step < stepEnd; step++)
            {
                int rows = RowsAt(step);
                var place = new StepPlace(rows, _order, before, Rows(_x, step, shape.InputSize), Rows(_y, step, shape.OutputSize),
                    Asked(_gates, step, shape.GateCount * shape.HiddenSize), Asked(_cells, step, shape.HiddenSize));
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
                chunkRow += rows;
            }
        }
    }

    /// <summary>The rows of one step in memory of the caller's; x of no width has no memory, and none of it is read.</summary>
    private RowView Rows(float* start, int step, int width) => new(start + (nint)step * _placeStep * width, _places, width);

    /// <summary>The same for an output that may not have been asked for.</summary>
    private RowView Asked(float* start, int step, int width) => start == null ? default : Rows(start, step, width);

    /// <summary>x of all rows of a chunk, as if they were one step's.</summary>
    private RowView ChunkInput(int step0, int stepEnd, int worker)
    {
        int* table = state.Identity;
        if (_places != state.Identity)
        {
            int* next = table = state.ChunkPlaces(worker);
            for (int step = 0; step < stepEnd - step0; step++)
            {
                int rows = RowsAt(step0 + step), offset = step * _placeStep;
                for (int i = 0; i < rows; i++)
                    *next++ = _places[i] + offset;
            }
        }

        return new RowView(_x + (nint)step0 * _placeStep * shape.InputSize, table, shape.InputSize);
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
    private void InputGemm(int first, int end, in RowView x, int rows)
    {
        for (int panel = first; panel < end; panel++)
        {
            for (int row = 0; row < rows; row += Blocking.RowsPerBlock)
            {
                _kernels.Input(panel, Math.Min(Blocking.RowsPerBlock, rows - row), x.From(row),
                    _projected + ((nint)panel * rows + row) * weights.Layout.Width, weights.Input.Panel(Math.Min(panel + 1, end - 1)));
            }
        }
    }

    /// <summary>Rows that end with a step leave their h in the state.</summary>
    private void KeepFinished(int step, int rows, in RowView hidden)
    {
        int going = step + 1 < _steps ? RowsAt(step + 1) : 0, P = shape.OutputSize;
        if (going == rows)
            return;
        if (_places == state.Identity)
            new ReadOnlySpan<float>(hidden[going], (rows - going) * P).CopyTo(new Span<float>(state.Hidden + (nint)going * P, (rows - going) * P));
        else
            Units<V, L>.CopyRows(hidden.From(going), rows - going, new RowView(state.Hidden, _order + going, P), P);
    }

    private int RowsAt(int step) => _rowsPerStep == null ? state.BatchSize : _rowsPerStep[step];

    /// <summary>The first panel of a worker's slice.</summary>
    private int Start(int panels, int worker) => _workers == 1 ? panels * worker : (int)((long)panels * worker / _workers);
}

/// <summary>Where the rows of one step lie.</summary>
internal readonly unsafe struct StepPlace(int rows, int* order, RowView before, RowView input, RowView hidden, RowView gates, RowView cells)
{
    /// <summary>Rows of the step.</summary>
    public int Rows { get; } = rows;

    /// <summary>Which row of the state each belongs to.</summary>
    public int* Order { get; } = order;

    /// <summary>h of the step before, P wide.</summary>
    public RowView Before { get; } = before;

    /// <summary>x, I wide.</summary>
    public RowView Input { get; } = input;

    /// <summary>h, P wide.</summary>
    public RowView Hidden { get; } = hidden;

    /// <summary>Gates, G·H wide, or empty.</summary>
    public RowView Gates { get; } = gates;

    /// <summary>c, H wide, or empty.</summary>
    public RowView Cells { get; } = cells;
}
