namespace FastRecurrence.Packing;

/// <summary>All weights of one layer as panels of one vector width. Immutable.</summary>
internal sealed unsafe class PackedWeights
{
    private readonly PackedMatrix _bias;
    private readonly PackedMatrix? _peepholes;

    public PackedWeights(LayerWeights weights, int lanes)
    {
        LayerShape shape = weights.Shape;
        int H = shape.HiddenSize, P = shape.OutputSize, G = shape.GateCount;
        bool resetFirst = shape.Cell == CellKind.Gru && !shape.LinearBeforeReset;
        PanelLayout layout = G == 1 ? PanelLayout.OfRuns(H, lanes) : PanelLayout.OfGates(H, lanes);
        int columns = G == 1 ? layout.Stride : G;
        SourceRow row = (panel, column, lane) => layout.SourceRow(panel, column, lane);

        Layout = layout;
        Input = new PackedMatrix("packed W", weights.InputWeights, shape.InputSize, layout.PanelCount, columns, lanes, row);
        Recurrent = new PackedMatrix("packed R", weights.RecurrentWeights, P, layout.PanelCount, resetFirst ? 2 : columns, lanes, row);
        int biasBlocks = shape.BiasCount / H;
        _bias = new PackedMatrix("packed b", weights.Bias, 1, layout.PanelCount, layout.Stride, lanes,
            (panel, column, lane) => G > 1 && column >= biasBlocks ? -1 : layout.SourceRow(panel, column, lane));
        if (shape.Peepholes)
            _peepholes = new PackedMatrix("packed peepholes", weights.Peepholes, 1, layout.PanelCount, 3, lanes, row);

        if (resetFirst)
            (SecondLayout, Second) = Runs("packed R of the candidate", weights.RecurrentWeights, H, H, lanes, 2 * H);
        else if (shape.ProjectionSize != 0)
            (SecondLayout, Second) = Runs("packed projection", weights.Projection, P, H, lanes, 0);
    }

    public PanelLayout Layout { get; }

    /// <summary>Memory of all panels.</summary>
    public long Bytes => Input.Bytes + Recurrent.Bytes + (Second?.Bytes ?? 0);

    /// <summary>W.</summary>
    public PackedMatrix Input { get; }

    /// <summary>R; of a GRU that resets first, its r and z.</summary>
    public PackedMatrix Recurrent { get; }

    /// <summary>What a step multiplies once all its units are through the first product: a projection, or a GRU's R_n. Null for most cells.</summary>
    public PackedMatrix? Second { get; }

    /// <summary>Its panels.</summary>
    public PanelLayout SecondLayout { get; }

    /// <summary>b of a panel, a row of preactivations.</summary>
    public float* Bias(int panel) => _bias.Panel(panel);

    /// <summary>Peephole weights of a panel, <c>[3][lanes]</c> in the order i, f, o; null without.</summary>
    public float* Peepholes(int panel) => _peepholes is null ? null : _peepholes.Panel(panel);

    private static (PanelLayout Layout, PackedMatrix Matrix) Runs(string what, ReadOnlySpan<float> source, int units, int depth, int lanes, int firstRow)
    {
        PanelLayout layout = PanelLayout.OfRuns(units, lanes);
        return (layout, new PackedMatrix(what, source, depth, layout.PanelCount, layout.Stride, lanes, (panel, column, lane) => layout.SourceRow(panel, column, lane, firstRow)));
    }
}
