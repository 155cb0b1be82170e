using FastRecurrence.Cells;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// Memory of a step with two products, the second of which needs all units of the first: o∘tanh(c) before a projection;
/// r∘h, z and the candidate's start of a GRU that resets first.
/// </summary>
internal sealed unsafe class IntermediateBuffers
{
    private readonly int* _identity;
    private readonly int _hiddenSize;
    private readonly PanelLayout _layout;
    private readonly int _batchSize;
    private readonly AlignedBuffer _rows;
    private readonly AlignedBuffer? _kept, _start;

    public IntermediateBuffers(LayerShape shape, PackedWeights weights, int batchSize, int* identity)
    {
        PanelLayout second = weights.SecondLayout;
        (_layout, _batchSize, _hiddenSize) = (second, batchSize, shape.HiddenSize);
        _identity = identity;
        _rows = new AlignedBuffer("rows of the second product", batchSize, shape.HiddenSize);
        if (weights.SecondProduct == SecondProduct.Candidate)
        {
            _kept = new AlignedBuffer("kept gate", batchSize, shape.HiddenSize);
            _start = new AlignedBuffer("start of the candidate", second.PanelCount, batchSize, second.Width);
        }
        else
        {
            _start = new AlignedBuffer("zeros", second.Width);
        }
    }

    /// <summary>A of the second product, H wide.</summary>
    public RowView Rows => new(_rows.Pointer, _identity, _hiddenSize);

    /// <summary>The activated gate that the candidate's cell needs once more (z of a GRU), H wide.</summary>
    public RowView Kept => new(_kept!.Pointer, _identity, _hiddenSize);

    /// <summary>Floats between the starts of two rows: a projection starts every row at 0.</summary>
    public nint StartStep => _kept is null ? 0 : _layout.Width;

    /// <summary>Where the sums of a row of a panel of the second product start.</summary>
    public float* Start(int panel, int row) =>
        _start!.Pointer + (_kept is null ? 0 : ((nint)panel * _batchSize + row) * _layout.Width);

    /// <summary>The starts of all rows, from the place of a unit on.</summary>
    public RowView StartsOfUnit(int unit) =>
        new(Start(unit / _layout.UnitsPerPanel, 0) + unit % _layout.UnitsPerPanel, _identity, _layout.Width);

    /// <summary>Leaves the memory to the collector.</summary>
    public void Free()
    {
        _rows.Free();
        _kept?.Free();
        _start?.Free();
    }
}
