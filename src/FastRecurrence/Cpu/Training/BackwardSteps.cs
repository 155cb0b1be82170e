using FastRecurrence.Cells;
using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// The phases of one step back, each for a part of the rows or of the panels; between them workers that share panels wait for each other. Knows no cell:
/// its pointwise part comes as pointers, the rest as data.
/// </summary>
internal sealed unsafe class BackwardSteps<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    private readonly TapeLayout _layout;
    private readonly BackwardKernels _kernels;
    private readonly CellSettings _settings;
    private readonly BackwardProduct<V, L>? _recurrent, _candidate, _projection;
    private readonly PackedMatrix? _peepholes;
    private readonly AlignedBuffer _zeros;
    private readonly int _batchSize, _hiddenSize, _outputSize, _blockRows = Tuning.Current.RowsPerBlock;
    private readonly int* _identity;
    private CpuTape _tape = null!;
    private float* _y, _dy;
    private bool _keepsHidden;
    private ZoneoutBackward<V, L>? _zoneout;

    /// <param name="weights">The layer's weights.</param>
    /// <param name="batchSize">N.</param>
    /// <param name="identity">0, 1, 2, …, as many as N and as the rows of a block.</param>
    /// <param name="workers">Workers at most.</param>
    public BackwardSteps(BackwardWeights<V, L> weights, int batchSize, int* identity, int workers)
    {
        LayerShape shape = weights.Shape;
        (_layout, _kernels, _settings, _peepholes) = (weights.Layout, weights.Kernels, CellSettings.From(shape), weights.Peepholes);
        (_batchSize, _hiddenSize, _outputSize) = (batchSize, shape.HiddenSize, shape.OutputSize);
        _identity = identity;
        Gradients = new StepGradients<V, L>(shape, batchSize);
        _zeros = new AlignedBuffer("zeros", 4 * L.Count);
        if (weights.Recurrent is not null)
            _recurrent = new(weights.Recurrent, _layout, identity, workers);
        if (_layout.HasCandidate)
            _candidate = new(weights.Second!, _layout, identity, workers);
        else if (weights.Second is not null)
            _projection = new(weights.Second, TapeLayout.OfRuns(_outputSize), identity, workers);
    }

    /// <summary>∂L/∂h and ∂L/∂c on their way.</summary>
    public StepGradients<V, L> Gradients { get; }

    /// <summary>Whether the run zoned out.</summary>
    private bool IsZoned { get; set; }

    /// <summary>Whether a step multiplies between two pointwise parts, for all units of the first.</summary>
    public bool HasSecondProduct => _candidate is not null || _projection is not null;

    /// <summary>Takes a tape and what its run left.</summary>
    /// <param name="tape">The tape.</param>
    /// <param name="y">y of the run.</param>
    /// <param name="dy">∂L/∂y, or null.</param>
    /// <param name="keepsHidden">Whether ∂L/∂h of every step is wanted in the tape; a projection needs it.</param>
    public void Begin(CpuTape tape, float* y, float* dy, bool keepsHidden)
    {
        (_tape, _keepsHidden, IsZoned) = (tape, keepsHidden || _projection is not null, tape.RunZoneout.IsActive);
        _y = y;
        _dy = dy;
        if (IsZoned)
            _zoneout ??= new ZoneoutBackward<V, L>(Gradients, _batchSize, _outputSize);
    }

    /// <summary>First of all dy joins where ∂L/∂h is kept, and what is before a second product.</summary>
    public void BeforeSecondProduct(in BackwardPart part, int step, int end)
    {
        if (IsZoned)
            _zoneout!.Split(_tape, part, step, end, _dy);
        if (_keepsHidden)
            KeepHidden(part, step, end);
        if (_candidate is not null)
            Cells(part, step, end, emits: true);
    }

    /// <summary>∂L/∂ the left operand of a second product.</summary>
    public void SecondProduct(in BackwardPart part, int step, int end, int worker)
    {
        BackwardProduct<V, L> product = _candidate ?? _projection!;
        TapeColumns columns = _candidate is null ? _tape.HiddenGradients! : _tape.Gates;
        for (int panel = part.FirstUnitPanel; panel < part.EndUnitPanel; panel++)
        {
            for (int row = part.FirstRow; row < end; row += _blockRows)
            {
                var rows = new TapeRows(columns, _tape.Start(step) + row, Math.Min(_blockRows, end - row));
                product.Panel(rows, panel, _zeros.Pointer, 0, Gradients.Operand(panel, row), worker);
            }
        }
    }

    /// <summary>The pointwise part, to the gradients of the preactivations.</summary>
    public void Cells(in BackwardPart part, int step, int end)
    {
        Cells(part, step, end, emits: false);
        if (IsZoned)
            _zoneout!.JoinCell(part, end);
    }

    /// <summary>∂L/∂h of the step before: what a step's gradients give through R.</summary>
    public void Recurrent(in BackwardPart part, int step, int end, int worker)
    {
        int width = Gradients.Panels.Width;
        for (int i = part.FirstPanel; i < part.EndPanel; i++)
        {
            int panel = step % 2 == 0 ? i : part.FirstPanel + part.EndPanel - 1 - i; // the last panel of a step is in the cache when the next one begins
            if (_recurrent is null)
            {
                if (!_kernels.ReadsHidden && end > part.FirstRow)
                    new Span<float>(Gradients.Hidden(panel, part.FirstRow), (end - part.FirstRow) * width).Clear(); // nothing came from h
                if (IsZoned)
                    _zoneout!.JoinHidden(panel, part.FirstRow, end);
                continue;
            }

            for (int row = part.FirstRow; row < end; row += _blockRows)
            {
                float* hidden = Gradients.Hidden(panel, row);
                (nint start, nint startStep) = _kernels.ReadsHidden ? ((nint)hidden, width) : ((nint)_zeros.Pointer, 0);
                var rows = new TapeRows(_tape.Gates, _tape.Start(step) + row, Math.Min(_blockRows, end - row));
                _recurrent.Panel(rows, panel, (float*)start, startStep, hidden, worker);
            }

            if (IsZoned)
                _zoneout!.JoinHidden(panel, part.FirstRow, end);
        }
    }

    /// <summary>dy joins ∂L/∂h, which the tape keeps.</summary>
    private void KeepHidden(in BackwardPart part, int step, int end)
    {
        PanelLayout panels = Gradients.Panels;
        TapeColumns kept = _tape.HiddenGradients!;
        for (int unit = part.FirstPanel * panels.UnitsPerPanel; unit < Math.Min(_outputSize, part.EndPanel * panels.UnitsPerPanel); unit += L.Count)
        {
            int start = _tape.Start(step) + part.FirstRow, units = Math.Min(L.Count, _outputSize - unit);
            float* hidden = Gradients.HiddenOfUnit(unit, part.FirstRow), to = kept[kept.Layout.BlockOf(unit), start] + kept.Layout.PlaceOf(unit);
            RowView dy = _dy == null || IsZoned ? default : new RowView(_dy + unit, _tape.Places + start, _outputSize);
            for (int row = 0; row < end - part.FirstRow; row++)
            {
                if (!dy.IsEmpty)
                    L.Store(L.Add(L.Load(hidden), PartialVector<V, L>.Load(dy[row], units)), hidden);
                PartialVector<V, L>.Store(L.Load(hidden), to, units);
                hidden += panels.Width;
                to += kept.Layout.Width;
            }
        }
    }

    private void Cells(in BackwardPart part, int step, int end, bool emits)
    {
        for (int vector = Gradients.FirstVector(part); vector < Gradients.EndVector(part) && end > part.FirstRow; vector++)
        {
            BackwardBlock block = Block(step, vector, part.FirstRow, end);
            if (_keepsHidden || IsZoned)
                block.OutputGradient = default; // it has joined
            if (emits || !HasSecondProduct)
            {
                (emits ? _kernels.Emit : _kernels.Run)(block, _settings);
                continue;
            }

            float* hidden = block.Hidden;
            block.Hidden = Gradients.OperandOfUnit(vector * L.Count, part.FirstRow);
            block.HiddenStep = Gradients.UnitPanels.Width;
            block.OutputGradient = default;
            _kernels.Run(block, _settings);
            if (_candidate is not null)
                Add(block, hidden);
        }
    }

    /// <summary>What goes straight to h, beside the second product's way, adds to what h has.</summary>
    private static void Add(in BackwardBlock block, float* hidden)
    {
        for (int row = 0; row < block.Rows; row++)
        {
            nint at = row * block.HiddenStep;
            L.Store(L.Add(L.Load(hidden + at), L.Load(block.Hidden + at)), hidden + at);
        }
    }

    /// <summary>A vector of units over some rows of a step.</summary>
    private BackwardBlock Block(int step, int vector, int firstRow, int endRow)
    {
        int unit = vector * L.Count, block = _layout.BlockOf(unit), place = _layout.PlaceOf(unit), start = _tape.Start(step) + firstRow;
        int before = (step == 0 ? -_batchSize : _tape.Start(step - 1)) + firstRow;
        RowView hiddenBefore = step == 0
            ? new RowView(_tape.InitialHidden + unit, _identity + firstRow, _outputSize)
            : new RowView(_y + unit, _tape.Places + before, _outputSize);
        return new BackwardBlock
        {
            Rows = endRow - firstRow,
            Units = Math.Min(L.Count, _hiddenSize - unit),
            Columns = _tape.Columns(block, start) + place,
            ColumnsStep = _layout.Width,
            Hidden = _projection is null ? Gradients.HiddenOfUnit(unit, firstRow) : null,
            HiddenStep = Gradients.Panels.Width,
            OutputGradient = _dy == null ? default : new RowView(_dy + unit, _tape.Places + start, _outputSize),
            CellGradient = Gradients.CellGradient(vector, firstRow),
            Cell = !Gradients.HasCell ? null : _tape.OwnCells(block, start) + place,
            CellBefore = !Gradients.HasCell ? null : _tape.Cells(block, before) + place,
            Before = hiddenBefore,
            Peepholes = _peepholes is null ? null : _peepholes.Panel(vector),
        };
    }
}
