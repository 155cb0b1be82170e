namespace FastRecurrence.Layout;

/// <summary>All weights of one layer as panels of one vector width. Immutable.</summary>
internal sealed unsafe class PackedWeights
{
    private readonly PackedMatrix _bias;
    private readonly PackedMatrix? _peepholes, _inputScales, _recurrentScales;

    public PackedWeights(LayerWeights weights, int lanes, WeightFormat format)
    {
        LayerShape shape = weights.Shape;
        int H = shape.HiddenSize, I = shape.InputSize, P = shape.OutputSize, G = shape.GateCount;
        bool resetFirst = shape.Cell == CellKind.Gru && !shape.LinearBeforeReset;
        PanelLayout layout = G == 1 ? PanelLayout.OfRuns(H, lanes) : PanelLayout.OfGates(H, lanes);
        int columns = G == 1 ? layout.Stride : G, recurrentColumns = resetFirst ? 2 : columns;
        PackedMatrix Pack(string what, ReadOnlySpan<float> source, int depth, int width, SourceRow row) => new(what, source, depth, layout.PanelCount, width, lanes, row);
        SourceRow row = (panel, column, lane) => layout.SourceRow(panel, column, lane);

        Layout = layout;
        Format = format;
        if (format == WeightFormat.Float32)
        {
            Input = Pack("packed W", weights.InputWeights, I, columns, row);
            Recurrent = Pack("packed R", weights.RecurrentWeights, P, recurrentColumns, row);
        }
        else
        {
            NarrowMatrix w = NarrowMatrix.Encode(format, weights.InputWeights, G * H, I), r = NarrowMatrix.Encode(format, weights.RecurrentWeights, G * H, P);
            Input = Pack("stored W", w.Lanes, w.Groups, columns, row);
            Recurrent = Pack("stored R", r.Lanes, r.Groups, recurrentColumns, row);
            _inputScales = Pack("scales of W", w.Scales, 1, layout.Stride, (panel, column, lane) => column < columns ? row(panel, column, lane) : -1);
            // A GRU's third block of R adds to the fourth vector of a row.
            _recurrentScales = Pack("scales of R", r.Scales, 1, layout.Stride, (panel, column, lane) =>
                G != 3 ? row(panel, column, lane) : column == 2 || (resetFirst && column == 3) ? -1 : row(panel, Math.Min(column, 2), lane));
        }

        int biasBlocks = shape.BiasCount / H;
        _bias = Pack("packed b", weights.Bias, 1, layout.Stride, (panel, column, lane) => G > 1 && column >= biasBlocks ? -1 : row(panel, column, lane));
        if (shape.Peepholes)
            _peepholes = Pack("packed peepholes", weights.Peepholes, 1, 3, row);

        if (resetFirst)
            (SecondLayout, Second) = Runs("packed R of the candidate", weights.RecurrentWeights, H, H, lanes, 2 * H);
        else if (shape.ProjectionSize != 0)
            (SecondLayout, Second) = Runs("packed projection", weights.Projection, P, H, lanes, 0);
    }

    public PanelLayout Layout { get; }

    public WeightFormat Format { get; }

    /// <summary>Memory that a step without a projected input reads.</summary>
    public long Bytes => Input.Bytes + Recurrent.Bytes + (Second?.Bytes ?? 0);

    /// <summary>W as stored. Products of many rows take float32: of a narrow format each panel is decoded when its turn comes.</summary>
    public PackedMatrix Input { get; }

    /// <summary>R as stored; of a GRU that resets first, its r and z.</summary>
    public PackedMatrix Recurrent { get; }

    /// <summary>What a step multiplies once all its units are through the first product: a projection, or a GRU's R_n. Null for most cells. Always float32.</summary>
    public PackedMatrix? Second { get; }

    /// <summary>Its panels.</summary>
    public PanelLayout SecondLayout { get; }

    /// <summary>b of a panel, a row of preactivations.</summary>
    public float* Bias(int panel) => _bias.Panel(panel);

    /// <summary>Scales of W of a panel, a row of preactivations; null in a format without.</summary>
    public float* InputScales(int panel) => _inputScales is null ? null : _inputScales.Panel(panel);

    /// <summary>Scales of R of a panel, likewise.</summary>
    public float* RecurrentScales(int panel) => _recurrentScales is null ? null : _recurrentScales.Panel(panel);

    /// <summary>Peephole weights of a panel, <c>[3][lanes]</c> in the order i, f, o; null without.</summary>
    public float* Peepholes(int panel) => _peepholes is null ? null : _peepholes.Panel(panel);

    private static (PanelLayout Layout, PackedMatrix Matrix) Runs(string what, ReadOnlySpan<float> source, int units, int depth, int lanes, int firstRow)
    {
        PanelLayout layout = PanelLayout.OfRuns(units, lanes);
        return (layout, new PackedMatrix(what, source, depth, layout.PanelCount, layout.Stride, lanes, (panel, column, lane) => layout.SourceRow(panel, column, lane, firstRow)));
    }
}
