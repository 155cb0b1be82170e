using FastRecurrence.Cells;
using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// An output layer on the CPU: the panels and register tiles of the recurrent layers. Panel by panel, so that its weights stay in the cache for all
/// blocks of rows; the preactivations of a block lie on the stack, so that calls share nothing.
/// </summary>
internal sealed unsafe class CpuOutput<V, L> : OutputKernel
    where V : struct
    where L : IMemoryLanes<V>
{
    private const int CacheLineFloats = 16;
    private readonly int _depth;
    private readonly CellSettings _settings;
    private readonly PointwiseKernels _pointwise;
    private readonly PanelLayout _layout;
    private readonly PackedMatrix _weights, _bias;
    private readonly Tuning _tuning = Tuning.Current;
    private readonly int[] _inOrder = GC.AllocateArray<int>(Tuning.Current.RowsPerBlock, pinned: true);

    public CpuOutput(int outputSize, ReadOnlySpan<float> weights, ReadOnlySpan<float> bias, ActivationFunction activation)
    {
        _depth = weights.Length / outputSize;
        // What an Elman cell makes of its preactivations is what an output layer makes of its own.
        LayerShape shape = LayerShape.Elman(inputSize: 0, hiddenSize: 1, activation);
        (_settings, _pointwise) = (CellSettings.From(shape), PointwiseKernels.Of<V, L>(shape));
        PanelLayout layout = _layout = PanelLayout.OfRuns(outputSize, L.Count);
        SourceRow row = (panel, column, lane) => layout.SourceRow(panel, column, lane);
        _weights = new PackedMatrix("packed W_y", weights, _depth, layout.PanelCount, layout.Stride, L.Count, row);
        _bias = new PackedMatrix("packed b_y", bias, 1, layout.PanelCount, layout.Stride, L.Count, row);
        for (int i = 0; i < _inOrder.Length; i++)
            _inOrder[i] = i;
    }

    public override void Run(int rows, ReadOnlySpan<float> hidden, Span<float> output)
    {
        float* memory = stackalloc float[Math.Min(rows, _tuning.RowsPerBlock) * _layout.Width + CacheLineFloats];
        const nuint Line = CacheLineFloats * sizeof(float);
        var preactivations = (float*)(((nuint)memory + Line - 1) & ~(Line - 1));
        fixed (float* h = hidden, y = output)
        fixed (int* inOrder = _inOrder)
        {
            for (int panel = 0; panel < _layout.PanelCount; panel++)
            {
                var next = new NextPanel(_weights.Panel(Math.Min(panel + 1, _layout.PanelCount - 1)), _tuning.LevelOf(_weights.Bytes));
                for (int row = 0; row < rows; row += _tuning.RowsPerBlock)
                {
                    var a = new RowView(h + (nint)row * _depth, inOrder, _depth);
                    var c = new RowView(y + (nint)row * _layout.Units + _layout.FirstUnit(panel), inOrder, _layout.Units);
                    Block(panel, Math.Min(_tuning.RowsPerBlock, rows - row), a, c, preactivations, next);
                }
            }
        }

        GC.KeepAlive(this);
    }

    private void Block(int panel, int rows, in RowView a, in RowView c, float* preactivations, NextPanel next)
    {
        var product = new GemmOperands(_depth, a, _weights.Panel(panel));
        if (_layout.Stride == 2)
            Gemm<V, L, TwoColumns>.Block(rows, product, _bias.Panel(panel), 0, preactivations, next);
        else
            Gemm<V, L, FourColumns>.Block(rows, product, _bias.Panel(panel), 0, preactivations, next);
        var block = new PointwiseBlock { Preactivations = preactivations, Rows = rows, Vectors = _layout.Stride, Units = _layout.UnitsIn(panel), Hidden = c };
        _pointwise.Run(block, _settings);
    }
}
