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
    private readonly BackwardSteps<V, L> _steps;
    private readonly BackwardProduct<V, L>? _input;
    private readonly WeightGradients<V, L> _weights;
    private readonly ProjectionGradients<V, L>? _projection;
    private readonly AlignedBuffer _zeros;
    private readonly AlignedBuffer[] _sums;
    private readonly int[] _inOrder;
    private readonly int _blockRows = Tuning.Current.RowsPerBlock;
    private readonly int _inputSize;
    private readonly WorkerTeam? _team;
    private TrainingTape _tape = null!;
    private LayerGradients? _gradients;
    private float* _x, _y, _dx, _finalHidden, _finalCell;
    private GradientParts _parts;
    private int _workers;
    private bool _byRows;

    public BackwardDriver(LayerWeights weights, int batchSize, WorkerTeam? team)
        : base(weights.Shape, batchSize)
    {
        LayerShape shape = weights.Shape;
        Require(shape);
        _layout = new TapeLayout(shape);
        _team = team;
        _inputSize = shape.InputSize;
        _inOrder = GC.AllocateArray<int>(Math.Max(batchSize, _blockRows), pinned: true);
        for (int i = 0; i < _inOrder.Length; i++)
            _inOrder[i] = i;
        var identity = (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_inOrder));
        int workers = team?.Workers ?? 1;
        _steps = new BackwardSteps<V, L>(weights, _layout, batchSize, identity, workers);
        if (_inputSize > 0)
        {
            var w = new TransposedMatrix("W for the backward pass", weights.InputWeights, _inputSize, _layout, _layout.InputColumns, L.Count);
            _input = new(w, _layout, identity, workers);
        }

        _zeros = new AlignedBuffer("zeros", 4 * L.Count);
        _sums = new AlignedBuffer[workers];
        for (int worker = 0; worker < workers; worker++)
            _sums[worker] = new AlignedBuffer("gradients of x of some rows", _blockRows, 4 * L.Count);
        _weights = new WeightGradients<V, L>(shape, _layout, workers, identity);
        if (shape.ProjectionSize != 0)
            _projection = new ProjectionGradients<V, L>(shape, workers, identity);
    }

    private static void Require(LayerShape shape)
    {
        foreach (ActivationFunction function in (ReadOnlySpan<ActivationFunction>)[shape.GateActivation, shape.CandidateActivation, shape.CellActivation])
        {
            if (!ActivationGradients.AreKnownFromOutput(function))
                throw new NotSupportedException($"{shape} cannot be trained: {function} does not tell its slope from its value; a tape keeps values alone.");
        }
    }

    private protected override void RunCore(TrainingTape tape, in BackwardCall call, LayerGradients? gradients)
    {
        (_tape, _gradients, _parts) = (tape, gradients, call.Parts);
        fixed (float* x = call.Input, y = call.Output, dy = call.OutputGradient, dx = call.InputGradient)
        fixed (float* finalHidden = call.FinalHidden, finalCell = call.FinalCell, initialHidden = call.InitialHidden, initialCell = call.InitialCell)
        {
            _x = x;
            _y = y;
            _dx = dx;
            _finalHidden = finalHidden;
            _finalCell = finalCell;
            _steps.Begin(tape, y, dy, keepsHidden: false);
            Share(WorthwhileWorkers());
            if (_workers == 1 || !_team!.TryRun(this, _workers))
            {
                Share(1);
                Execute(0);
            }

            _steps.Gradients.Return(tape, initialHidden, initialCell);
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
        RunRange(_byRows ? _steps.Gradients.Rows(FirstRow(worker), FirstRow(worker + 1)) : Panels(worker), worker, ref round);

        if (_byRows)
            Wait(worker, ref round);
        if (_dx != null && _input is not null)
            InputGradient(Slice(_tape.Rows, worker), Slice(_tape.Rows, worker + 1), worker);
        if (_gradients is null)
            return;
        _weights.Add(_tape, _gradients, _parts, _x, _y, worker, _workers);
        if ((_parts & GradientParts.Projection) != 0)
            _projection?.Add(_tape, _gradients, worker, _workers);
        if ((_parts & GradientParts.Peepholes) != 0 && Shape.Peepholes)
            PeepholeGradients<V, L>.Add(_tape, _gradients, Slice(_layout.BlockCount, worker), Slice(_layout.BlockCount, worker + 1));
    }

    /// <summary>All rows of a worker's panels.</summary>
    private BackwardPart Panels(int worker)
    {
        int h = _steps.Gradients.Panels.PanelCount, units = _steps.Gradients.UnitPanels.PanelCount;
        return new BackwardPart(0, BatchSize)
        {
            FirstPanel = Slice(h, worker),
            EndPanel = Slice(h, worker + 1),
            FirstUnitPanel = Slice(units, worker),
            EndUnitPanel = Slice(units, worker + 1),
        };
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
            _steps.Gradients.Join(_tape, part, joined, end, _finalHidden, _finalCell);
            joined = end;
            _steps.BeforeSecondProduct(part, step, end);
            if (_steps.HasSecondProduct)
            {
                WaitForUnits(worker, ref round);
                _steps.SecondProduct(part, step, end, worker);
            }

            _steps.Cells(part, step, end);
            WaitForUnits(worker, ref round);
            _steps.Recurrent(part, step, end, worker);
        }

        _steps.Gradients.Join(_tape, part, joined, part.EndRow, _finalHidden, _finalCell); // rows without steps
    }

    private void WaitForUnits(int worker, ref uint round)
    {
        if (!_byRows)
            Wait(worker, ref round);
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
                _input.Panel(new TapeRows(_tape.Gates, row, rows), panel, _zeros.Pointer, 0, sums, worker);
                var dx = new RowView(_dx + panels.FirstUnit(panel), _tape.Places + row, _inputSize);
                PartialVector<V, L>.CopyRows(sums, panels.Width, rows, dx, panels.UnitsIn(panel));
            }
        }
    }
}
