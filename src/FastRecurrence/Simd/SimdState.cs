using FastRecurrence.Packing;

namespace FastRecurrence.Simd;

/// <summary>h dense <c>[N, H]</c>, c padded by panel <c>[panel][N][lanes]</c>, and the kernels' scratch.</summary>
internal sealed unsafe class SimdState : LayerState
{
    private readonly PanelLayout _layout;
    private readonly AlignedBuffer _hidden;
    private readonly AlignedBuffer? _cell;
    private AlignedBuffer? _projected;

    public SimdState(RecurrentLayer layer, PanelLayout layout, int batchSize)
        : base(layer, batchSize)
    {
        _layout = layout;
        _hidden = new AlignedBuffer("h", batchSize, layer.Shape.HiddenSize);
        if (layer.Shape.HasCellState)
            _cell = new AlignedBuffer("c", layout.PanelCount, batchSize, layout.Lanes);
        Scratch = new AlignedBuffer("scratch", Math.Clamp(batchSize, 2, Blocking.RowsPerBlock), layout.PanelWidth); // 2: a single row takes panels in pairs
    }

    /// <summary>Preactivations of one panel and one block of rows.</summary>
    public AlignedBuffer Scratch { get; }

    public float* Hidden => _hidden.Pointer;

    /// <summary>c of one panel, <c>[N][lanes]</c>.</summary>
    public float* Cell(int panel) => _cell is null ? null : _cell.Pointer + (nint)panel * BatchSize * _layout.Lanes;

    /// <summary>Room for the input GEMM of some rows, <c>[panel][rows][4][lanes]</c>; kept, so that a repeated call allocates nothing.</summary>
    public float* Projected(int rows)
    {
        if (_projected is null || _projected.Length < (long)_layout.PanelCount * rows * _layout.PanelWidth)
            _projected = new AlignedBuffer("projected input", _layout.PanelCount, rows, _layout.PanelWidth);
        return _projected.Pointer;
    }

    private protected override void ResetCore()
    {
        _hidden.Span.Clear();
        _cell?.Span.Clear();
    }

    private protected override void CopyCore(bool cell, Span<float> destination)
    {
        if (!cell)
        {
            _hidden.Span.CopyTo(destination);
            return;
        }

        int H = Layer.Shape.HiddenSize;
        for (int panel = 0; panel < _layout.PanelCount; panel++)
        {
            for (int n = 0; n < BatchSize; n++)
                PanelRow(panel, n).CopyTo(destination.Slice(n * H + panel * _layout.UnitsPerPanel));
        }
    }

    private protected override void SetCore(bool cell, ReadOnlySpan<float> source)
    {
        if (!cell)
        {
            source.CopyTo(_hidden.Span);
            return;
        }

        int H = Layer.Shape.HiddenSize;
        for (int panel = 0; panel < _layout.PanelCount; panel++)
        {
            for (int n = 0; n < BatchSize; n++)
                source.Slice(n * H + panel * _layout.UnitsPerPanel, _layout.UnitsIn(panel)).CopyTo(PanelRow(panel, n));
        }
    }

    private Span<float> PanelRow(int panel, int n) => new(Cell(panel) + (nint)n * _layout.Lanes, _layout.UnitsIn(panel));
}
