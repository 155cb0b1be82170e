using FastRecurrence.Packing;

namespace FastRecurrence.Simd;

/// <summary>
/// Memory of a step with two products, the second of which needs all units of the first: o∘tanh(c) before a projection;
/// r∘h, z and the candidate's start of a GRU that resets first.
/// </summary>
internal sealed unsafe class BetweenProducts
{
    private readonly PanelLayout _layout;
    private readonly int _batchSize;
    private readonly AlignedBuffer _rows;
    private readonly AlignedBuffer? _update, _start;

    public BetweenProducts(LayerShape shape, PanelLayout second, int batchSize)
    {
        (_layout, _batchSize) = (second, batchSize);
        _rows = new AlignedBuffer("rows of the second product", batchSize, shape.HiddenSize);
        if (shape.Cell == CellKind.Gru)
        {
            _update = new AlignedBuffer("z", batchSize, shape.HiddenSize);
            _start = new AlignedBuffer("start of the candidate", second.PanelCount, batchSize, second.Width);
        }
        else
        {
            _start = new AlignedBuffer("zeros", second.Width);
        }
    }

    /// <summary>A of the second product, <c>[N, H]</c>.</summary>
    public float* Rows => _rows.Pointer;

    /// <summary>z of a GRU, <c>[N, H]</c>.</summary>
    public float* Update => _update!.Pointer;

    /// <summary>Floats between the starts of two rows: a projection starts every row at 0.</summary>
    public nint StartStep => _update is null ? 0 : _layout.Width;

    /// <summary>Where the sums of a row of a panel of the second product start.</summary>
    public float* Start(int panel, int row) =>
        _start!.Pointer + (_update is null ? 0 : ((nint)panel * _batchSize + row) * _layout.Width);

    /// <summary>The place of a unit in <see cref="Start"/>'s first row.</summary>
    public float* StartOfUnit(int unit, int row) =>
        Start(unit / _layout.UnitsPerPanel, row) + unit % _layout.UnitsPerPanel;
}
