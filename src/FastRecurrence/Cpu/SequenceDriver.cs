using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;
using FastRecurrence.Layout;
using FastRecurrence.Threading;

namespace FastRecurrence.Cpu;

/// <summary>
/// The CPU driver: one run over packed panels. Loops, from the outside: chunk of steps (input GEMM), step, panel, block of
/// rows, slice of depth, register tile; the epilogue follows each block of rows while it is in L1. Each output is one chain
/// b, x·W, h·R in ascending k: all these loops only decide when a chain goes on, not its order. Every worker runs the same
/// loops over its own slice of the panels and waits for the others once a step. Belongs to a workspace, so that a call with a team
/// allocates nothing. h and c are rows that an order picks, of a state or of a slab of streams: neither is copied together first.
/// </summary>
internal sealed unsafe class SequenceDriver<V, L>(LayerShape shape, PackedWeights weights, CpuWorkspace state) : ITeamWork, ICpuDriver
    where V : struct
    where L : IMemoryLanes<V>
{
    private readonly PanelDriver<V, L> _panels = new(shape, weights, state);
    private readonly int _inputSize = shape.InputSize, _outputSize = shape.OutputSize, _gatesSize = shape.GateCount * shape.HiddenSize;
    private int _steps, _chunkRows, _workers, _placeStep, _outputStride;
    private bool _byRows;
    private int* _rowsPerStep, _places, _order, _oneHot;
    private float* _x, _y, _gates, _cells, _projected;

    /// <summary>Runs a sequence whose memory stays where it is meanwhile.</summary>
    public void Run(in SortedSequence sequence)
    {
        fixed (float* x = sequence.Input, y = sequence.Output, gates = sequence.Gates, cells = sequence.Cells)
        fixed (int* rows = sequence.RowsPerStep, places = sequence.Places, order = sequence.Order, oneHot = sequence.OneHotInput)
        {
            bool dense = places == null;
            _steps = sequence.Steps;
            _rowsPerStep = rows;
            _places = dense ? state.Identity : places;
            _placeStep = dense ? state.Rows : sequence.PlaceStep;
            _order = order == null ? state.Identity : order;
            _outputStride = sequence.OutputStride;
            _oneHot = oneHot;
            _x = x;
            _y = y;
            _gates = gates;
            _cells = cells;
            state.Tape = sequence.Tape;
            state.Tape?.Begin(state, weights.Layout, sequence);
            if (_steps == 1 && state.Team is null && oneHot == null)
            {
                OneStep();
                return;
            }

            bool byRows = false;
            int workers = state.Team is null ? 1 : weights.Tuning.WorthwhileWorkers(shape, weights, _steps, state.Rows, state.Team.Workers, out byRows);
            Share(workers, workers > 1 && byRows);
            if (workers == 1 || !state.Team!.TryRun(this, workers))
            {
                Share(1, byRows: false);
                Execute(0);
            }
        }

        state.StepsDone += _steps;
    }

    /// <summary>A single step on the caller's thread, without the loops around it: beside a small layer they take their time.</summary>
    private void OneStep()
    {
        (_workers, _byRows) = (1, false);
        uint round = 0;
        Step(PanelRange(0, null), 0, new RowView(state.Hidden, _order, state.HiddenStep), 0, 0, 0, ref round);
        state.StepsDone++;
    }

    /// <summary>Decides who does what, and makes room for it.</summary>
    private void Share(int workers, bool byRows)
    {
        (_workers, _byRows) = (workers, byRows);
        int sharers = byRows ? workers : 1, rows = (state.Rows - 1) / sharers + 1;
        int average = _rowsPerStep == null ? rows : (int)(RowSteps(state.Rows) / _steps / sharers);
        int chunkSteps = weights.Tuning.ChunkSteps(weights, _steps, rows, average);
        bool ahead = chunkSteps > 1 || _oneHot != null;
        _chunkRows = ahead ? Math.Max(chunkSteps * rows, state.Rows) : 0; // a worker of short rows may have almost all
        _projected = ahead ? state.Projected(sharers * _chunkRows) : null;
        if (_projected != null && weights.Format != WeightFormat.Float32)
            state.ReserveDecoded(_inputSize * weights.Input.Width);
        if (_projected != null && (byRows || _places != state.Identity))
            state.ReserveChunkPlaces(_chunkRows);
    }

    /// <summary>The range of one worker: all rows of some panels, with a barrier a step, or all panels of some rows.</summary>
    public void Execute(int worker)
    {
        if (_byRows)
        {
            int panels = weights.Layout.PanelCount, firstRow = FirstRow(worker);
            float* projected = _projected == null ? null : _projected + (nint)worker * _chunkRows * panels * weights.Layout.Width;
            RunRange(new WorkerRange(0, panels, 0, 0, firstRow, FirstRow(worker + 1) - firstRow, projected), worker);
            return;
        }

        RunRange(PanelRange(worker, _projected), worker);
    }

    /// <summary>All rows of a worker's panels.</summary>
    private WorkerRange PanelRange(int worker, float* projected)
    {
        int panels = weights.Layout.PanelCount, second = weights.SecondWeights is null ? 0 : weights.SecondLayout.PanelCount;
        return new WorkerRange(Start(panels, worker), Start(panels, worker + 1), Start(second, worker), Start(second, worker + 1), 0, state.Rows,
            projected);
    }

    private void RunRange(in WorkerRange range, int worker)
    {
        uint round = 0;
        var before = new RowView(state.Hidden, _order + range.FirstRow, state.HiddenStep);
        for (int step0 = 0, stepEnd; step0 < _steps && RowsAt(range, step0) > 0; step0 = stepEnd)
        {
            int chunkRows = RowsAt(range, step0), chunkRow = 0;
            for (stepEnd = step0 + 1; stepEnd < _steps && chunkRows + RowsAt(range, stepEnd) <= _chunkRows; stepEnd++)
                chunkRows += RowsAt(range, stepEnd);
            if (range.Projected != null)
                InputGemm(range, step0, ChunkPlaces(range, step0, stepEnd, worker), chunkRows, worker);

            for (int step = step0; step < stepEnd; step++)
            {
                int rows = RowsAt(range, step);
                if (rows == 0)
                    return;
                before = Step(range, step, before, chunkRows, chunkRow, worker, ref round);
                chunkRow += rows;
            }
        }
    }

    /// <summary>One step of a worker's range, which is not empty.</summary>
    /// <returns>h, for the step after it.</returns>
    private RowView Step(in WorkerRange range, int step, in RowView before, int chunkRows, int chunkRow, int worker, ref uint round)
    {
        int rows = RowsAt(range, step);
        int tapeRow = state.Tape is null ? 0 : state.Tape.Start(step) + range.FirstRow;
        var view = new StepView(rows, _order + range.FirstRow, before, Rows(range, _x, step, _inputSize), Rows(range, _y, step, _outputStride),
            Wanted(range, _gates, step, _gatesSize), Wanted(range, _cells, step, shape.HiddenSize), tapeRow);
        Panels(range, view, backwards: ((state.StepsDone + step) & 1) != 0, chunkRows, chunkRow, worker);
        if (weights.SecondWeights is not null)
        {
            Wait(worker, ref round);
            for (int panel = range.FirstSecondPanel; panel < range.EndSecondPanel; panel++)
                _panels.SecondPanel(panel, view, worker);
        }

        Wait(worker, ref round);
        if (_byRows || worker == 0)
            KeepFinished(range, step, rows, view.Hidden);
        return view.Hidden;
    }

    /// <summary>The rows of one step in memory of the caller's; x of no width has no memory, and none of it is read.</summary>
    private RowView Rows(in WorkerRange range, float* start, int step, int width) =>
        new(start + (nint)step * _placeStep * width, _places + range.FirstRow, width);

    /// <summary>The same for an output that may not be wanted.</summary>
    private RowView Wanted(in WorkerRange range, float* start, int step, int width) => start == null ? default : Rows(range, start, step, width);

    /// <summary>Where all rows of a chunk lie, from the first step's place on, as if they were one step's.</summary>
    private int* ChunkPlaces(in WorkerRange range, int step0, int stepEnd, int worker)
    {
        int* table = state.Identity;
        if (_byRows || _places != state.Identity)
        {
            int* next = table = state.ChunkPlaces(worker), places = _places + range.FirstRow;
            for (int step = 0; step < stepEnd - step0; step++)
            {
                int rows = RowsAt(range, step0 + step), offset = step * _placeStep;
                for (int i = 0; i < rows; i++)
                    *next++ = places[i] + offset;
            }
        }

        return table;
    }

    /// <summary>
    /// A worker's panels of one step, every other step in the opposite order: what the last step used last is still in the
    /// cache, where a fixed order over weights a little larger than a cache would find nothing of them left.
    /// </summary>
    private void Panels(in WorkerRange range, in StepView step, bool backwards, int chunkRows, int chunkRow, int worker)
    {
        nint width = weights.Layout.Width;
        int first = range.FirstPanel, end = range.EndPanel;
        for (int done = first; done < end;)
        {
            // A single row has so little to do for a panel that its epilogues are worth gathering.
            int taken = state.Rows == 1 ? Math.Min(Tuning.GatheredPanels, end - done) : 1;
            int panel = backwards ? first + end - done - taken : done;
            float* start = range.Projected == null ? null : range.Projected + ((nint)panel * chunkRows + chunkRow) * width;
            if (state.Rows == 1)
                _panels.SingleRow(panel, taken, backwards, step, start, chunkRows * width, worker);
            else
                _panels.Panel(panel, Math.Clamp(backwards ? panel - 1 : panel + 1, first, end - 1), step, start, worker);
            done += taken;
        }
    }

    private void Wait(int worker, ref uint round)
    {
        if (_workers > 1 && !_byRows)
            state.Team!.Wait(worker, _workers, ++round);
    }

    /// <summary>b + x·W for the rows of a chunk, <c>[panel][rows][stride][lanes]</c>.</summary>
    private void InputGemm(in WorkerRange range, int step0, int* places, int rows, int worker)
    {
        nint first = (nint)step0 * _placeStep;
        var x = new RowView(_x + first * _inputSize, places, _inputSize);
        for (int panel = range.FirstPanel; panel < range.EndPanel; panel++)
        {
            float* projected = range.Projected + (nint)panel * rows * weights.Layout.Width;
            if (_oneHot != null)
                _panels.LookUp(panel, rows, _oneHot + first, places, projected);
            else
                _panels.ChunkInput(panel, Math.Min(panel + 1, range.EndPanel - 1), rows, x, projected, worker);
        }
    }

    /// <summary>Rows that end with a step leave their h in the state.</summary>
    private void KeepFinished(in WorkerRange range, int step, int rows, in RowView hidden)
    {
        int going = step + 1 < _steps ? RowsAt(range, step + 1) : 0, P = _outputSize;
        if (going == rows)
            return;
        if (_places == state.Identity && _order == state.Identity && _outputStride == P && state.HiddenStep == P)
            new ReadOnlySpan<float>(hidden[going], (rows - going) * P).CopyTo(new Span<float>(state.Hidden + (nint)(range.FirstRow + going) * P,
                (rows - going) * P));
        else
            PartialVector<V, L>.CopyRows(hidden.From(going), rows - going, new RowView(state.Hidden, _order + range.FirstRow + going, state.HiddenStep), P);
    }

    private int RowsAt(in WorkerRange range, int step) =>
        _rowsPerStep == null ? range.Rows : Math.Clamp(_rowsPerStep[step] - range.FirstRow, 0, range.Rows);

    /// <summary>The first panel of a worker's slice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Start(int panels, int worker) => _workers == 1 ? panels * worker : (int)((long)panels * worker / _workers);

    /// <summary>The first row of a worker's, so that all have about as many steps of rows: the first rows are the longest.</summary>
    private int FirstRow(int worker)
    {
        int N = state.Rows;
        if (_rowsPerStep == null || worker == 0 || worker == _workers)
            return (int)((long)N * worker / _workers);
        long share = RowSteps(N) * worker / _workers;
        int low = 0, high = N;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (RowSteps(middle) < share)
                low = middle + 1;
            else
                high = middle;
        }

        return low;
    }

    /// <summary>Steps of the first rows together.</summary>
    private long RowSteps(int rows)
    {
        long sum = 0;
        for (int step = 0; step < _steps; step++)
            sum += Math.Min(_rowsPerStep[step], rows);
        return sum;
    }

    /// <summary>What one worker does of every step.</summary>
    private readonly struct WorkerRange(int firstPanel, int endPanel, int firstSecondPanel, int endSecondPanel, int firstRow, int rows, float* projected)
    {
        public int FirstPanel { get; } = firstPanel;

        public int EndPanel { get; } = endPanel;

        public int FirstSecondPanel { get; } = firstSecondPanel;

        public int EndSecondPanel { get; } = endSecondPanel;

        public int FirstRow { get; } = firstRow;

        /// <summary>At most; rows that have ended are gone.</summary>
        public int Rows { get; } = rows;

        /// <summary>Room for b + x·W of a chunk, or null.</summary>
        public float* Projected { get; } = projected;
    }
}
