using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// dW where x is one-hot: each row adds its gradients to the column of its feature. Partial sums of <see cref="OuterProducts{V, L}.ChunkRows"/> rows as of
/// the other weights, so the bits are those of the dense x.
/// </summary>
internal sealed unsafe class OneHotGradients<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    private const int ChunkRows = OuterProducts<V, L>.ChunkRows;
    private readonly int _inputSize, _width;
    private readonly int[][] _slots, _touched;
    private readonly AlignedBuffer[] _sums;

    public OneHotGradients(LayerShape shape, TapeLayout layout, int workers)
    {
        (_inputSize, _width) = (shape.InputSize, layout.Width);
        _slots = new int[workers][];
        _touched = new int[workers][];
        _sums = new AlignedBuffer[workers];
        for (int worker = 0; worker < workers; worker++)
        {
            (_slots[worker], _touched[worker]) = (new int[_inputSize], new int[ChunkRows]);
            Array.Fill(_slots[worker], -1);
            _sums[worker] = new AlignedBuffer("partial sums of one-hot rows", ChunkRows, _width);
        }
    }

    /// <summary>Adds the gradients of some blocks, or writes them where they are clear.</summary>
    public void Add(CpuTape tape, LayerGradients gradients, int* features, in OneHotShare share)
    {
        for (int block = share.FirstBlock; block < share.EndBlock; block++)
        {
            float* sums = gradients.Sums.Factor(block, 0);
            if (gradients.IsClear(WeightParts.InputWeights))
                new Span<float>(sums, _inputSize * _width).Clear();
            for (int row = 0; row < tape.Rows; row += ChunkRows)
                Chunk(tape.Columns(block, row), features, tape.Places + row, Math.Min(ChunkRows, tape.Rows - row), sums, share.Worker);
        }
    }

    private void Chunk(float* columns, int* features, int* places, int rows, float* gradients, int worker)
    {
        int[] slots = _slots[worker], touched = _touched[worker];
        float* sums = _sums[worker].Pointer;
        int count = 0;
        for (int row = 0; row < rows; row++, columns += _width)
        {
            int feature = Math.Clamp(features[places[row]], 0, _inputSize - 1);
            bool first = slots[feature] < 0;
            if (first)
            {
                slots[feature] = count;
                touched[count++] = feature;
            }

            float* to = sums + (nint)slots[feature] * _width;
            for (int i = 0; i < _width; i += L.Count)
                L.Store(first ? L.Load(columns + i) : L.Add(L.Load(to + i), L.Load(columns + i)), to + i);
        }

        for (int slot = 0; slot < count; slot++)
        {
            float* to = gradients + (nint)touched[slot] * _width, from = sums + (nint)slot * _width;
            for (int i = 0; i < _width; i += L.Count)
                L.Store(L.Add(L.Load(to + i), L.Load(from + i)), to + i);
            slots[touched[slot]] = -1;
        }
    }
}

/// <summary>What a worker does.</summary>
internal readonly struct OneHotShare(int worker, int firstBlock, int endBlock)
{
    public int Worker { get; } = worker;

    public int FirstBlock { get; } = firstBlock;

    public int EndBlock { get; } = endBlock;
}
