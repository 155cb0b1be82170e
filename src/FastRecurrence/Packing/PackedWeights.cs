namespace FastRecurrence.Packing;

/// <summary>W, R and b of one layer as panels of one vector width. Immutable.</summary>
internal sealed unsafe class PackedWeights
{
    private readonly AlignedBuffer _input, _recurrent, _bias;

    public PackedWeights(LayerWeights weights, int lanes)
    {
        Layout = new PanelLayout(weights.Shape, lanes);
        _input = Pack("packed W", weights.InputWeights, weights.Shape.InputSize);
        _recurrent = Pack("packed R", weights.RecurrentWeights, weights.Shape.HiddenSize);
        _bias = Pack("packed b", weights.Bias, 1);
    }

    public PanelLayout Layout { get; }

    /// <summary>W of a panel, <c>[I][4][lanes]</c>.</summary>
    public float* Input(int panel) => _input.Pointer + (nint)panel * Layout.Shape.InputSize * Layout.PanelWidth;

    /// <summary>R of a panel, <c>[H][4][lanes]</c>.</summary>
    public float* Recurrent(int panel) => _recurrent.Pointer + (nint)panel * Layout.Shape.HiddenSize * Layout.PanelWidth;

    /// <summary>b of a panel, <c>[4][lanes]</c>.</summary>
    public float* Bias(int panel) => _bias.Pointer + (nint)panel * Layout.PanelWidth;

    private AlignedBuffer Pack(string what, ReadOnlySpan<float> source, int columns)
    {
        var packed = new AlignedBuffer(what, Layout.PanelCount, columns, Layout.PanelWidth);
        Span<float> destination = packed.Span;
        for (int panel = 0; panel < Layout.PanelCount; panel++)
        {
            for (int vector = 0; vector < PanelLayout.Vectors; vector++)
            {
                for (int lane = 0; lane < Layout.Lanes; lane++)
                {
                    int row = Layout.SourceRow(panel, vector, lane);
                    if (row < 0)
                        continue;
                    int at = panel * columns * Layout.PanelWidth + vector * Layout.Lanes + lane;
                    for (int k = 0; k < columns; k++, at += Layout.PanelWidth)
                        destination[at] = source[row * columns + k];
                }
            }
        }

        return packed;
    }
}
