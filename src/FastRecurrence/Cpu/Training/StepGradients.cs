using FastRecurrence.Cells;
using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>∂L/∂h and ∂L/∂c on their way from step to step, for all rows of a batch; what the steps replace.</summary>
internal sealed unsafe class StepGradients<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    private readonly int _batchSize, _hiddenSize, _outputSize;
    private readonly AlignedBuffer _hidden;
    private readonly AlignedBuffer? _cell, _operand;

    public StepGradients(LayerShape shape, int batchSize)
    {
        (_batchSize, _hiddenSize, _outputSize) = (batchSize, shape.HiddenSize, shape.OutputSize);
        Panels = PanelLayout.OfRuns(_outputSize, L.Count);
        UnitPanels = PanelLayout.OfRuns(_hiddenSize, L.Count);
        Vectors = (_hiddenSize - 1) / L.Count + 1;
        _hidden = new AlignedBuffer("gradient of h", Panels.PanelCount, batchSize, Panels.Width);
        if (shape.HasCellState)
            _cell = new AlignedBuffer("gradient of c", Vectors, batchSize, L.Count);
        if (shape.Describe().Second != SecondProduct.None)
            _operand = new AlignedBuffer("gradient of a second product's operand", UnitPanels.PanelCount, batchSize, UnitPanels.Width);
    }

    /// <summary>Values of h as panels.</summary>
    public PanelLayout Panels { get; }

    /// <summary>Units as panels: the same, but for a projection.</summary>
    public PanelLayout UnitPanels { get; }

    /// <summary>Vectors of units of a row.</summary>
    public int Vectors { get; }

    /// <summary>Whether there is a c.</summary>
    public bool HasCell => _cell is not null;

    /// <summary>Whether there is a second product with an operand of its own.</summary>
    public bool HasOperand => _operand is not null;

    /// <summary>∂L/∂ the left operand of a second product: a panel of units from a row on, rows of the panel's width.</summary>
    public float* Operand(int panel, int row) => _operand!.Pointer + ((nint)panel * _batchSize + row) * UnitPanels.Width;

    /// <summary>The same of a unit.</summary>
    public float* OperandOfUnit(int unit, int row) => Operand(unit / UnitPanels.UnitsPerPanel, row) + unit % UnitPanels.UnitsPerPanel;

    /// <summary>∂L/∂h of a panel from a row on, rows of the panel's width.</summary>
    public float* Hidden(int panel, int row) => _hidden.Pointer + ((nint)panel * _batchSize + row) * Panels.Width;

    /// <summary>∂L/∂h of a unit from a row on, likewise.</summary>
    public float* HiddenOfUnit(int unit, int row) => Hidden(unit / Panels.UnitsPerPanel, row) + unit % Panels.UnitsPerPanel;

    /// <summary>Rows start with what the loss asks of their last h and c; null stands for nothing.</summary>
    public void Join(TrainingTape tape, in BackwardPart part, int first, int end, float* finalHidden, float* finalCell)
    {
        for (int row = first; row < end; row++)
        {
            nint n = tape.Order[row];
            float* hidden = finalHidden == null ? null : finalHidden + n * _outputSize, cell = finalCell == null ? null : finalCell + n * _hiddenSize;
            for (int panel = part.FirstPanel; panel < part.EndPanel; panel++)
                Fill(new Span<float>(Hidden(panel, row), Panels.Width), hidden, Panels.FirstUnit(panel), _outputSize);
            for (int vector = FirstVector(part); vector < EndVector(part) && _cell is not null; vector++)
                Fill(new Span<float>(CellGradient(vector, row), L.Count), cell, vector * L.Count, _hiddenSize);
        }
    }

    /// <summary>The first vector of units of a part.</summary>
    public int FirstVector(in BackwardPart part) => part.FirstUnitPanel * UnitPanels.Stride;

    /// <summary>The one after its last.</summary>
    public int EndVector(in BackwardPart part) => Math.Min(Vectors, part.EndUnitPanel * UnitPanels.Stride);

    /// <summary>All of some rows.</summary>
    public BackwardPart Rows(int first, int end) => new(first, end) { EndPanel = Panels.PanelCount, EndUnitPanel = UnitPanels.PanelCount };

    private static void Fill(Span<float> units, float* row, int first, int end)
    {
        units.Clear();
        if (row != null)
            new ReadOnlySpan<float>(row + first, Math.Min(units.Length, end - first)).CopyTo(units);
    }

    public float* CellGradient(int vector, int row) => _cell is null ? null : _cell.Pointer + ((nint)vector * _batchSize + row) * L.Count;

    /// <summary>∂L/∂h and ∂L/∂c before the first step, for whoever asked.</summary>
    public void Return(TrainingTape tape, float* initialHidden, float* initialCell)
    {
        for (int row = 0; row < _batchSize; row++)
        {
            int n = tape.Order[row];
            for (int panel = 0; panel < Panels.PanelCount && initialHidden != null; panel++)
            {
                var units = new ReadOnlySpan<float>(Hidden(panel, row), Panels.UnitsIn(panel));
                units.CopyTo(new Span<float>(initialHidden + (nint)n * _outputSize + Panels.FirstUnit(panel), units.Length));
            }

            for (int vector = 0; vector < Vectors && initialCell != null; vector++)
            {
                var units = new ReadOnlySpan<float>(CellGradient(vector, row), Math.Min(L.Count, _hiddenSize - vector * L.Count));
                units.CopyTo(new Span<float>(initialCell + (nint)n * _hiddenSize + vector * L.Count, units.Length));
            }
        }
    }
}

/// <summary>What one worker does of every step: some rows, or some panels of h and of units.</summary>
internal readonly struct BackwardPart(int firstRow, int endRow)
{
    public int FirstRow { get; } = firstRow;

    public int EndRow { get; } = endRow;

    /// <summary>Panels of h.</summary>
    public int FirstPanel { get; init; }

    public int EndPanel { get; init; }

    /// <summary>Panels of units.</summary>
    public int FirstUnitPanel { get; init; }

    public int EndUnitPanel { get; init; }
}
