namespace FastRecurrence.Packing;

/// <summary>
/// Where the rows of W and R go. A panel is what one register tile consumes: four vectors for every k, stored
/// <c>[panel][k][vector][lane]</c>. For an LSTM the four vectors are the gates i, f, g, o of the same <c>lanes</c> units,
/// so that the epilogue finds all that a unit needs in one place; for an Elman cell they are four runs of units.
/// Units beyond H are padding with zero weights: tails end here, kernels have none.
/// </summary>
internal readonly struct PanelLayout
{
    public const int Vectors = 4;

    public PanelLayout(LayerShape shape, int lanes)
    {
        Shape = shape;
        Lanes = lanes;
        UnitsPerPanel = shape.GateCount == 1 ? Vectors * lanes : lanes;
        PanelCount = (shape.HiddenSize + UnitsPerPanel - 1) / UnitsPerPanel;
    }

    public LayerShape Shape { get; }

    /// <summary>Floats in a vector.</summary>
    public int Lanes { get; }

    /// <summary>Floats that a panel holds for one k.</summary>
    public int PanelWidth => Vectors * Lanes;

    public int UnitsPerPanel { get; }

    public int PanelCount { get; }

    /// <summary>Units of a panel that are not padding.</summary>
    public int UnitsIn(int panel) => Math.Min(UnitsPerPanel, Shape.HiddenSize - panel * UnitsPerPanel);

    /// <summary>The row of W, R or b at a place in a panel; −1 for padding.</summary>
    public int SourceRow(int panel, int vector, int lane)
    {
        bool oneGate = Shape.GateCount == 1;
        int unit = panel * UnitsPerPanel + (oneGate ? vector * Lanes : 0) + lane;
        if (unit >= Shape.HiddenSize)
            return -1;
        return oneGate ? unit : vector * Shape.HiddenSize + unit;
    }
}
