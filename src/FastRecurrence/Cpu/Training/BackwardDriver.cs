using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastRecurrence.Cells;
using FastRecurrence.Lanes;
using FastRecurrence.Layout;
using FastRecurrence.Threading;

namespace FastRecurrence.Cpu;

/// <summary>
/// Backpropagation through time on the CPU. First the steps from the last to the first: the cell turns gates into gradients of their preactivations, in the
/// tape, and their product with R is ∂L/∂h of the step before. Then, over all rows at once, ∂L/∂x and the gradients of the weights. Workers share outputs,
/// never a sum: every output has one order of its sum, and the bits depend on nothing else.
/// </summary>
internal sealed unsafe class BackwardDriver<V, L> : BackwardPass, ITeamWork
    where V : struct
    where L : IMemoryLanes<V>
{
    /// <summary>Work of a call below which waking a team costs more than it gains.</summary>
    private const double LeastFlops = 1_600_000;

    /// <summary>Rows of a worker that are worth a tile of their own.</summary>
    private const int LeastRows = 4;

    private readonly TapeLayout _layout;
    private readonly BackwardKernels _kernels;
    private readonly CellSettings _settings;
    private readonly StepGradients<V, L> _steps;
    private readonly BackwardProduct<V, L>? _input, _recurrent, _candidate;
    private readonly WeightGradients<V, L> _weights;
    private readonly AlignedBuffer _zeros;
    private readonly AlignedBuffer[] _sums;
    private readonly PackedMatrix? _peepholes;
    private readonly int[] _inOrder;
    private readonly int _blockRows = Tuning.Current.RowsPerBlock;
    private readonly int _inputSize, _hiddenSize, _outputSize;
    private readonly int* _identity;
    private readonly WorkerTeam? _team;
    private TrainingTape _tape = null!;
    private LayerGradients? _gradients;
    private float* _x, _y, _dy, _dx, _finalHidden, _finalCell;
    private int _workers;
    private bool _byRows;

    public BackwardDriver(LayerWeights weights, int batchSize, WorkerTeam? team)
        : base(weights.Shape, batchSize)
    {
        LayerShape shape = weights.Shape;
        Require(shape);
        _kernels = BackwardKernels.Of<V, L>(shape);
        _settings = CellSettings.From(shape);
        _layout = new TapeLayout(shape);
        _team = team;
        (_inputSize, _hiddenSize, _outputSize) = (shape.InputSize, shape.HiddenSize, shape.OutputSize);
        _inOrder = GC.AllocateArray<int>(Math.Max(batchSize, _blockRows), pinned: true);
        for (int i = 0; i < _inOrder.Length; i++)
            _inOrder[i] = i;
        _identity = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_inOrder));
        int workers = team?.Workers ?? 1;
        if (_inputSize > 0)
        {
            var w = new TransposedMatrix("W for the backward pass", weights.InputWeights, _inputSize, _layout, _layout.InputColumns, L.Count);
            _input = new(w, _layout, _identity, workers);
        }

        if (_layout.RecurrentColumns.Length > 0)
        {
            var r = new TransposedMatrix("R for the backward pass", weights.RecurrentWeights, _outputSize, _layout, _layout.RecurrentColumns, L.Count);
            _recurrent = new(r, _layout, _identity, workers);
        }

        _steps = new StepGradients<V, L>(shape, batchSize, _layout.HasCandidate);
        if (_layout.HasCandidate)
        {
            ReadOnlySpan<float> last = weights.RecurrentWeights[^(_hiddenSize * _outputSize)..];
            var r = new TransposedMatrix("R of the candidate for the backward pass", last, _outputSize, _layout, [TapeLayout.CandidateColumn], L.Count);
            _candidate = new(r, _layout, _identity, workers);
        }

        PanelLayout units = PanelLayout.OfGates(_hiddenSize, L.Count, columns: 4);
        if (shape.Peepholes)
            _peepholes = new PackedMatrix("packed peepholes", weights.Peepholes, 1, units.PanelCount, 3, L.Count,
                (panel, column, lane) => units.SourceRow(panel, column, lane));
        _zeros = new AlignedBuffer("zeros", 4 * L.Count);
        _sums = new AlignedBuffer[workers];
        for (int worker = 0; worker < workers; worker++)
            _sums[worker] = new AlignedBuffer("gradients of x of some rows", _blockRows, 4 * L.Count);
        _weights = new WeightGradients<V, L>(shape, _layout, workers, _identity);
    }

    private static void Require(LayerShape shape)
    {
        if (shape.Describe().Second == SecondProduct.Projection)
            throw new NotSupportedException($"{shape} cannot be trained on the CPU kernels yet: they have no backward pass for projections.");

        foreach (ActivationFunction function in (ReadOnlySpan<ActivationFunction>)[shape.GateActivation, shape.CandidateActivation, shape.CellActivation])
        {
            if (!ActivationGradients.AreKnownFromOutput(function))
                throw new NotSupportedException($"{shape} cannot be trained: {function} does not tell its slope from its value; a tape keeps values alone.");
        }
    }

    private protected override void RunCore(TrainingTape tape, in BackwardCall call, LayerGradients? gradients)
    {
        (_tape, _gradients) = (tape, gradients);
        fixed (float* x = call.Input, y = call.Output, dy = call.OutputGradient, dx = call.InputGradient)
        fixed (float* finalHidden = call.FinalHidden, finalCell = call.FinalCell, initialHidden = call.InitialHidden, initialCell = call.InitialCell)
        {
            _x = x;
            _y = y;
            _dy = dy;
            _dx = dx;
            _finalHidden = finalHidden;
            _finalCell = finalCell;
            Share(WorthwhileWorkers());
            if (_workers == 1 || !_team!.TryRun(this, _workers))
            {
                Share(1);
                Execute(0);
            }

            _steps.Return(tape, initialHidden, initialCell);
        }

        GC.KeepAlive(this);
        GC.KeepAlive(tape);
    }

    /// <summary>As many as the forward run would take for the same work; a backward pass has twice as much.</summary>
    private int WorthwhileWorkers() => _team is null || Shape.FlopsPerStep(_tape.Rows) * 2 < LeastFlops ? 1 : _team.Workers;

    /// <summary>Rows of the batch need no meeting on their way; where there are few, the workers share the units, and meet once a step.</summary>
    private void Share(int workers) => (_workers, _byRows) = (workers, workers > 1 && BatchSize >= LeastRows * workers);

    /// <summary>What one worker does: its part of the steps, then, when all have done theirs, its rows of x and its factors of the weights.</summary>
    public void Execute(int worker)
    {
        uint round = 0;
        int panels = _steps.Panels.PanelCount;
        BackwardPart part = _byRows
            ? new(FirstRow(worker), FirstRow(worker + 1), 0, panels)
            : new(0, BatchSize, Slice(panels, worker), Slice(panels, worker + 1));
        RunRange(part, worker, ref round);

        if (_byRows)
            Wait(worker, ref round);
        if (_dx != null && _input is not null)
            InputGradient(Slice(_tape.Rows, worker), Slice(_tape.Rows, worker + 1), worker);
        if (_gradients is not null)
            _weights.Add(_tape, _gradients, _x, _y, worker, _workers);
        if (_gradients is not null && _peepholes is not null)
            PeepholeGradients<V, L>.Add(_tape, _gradients, Slice(_layout.BlockCount, worker), Slice(_layout.BlockCount, worker + 1));
    }

    private int Slice(int count, int worker) => (int)((long)count * worker / _workers);

    private void Wait(int worker, ref uint round)
    {
        if (_workers > 1)
            _team!.Wait(worker, _workers, ++round);
    }

    /// <summary>The first row of a worker's, so that all have about as many steps of rows: the first rows are the longest.</summary>
    private int FirstRow(int worker)
    {
        long share = (long)_tape.Rows * worker / _workers, done = 0;
        int row = 0;
        for (int steps = _tape.Steps; row < BatchSize && done < share; row++)
        {
            while (steps > 0 && _tape.RowsAt(steps - 1) <= row)
                steps--;
            done += steps;
        }

        return worker == _workers ? BatchSize : row;
    }

    /// <summary>The steps of a part, from the last to the first. A row joins at its own last step.</summary>
    private void RunRange(in BackwardPart part, int worker, ref uint round)
    {
        int joined = part.FirstRow;
        for (int step = _tape.Steps - 1; step >= 0; step--)
        {
            int end = Math.Clamp(_tape.RowsAt(step), part.FirstRow, part.EndRow);
            _steps.Join(_tape, part, joined, end, _finalHidden, _finalCell);
            joined = end;
            if (_candidate is not null)
                Candidate(part, step, end, worker, ref round);
            Cells(part, step, end, emits: false);
            if (!_byRows)
                Wait(worker, ref round);
            for (int panel = part.FirstPanel; panel < part.EndPanel && _recurrent is not null; panel++)
                Recurrent(step, panel, part.FirstRow, end, worker);
        }

        _steps.Join(_tape, part, joined, part.EndRow, _finalHidden, _finalCell); // rows without steps
    }

    /// <summary>Back through h and the second product, to ∂L/∂ its left operand.</summary>
    private void Candidate(in BackwardPart part, int step, int end, int worker, ref uint round)
    {
        Cells(part, step, end, emits: true);
        if (!_byRows)
            Wait(worker, ref round);
        for (int panel = part.FirstPanel; panel < part.EndPanel; panel++)
        {
            for (int row = part.FirstRow; row < end; row += _blockRows)
            {
                var rows = new TapeRows(_tape, _tape.Start(step) + row, Math.Min(_blockRows, end - row));
                _candidate!.Panel(rows, panel, _zeros.Pointer, 0, _steps.OperandAt(_steps.Hidden(panel, row)), worker);
            }
        }
    }

    /// <summary>The pointwise part of a step: a worker's units over its rows.</summary>
    private void Cells(in BackwardPart part, int step, int end, bool emits)
    {
        int endVector = Math.Min(_steps.Vectors, part.EndPanel * _steps.Panels.Stride);
        for (int vector = part.FirstPanel * _steps.Panels.Stride; vector < endVector && end > part.FirstRow; vector++)
        {
            BackwardBlock block = Block(step, vector, part.FirstRow, end);
            if (emits || !_steps.HasOperand)
            {
                (emits ? _kernels.Emit : _kernels.Run)(block, _settings);
                continue;
            }

            // After a second product: dy has joined, and what goes straight to h adds to what h has.
            float* hidden = block.Hidden;
            block.Hidden = _steps.OperandAt(hidden);
            block.OutputGradient = default;
            _kernels.Run(block, _settings);
            for (int row = 0; row < block.Rows; row++)
            {
                nint at = row * block.HiddenStep;
                L.Store(L.Add(L.Load(hidden + at), L.Load(block.Hidden + at)), hidden + at);
            }
        }
    }

    /// <summary>∂L/∂h of the step before: what a step's gradients give through R.</summary>
    private void Recurrent(int step, int panel, int firstRow, int endRow, int worker)
    {
        int width = _steps.Panels.Width;
        for (int row = firstRow; row < endRow; row += _blockRows)
        {
            float* hidden = _steps.Hidden(panel, row);
            (nint start, nint startStep) = _kernels.ReadsHidden ? ((nint)hidden, width) : ((nint)_zeros.Pointer, 0);
            var rows = new TapeRows(_tape, _tape.Start(step) + row, Math.Min(_blockRows, endRow - row));
            _recurrent!.Panel(rows, panel, (float*)start, startStep, hidden, worker);
        }
    }

    /// <summary>A vector of units over some rows of a step.</summary>
    private BackwardBlock Block(int step, int vector, int firstRow, int endRow)
    {
        int unit = vector * L.Count, block = _layout.BlockOf(unit), place = _layout.PlaceOf(unit), start = _tape.Start(step) + firstRow;
        int before = (step == 0 ? -BatchSize : _tape.Start(step - 1)) + firstRow;
        RowView hiddenBefore = step == 0
            ? new RowView(_tape.InitialHidden + unit, _identity + firstRow, _outputSize)
            : new RowView(_y + unit, _tape.Places + before, _outputSize);
        return new BackwardBlock
        {
            Rows = endRow - firstRow,
            Units = Math.Min(L.Count, _hiddenSize - unit),
            Columns = _tape.Columns(block, start) + place,
            ColumnsStep = _layout.Width,
            Hidden = _steps.HiddenOfUnit(unit, firstRow),
            HiddenStep = _steps.Panels.Width,
            OutputGradient = _dy == null ? default : new RowView(_dy + unit, _tape.Places + start, _outputSize),
            CellGradient = _steps.CellGradient(vector, firstRow),
            Cell = !_steps.HasCell ? null : _tape.Cells(block, start) + place,
            CellBefore = !_steps.HasCell ? null : _tape.Cells(block, before) + place,
            Before = hiddenBefore,
            Peepholes = _peepholes is null ? null : _peepholes.Panel(vector),
        };
    }

    /// <summary>∂L/∂x of some tape rows.</summary>
    private void InputGradient(int first, int end, int worker)
    {
        PanelLayout panels = _input!.Layout;
        float* sums = _sums[worker].Pointer;
        for (int row = first; row < end; row += _blockRows)
        {
            int rows = Math.Min(_blockRows, end - row);
            for (int panel = 0; panel < panels.PanelCount; panel++)
            {
                _input.Panel(new TapeRows(_tape, row, rows), panel, _zeros.Pointer, 0, sums, worker);
                var dx = new RowView(_dx + panels.FirstUnit(panel), _tape.Places + row, _inputSize);
                PartialVector<V, L>.CopyRows(sums, panels.Width, rows, dx, panels.UnitsIn(panel));
            }
        }
    }
}
