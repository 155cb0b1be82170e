using FastRecurrence.Cells;
using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// Backpropagation through time on the CPU. First the steps from the last to the first: the cell turns gates into gradients of their preactivations, in the
/// tape, and their product with R is ∂L/∂h of the step before. Then, over all rows at once, ∂L/∂x and the gradients of the weights. Every output has one
/// order of its sum, so the bits depend on nothing else.
/// </summary>
internal sealed unsafe class BackwardDriver<V, L> : BackwardPass
    where V : struct
    where L : IMemoryLanes<V>
{
    private readonly TapeLayout _layout;
    private readonly BackwardKernels _kernels;
    private readonly CellSettings _settings;
    private readonly PanelLayout _hiddenPanels;
    private readonly BackwardProduct<V, L>? _input, _recurrent;
    private readonly WeightGradients<V, L> _weights;
    private readonly AlignedBuffer _hidden, _zeros, _sums;
    private readonly AlignedBuffer? _cell;
    private readonly int[] _inOrder;
    private readonly int _blockRows = Tuning.Current.RowsPerBlock;
    private readonly int _vectors, _inputSize, _hiddenSize, _outputSize;
    private readonly int* _identity;
    private TrainingTape _tape = null!;
    private LayerGradients? _gradients;
    private float* _x, _y, _dy, _dx;

    public BackwardDriver(LayerWeights weights, int batchSize)
        : base(weights.Shape, batchSize)
    {
        LayerShape shape = weights.Shape;
        CellDescription cell = shape.Describe();
        if (cell.Second != SecondProduct.None || shape.Peepholes)
            throw new NotSupportedException($"{shape} cannot be trained on the CPU kernels yet: they have no backward pass for peepholes, projections and GRUs that reset first.");
        if (!ActivationGradients.AreKnownFromOutput(shape.CandidateActivation) || !ActivationGradients.AreKnownFromOutput(shape.GateActivation) || !ActivationGradients.AreKnownFromOutput(shape.CellActivation))
            throw new NotSupportedException($"{shape} cannot be trained: with a negative alpha LeakyRelu and Elu do not tell their slope from their value, and a tape keeps values alone.");
        _kernels = BackwardKernels.Of<V, L>(shape);
        _settings = CellSettings.From(shape);
        _layout = new TapeLayout(shape);
        (_inputSize, _hiddenSize, _outputSize) = (shape.InputSize, shape.HiddenSize, shape.OutputSize);
        _inOrder = GC.AllocateArray<int>(Math.Max(batchSize, _blockRows), pinned: true);
        for (int i = 0; i < _inOrder.Length; i++)
            _inOrder[i] = i;
        _identity = (int*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref System.Runtime.InteropServices.MemoryMarshal.GetArrayDataReference(_inOrder));
        if (_inputSize > 0)
            _input = new(new TransposedMatrix("W for the backward pass", weights.InputWeights, _inputSize, _layout, _layout.InputColumns, L.Count), _layout, _identity);
        if (_layout.RecurrentColumns.Length > 0)
            _recurrent = new(new TransposedMatrix("R for the backward pass", weights.RecurrentWeights, _outputSize, _layout, _layout.RecurrentColumns, L.Count), _layout, _identity);
        _hiddenPanels = PanelLayout.OfRuns(_outputSize, L.Count);
        _vectors = (_hiddenSize - 1) / L.Count + 1;
        _hidden = new AlignedBuffer("gradient of h", _hiddenPanels.PanelCount, batchSize, _hiddenPanels.Width);
        if (shape.HasCellState)
            _cell = new AlignedBuffer("gradient of c", _vectors, batchSize, L.Count);
        _zeros = new AlignedBuffer("zeros", 4 * L.Count);
        _sums = new AlignedBuffer("gradients of x of some rows", _blockRows, 4 * L.Count);
        _weights = new WeightGradients<V, L>(shape, _layout, workers: 1, _identity);
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
            Walk(finalHidden, finalCell);
            Return(initialHidden, initialCell);
            if (dx != null && _input is not null)
                InputGradient(0, tape.Rows);
            if (gradients is not null)
                _weights.Add(tape, gradients, x, y, worker: 0, workers: 1);
        }

        GC.KeepAlive(this);
        GC.KeepAlive(tape);
    }

    /// <summary>The steps, from the last to the first. A row joins at its own last step.</summary>
    private void Walk(float* finalHidden, float* finalCell)
    {
        int joined = 0;
        for (int step = _tape.Steps - 1; step >= 0; step--)
        {
            int rows = _tape.RowsAt(step);
            Join(joined, rows, finalHidden, finalCell);
            joined = rows;
            for (int vector = 0; vector < _vectors; vector++)
                Cell(step, vector, rows);
            for (int panel = 0; panel < _hiddenPanels.PanelCount && _recurrent is not null; panel++)
            {
                for (int row = 0; row < rows; row += _blockRows)
                {
                    float* hidden = Hidden(panel, row);
                    bool adds = _kernels.ReadsHidden;
                    _recurrent.Panel(_tape, panel, _tape.Start(step) + row, Math.Min(_blockRows, rows - row), adds ? hidden : _zeros.Pointer, adds ? _hiddenPanels.Width : 0, hidden);
                }
            }
        }

        Join(joined, BatchSize, finalHidden, finalCell); // rows without steps
    }

    /// <summary>∂L/∂h of a panel from a row on, rows of the panel's width.</summary>
    private float* Hidden(int panel, int row) => _hidden.Pointer + ((nint)panel * BatchSize + row) * _hiddenPanels.Width;

    /// <summary>∂L/∂h of a unit from a row on, likewise.</summary>
    private float* HiddenOfUnit(int unit, int row) => Hidden(unit / _hiddenPanels.UnitsPerPanel, row) + unit % _hiddenPanels.UnitsPerPanel;

    /// <summary>Rows start with what the loss asks of their last h and c; null stands for nothing.</summary>
    private void Join(int first, int end, float* finalHidden, float* finalCell)
    {
        for (int row = first; row < end; row++)
        {
            int n = _tape.Order[row];
            for (int panel = 0; panel < _hiddenPanels.PanelCount; panel++)
                Fill(Hidden(panel, row), _hiddenPanels.Width, finalHidden, (nint)n * _outputSize + _hiddenPanels.FirstUnit(panel), _hiddenPanels.UnitsIn(panel));
            for (int vector = 0; vector < _vectors && _cell is not null; vector++)
                Fill(CellGradient(vector, row), L.Count, finalCell, (nint)n * _hiddenSize + vector * L.Count, Math.Min(L.Count, _hiddenSize - vector * L.Count));
        }
    }

    private static void Fill(float* destination, int width, float* source, nint at, int units)
    {
        var row = new Span<float>(destination, width);
        row.Clear();
        if (source != null)
            new ReadOnlySpan<float>(source + at, units).CopyTo(row);
    }

    private float* CellGradient(int vector, int row) => _cell is null ? null : _cell.Pointer + ((nint)vector * BatchSize + row) * L.Count;

    /// <summary>The pointwise part of a step, a vector of units over all its rows.</summary>
    private void Cell(int step, int vector, int rows)
    {
        int unit = vector * L.Count, block = _layout.BlockOf(unit), place = _layout.PlaceOf(unit), start = _tape.Start(step);
        int before = step == 0 ? -BatchSize : _tape.Start(step - 1);
        var work = new BackwardBlock
        {
            Rows = rows,
            Units = Math.Min(L.Count, _hiddenSize - unit),
            Columns = _tape.Columns(block, start) + place,
            ColumnsStep = _layout.Width,
            Hidden = HiddenOfUnit(unit, 0),
            HiddenStep = _hiddenPanels.Width,
            OutputGradient = _dy == null ? default : new RowView(_dy + unit, _tape.Places + start, _outputSize),
            CellGradient = CellGradient(vector, 0),
            Cell = _cell is null ? null : _tape.Cells(block, start) + place,
            CellBefore = _cell is null ? null : _tape.Cells(block, before) + place,
            Before = step == 0 ? new RowView(_tape.InitialHidden + unit, _identity, _outputSize) : new RowView(_y + unit, _tape.Places + before, _outputSize),
        };
        _kernels.Run(work, _settings);
    }

    /// <summary>∂L/∂h and ∂L/∂c before the first step, for whoever asked.</summary>
    private void Return(float* initialHidden, float* initialCell)
    {
        for (int row = 0; row < BatchSize; row++)
        {
            int n = _tape.Order[row];
            for (int panel = 0; panel < _hiddenPanels.PanelCount && initialHidden != null; panel++)
            {
                var units = new ReadOnlySpan<float>(Hidden(panel, row), _hiddenPanels.UnitsIn(panel));
                units.CopyTo(new Span<float>(initialHidden + (nint)n * _outputSize + _hiddenPanels.FirstUnit(panel), units.Length));
            }

            for (int vector = 0; vector < _vectors && initialCell != null; vector++)
            {
                var units = new ReadOnlySpan<float>(CellGradient(vector, row), Math.Min(L.Count, _hiddenSize - vector * L.Count));
                units.CopyTo(new Span<float>(initialCell + (nint)n * _hiddenSize + vector * L.Count, units.Length));
            }
        }
    }

    /// <summary>∂L/∂x of some tape rows.</summary>
    private void InputGradient(int first, int end)
    {
        PanelLayout panels = _input!.Layout;
        for (int row = first; row < end; row += _blockRows)
        {
            int rows = Math.Min(_blockRows, end - row);
            for (int panel = 0; panel < panels.PanelCount; panel++)
            {
                _input.Panel(_tape, panel, row, rows, _zeros.Pointer, 0, _sums.Pointer);
                var dx = new RowView(_dx + panels.FirstUnit(panel), _tape.Places + row, _inputSize);
                PartialVector<V, L>.CopyRows(_sums.Pointer, panels.Width, rows, dx, panels.UnitsIn(panel));
            }
        }
    }
}
