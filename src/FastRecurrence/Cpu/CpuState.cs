using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>h dense <c>[N, P]</c>, c padded by panel <c>[panel][N][lanes]</c>, and the workspace of the calls.</summary>
internal sealed unsafe class CpuState : LayerState
{
    private readonly PanelLayout _layout;
    private readonly AlignedBuffer _hidden;
    private readonly AlignedBuffer? _cell;

    public CpuState(RecurrentLayer layer, PackedWeights weights, int batchSize, WorkerTeam? team)
        : base(layer, batchSize)
    {
        LayerShape shape = layer.Shape;
        _layout = weights.Layout;
        _hidden = new AlignedBuffer("h", batchSize, shape.OutputSize);
        if (shape.HasCellState)
            _cell = new AlignedBuffer("c", _layout.PanelCount, batchSize, _layout.Lanes);
        Workspace = new CpuWorkspace(shape, weights, batchSize, team);
        Workspace.Attach(batchSize, _hidden.Pointer, shape.OutputSize, Cell, _layout.Lanes, (nint)batchSize * _layout.Lanes);
    }

    /// <summary>The kernels' scratch, attached to this state's h and c.</summary>
    public CpuWorkspace Workspace { get; }

    private float* Cell => _cell is null ? null : _cell.Pointer;

    private protected override void DisposeCore()
    {
        _hidden.Free();
        _cell?.Free();
        Workspace.Free();
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
                PanelRow(panel, n).CopyTo(destination[(n * H + _layout.FirstUnit(panel))..]);
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
                source.Slice(n * H + _layout.FirstUnit(panel), _layout.UnitsIn(panel)).CopyTo(PanelRow(panel, n));
        }
    }

    private Span<float> PanelRow(int panel, int n) => new(Cell + ((nint)panel * BatchSize + n) * _layout.Lanes, _layout.UnitsIn(panel));
}
