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

    public StepGradients(LayerShape shape, int batchSize, bool hasOperand)
    {
        (_batchSize, _hiddenSize, _outputSize) = (batchSize, shape.HiddenSize, shape.OutputSize);
        Panels = PanelLayout.OfRuns(_outputSize, L.Count);
        Vectors = (_hiddenSize - 1) / L.Count + 1;
        _hidden = new AlignedBuffer("gradient of h", Panels.PanelCount, batchSize, Panels.Width);
        if (shape.HasCellState)
            _cell = new AlignedBuffer("gradient of c", Vectors, batchSize, L.Count);
        if (hasOperand)
            _operand = new AlignedBuffer("gradient of the candidate's operand", Panels.PanelCount, batchSize, Panels.Width);
    }

    /// <summary>Units of h as panels.</summary>
    public PanelLayout Panels { get; }

    /// <summary>Vectors of units of a row.</summary>
    public int Vectors { get; }

    /// <summary>Whether there is a c.</summary>
    public bool HasCell => _cell is not null;

    /// <summary>Whether there is a second product with an operand of its own.</summary>
    public bool HasOperand => _operand is not null;

    /// <summary>∂L/∂ the left operand of a second product, at the place of ∂L/∂h.</summary>
    public float* OperandAt(float* hidden) => _operand!.Pointer + (hidden - _hidden.Pointer);

    /// <summary>∂L/∂h of a panel from a row on, rows of the panel's width.</summary>
    public float* Hidden(int panel, int row) => _hidden.Pointer + ((nint)panel * _batchSize + row) * Panels.Width;

    /// <summary>∂L/∂h of a unit from a row on, likewise.</summary>
    public float* HiddenOfUnit(int unit, int row) => Hidden(unit / Panels.UnitsPerPanel, row) + unit % Panels.UnitsPerPanel;

    /// <summary>Rows start with what the loss asks of their last h and c; null stands for nothing.</summary>
    public void Join(TrainingTape tape, in BackwardPart part, int first, int end, float* finalHidden, float* finalCell)
    {
        int endVector = Math.Min(Vectors, part.EndPanel * Panels.Stride);
        for (int row = first; row < end; row++)
        {
            nint n = tape.Order[row];
            float* hidden = finalHidden == null ? null : finalHidden + n * _outputSize, cell = finalCell == null ? null : finalCell + n * _hiddenSize;
            for (int panel = part.FirstPanel; panel < part.EndPanel; panel++)
                Fill(new Span<float>(Hidden(panel, row), Panels.Width), hidden, Panels.FirstUnit(panel), _outputSize);
            for (int vector = part.FirstPanel * Panels.Stride; vector < endVector && _cell is not null; vector++)
                Fill(new Span<float>(CellGradient(vector, row), L.Count), cell, vector * L.Count, _hiddenSize);
        }
    }

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

/// <summary>What one worker does of every step: some rows, or some panels of units.</summary>
internal readonly struct BackwardPart(int firstRow, int endRow, int firstPanel, int endPanel)
{
    public int FirstRow { get; } = firstRow;

    public int EndRow { get; } = endRow;

    public int FirstPanel { get; } = firstPanel;

    public int EndPanel { get; } = endPanel;
}
