using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// What a run keeps for its backward pass: the gates of every row, <c>[block][row][width]</c>, which the backward pass replaces by the gradients of
/// their preactivations; c, <c>[block][N + row][16]</c>, that before the first step first; and h before the first step. A tape row is a row of a step,
/// steps in the order of the run, the longest row first; rows that have ended have none. x and y stay the caller's.
/// </summary>
internal sealed unsafe class CpuTape : TrainingTape
{
    private readonly AlignedBuffer _hidden;
    private readonly AlignedBuffer? _cells, _operands;
    private AlignedBuffer? _ownCells;
    private int[] _places, _order, _starts;

    /// <summary>Makes room for <paramref name="maxSteps"/> steps of <paramref name="batchSize"/> rows.</summary>
    public CpuTape(LayerShape shape, int maxSteps, int batchSize)
        : base(shape, maxSteps, batchSize)
    {
        Layout = new TapeLayout(shape);
        Capacity = Extents.Elements("rows of a tape", maxSteps, batchSize);
        Gates = new TapeColumns("gates of a tape", Layout, Capacity);
        _hidden = new AlignedBuffer("h before the first step", batchSize, shape.OutputSize);
        if (shape.HasCellState)
            _cells = new AlignedBuffer("c of a tape", Layout.BlockCount, Capacity + batchSize, TapeLayout.Lanes);
        if (shape.ProjectionSize != 0)
        {
            _operands = new AlignedBuffer("left operands of a projection", Layout.BlockCount, Capacity, TapeLayout.Lanes);
            KeepHiddenGradients();
        }

        _places = GC.AllocateArray<int>(Capacity, pinned: true);
        _order = GC.AllocateArray<int>(batchSize, pinned: true);
        _starts = new int[maxSteps + 1];
    }

    public TapeLayout Layout { get; }

    /// <summary>The pass back over it, which has its threads.</summary>
    public BackwardPass? Backward { get; set; }

    /// <summary>Rows that there is room for.</summary>
    public int Capacity { get; }

    /// <summary>Steps of the run; 0 where no row had one.</summary>
    public int Steps { get; private set; }

    /// <summary>Rows of all steps together.</summary>
    public int Rows => _starts[Steps];

    public override long Bytes =>
        sizeof(float) * ((long)Gates.Length + (_cells?.Length ?? 0) + (_operands?.Length ?? 0) + (HiddenGradients?.Length ?? 0) + (_ownCells?.Length ?? 0)
            + _hidden.Length);

    /// <summary>Gates of every row; after a backward pass the gradients of their preactivations.</summary>
    public TapeColumns Gates { get; }

    /// <summary>∂L/∂h of every row, by all ways; null unless something needs it. Padding stays 0.</summary>
    public TapeColumns? HiddenGradients { get; private set; }

    /// <summary>Makes room for <see cref="HiddenGradients"/>.</summary>
    public void KeepHiddenGradients() => HiddenGradients ??= new TapeColumns("gradients of h", TapeLayout.OfRuns(Shape.OutputSize), Capacity);

    /// <summary>The first tape row of a step.</summary>
    public int Start(int step) => _starts[step];

    /// <summary>Rows of a step.</summary>
    public int RowsAt(int step) => _starts[step + 1] - _starts[step];

    /// <summary>Where each tape row lies in x and y.</summary>
    public int* Places => (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_places));

    /// <summary>Which row of the batch each row of a step is.</summary>
    public int* Order => (int*)Unsafe.AsPointer(ref MemoryMarshal.GetArrayDataReference(_order));

    /// <summary>h before the first step, rows in the order of the steps'.</summary>
    public float* InitialHidden => _hidden.Pointer;

    /// <summary>The columns of a block from a tape row on.</summary>
    public float* Columns(int block, nint row) => Gates[block, row];

    /// <summary>What the projection multiplied, of a block of 16 units from a tape row on.</summary>
    public float* Operands(int block, nint row) => _operands!.Pointer + ((nint)block * Capacity + row) * TapeLayout.Lanes;

    /// <summary>c of a block after the step of a tape row; that before the first step lies N rows before that of row 0.</summary>
    public float* Cells(int block, nint row) => _cells!.Pointer + ((nint)block * (Capacity + BatchSize) + BatchSize + row) * TapeLayout.Lanes;

    /// <summary>The place of a panel from a tape row on; <paramref name="byPanels"/> for neighbouring panels, a block each, in place of rows.</summary>
    public TapePlace Place(PanelLayout panels, int panel, nint row, bool byPanels = false)
    {
        int unit = panels.FirstUnit(panel), block = Layout.BlockOf(unit), place = Layout.PlaceOf(unit);
        return new TapePlace
        {
            Columns = Columns(block, row) + place,
            Step = byPanels ? (nint)Capacity * Layout.Width : Layout.Width,
            Cells = _cells is null ? null : Cells(block, row) + place,
            CellStep = byPanels ? (nint)(Capacity + BatchSize) * TapeLayout.Lanes : TapeLayout.Lanes,
        };
    }

    /// <summary>c of a block before zoneout: the same where nothing is zoned out.</summary>
    public float* OwnCells(int block, nint row) =>
        CellMask.IsActive ? _ownCells!.Pointer + ((nint)block * Capacity + row) * TapeLayout.Lanes : Cells(block, row);

    /// <summary>The step of a tape row.</summary>
    public int StepOf(int row)
    {
        int low = 0, high = Steps - 1;
        while (low < high)
        {
            int middle = (low + high + 1) / 2;
            if (_starts[middle] <= row)
                low = middle;
            else
                high = middle - 1;
        }

        return low;
    }

    /// <summary>Forgets the run before and prepares for one of which no row may have a step.</summary>
    public void Clear()
    {
        Spend();
        BeginZoneout();
        Steps = 0;
        for (int i = 0; i < BatchSize; i++)
            _order[i] = i;
    }

    /// <summary>Keeps what is there before the first step of a run: where its rows lie, h and c.</summary>
    public void Begin(CpuState state, PanelLayout panels, in SortedSequence sequence)
    {
        Steps = sequence.Steps;
        BeginZoneout();
        if (CellMask.IsActive)
            _ownCells ??= new AlignedBuffer("c before zoneout", Layout.BlockCount, Capacity, TapeLayout.Lanes);
        int row = 0;
        for (int step = 0; step < Steps; step++)
        {
            int rows = sequence.RowsAt(step, BatchSize);
            for (int i = 0; i < rows; i++)
                _places[row++] = sequence.MemoryRow(step, i, BatchSize);
            _starts[step + 1] = row;
        }

        int P = Shape.OutputSize;
        for (int i = 0; i < BatchSize; i++)
        {
            int n = _order[i] = sequence.StateRow(i);
            new ReadOnlySpan<float>(state.Hidden + (nint)n * P, P).CopyTo(_hidden.Span[(i * P)..]);
            for (int panel = 0; panel < panels.PanelCount && _cells is not null; panel++)
            {
                int unit = panels.FirstUnit(panel);
                var c = new ReadOnlySpan<float>(state.Cell(panel) + (nint)n * panels.Lanes, panels.Lanes);
                c.CopyTo(new Span<float>(Cells(Layout.BlockOf(unit), i - BatchSize) + Layout.PlaceOf(unit), panels.Lanes));
            }
        }
    }

    private protected override bool TakesZoneout => true;

    private protected override void DisposeCore()
    {
        foreach (AlignedBuffer? buffer in (AlignedBuffer?[])[_hidden, _cells, _operands, _ownCells])
            buffer?.Free();
        Gates.Free();
        HiddenGradients?.Free();
        (Backward, _places, _order, _starts) = (null, [], [], []);
    }
}
