namespace FastRecurrence.Layout;

/// <summary>
/// How the units of a layer, or the rows of a plain matrix, are dealt out to panels. With several gates the vectors of a
/// panel are the gates of the same <c>lanes</c> units, so that the epilogue finds all that a unit needs in one place; with
/// one gate they are neighbouring runs of units.
/// </summary>
internal readonly struct PanelLayout
{
    private PanelLayout(int units, int lanes, int stride, bool gated)
    {
        Units = units;
        Lanes = lanes;
        Stride = stride;
        Gated = gated;
        UnitsPerPanel = gated ? lanes : stride * lanes;
        PanelCount = (units - 1) / UnitsPerPanel + 1;
    }

    /// <summary>The columns of a unit side by side, such as i, f, g, o: two vectors a row where there are no more columns, else four.</summary>
    public static PanelLayout OfGates(int units, int lanes, int columns) => new(units, lanes, columns <= 2 ? 2 : 4, gated: true);

    /// <summary>Runs of units: an Elman cell, a projection, the second product of a GRU. Two vectors where four would be half padding.</summary>
    public static PanelLayout OfRuns(int units, int lanes) => new(units, lanes, units > 2 * lanes ? 4 : 2, gated: false);

    /// <summary>Real units; the last panel is padded.</summary>
    public int Units { get; }

    /// <summary>Floats in a vector.</summary>
    public int Lanes { get; }

    /// <summary>Vectors of a row of preactivations of one panel.</summary>
    public int Stride { get; }

    /// <summary>Whether a panel's vectors are gates.</summary>
    public bool Gated { get; }

    public int UnitsPerPanel { get; }

    public int PanelCount { get; }

    /// <summary>Floats of a row of preactivations of one panel.</summary>
    public int Width => Stride * Lanes;

    /// <summary>The first unit of a panel.</summary>
    public int FirstUnit(int panel) => panel * UnitsPerPanel;

    /// <summary>Units of a panel that are not padding.</summary>
    public int UnitsIn(int panel) => Math.Min(UnitsPerPanel, Units - panel * UnitsPerPanel);

    /// <summary>The row of a matrix <c>[blocks × units, K]</c>, or of a bias, at a place in a panel; −1 for padding.</summary>
    /// <param name="panel">Panel.</param>
    /// <param name="column">Gate block, or run of units.</param>
    /// <param name="lane">Lane.</param>
    /// <param name="firstRow">Row of the first unit.</param>
    public int SourceRow(int panel, int column, int lane, int firstRow = 0)
    {
        int unit = FirstUnit(panel) + (Gated ? 0 : column * Lanes) + lane;
        if (unit >= Units)
            return -1;
        return firstRow + unit + (Gated ? column * Units : 0);
    }
}
