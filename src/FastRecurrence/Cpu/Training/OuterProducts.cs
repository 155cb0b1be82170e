using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// <c>Σ over rows of aᵀ·d</c>, a being factors of a row and d a block of its gradients: what the gradients of weights consist of. A sum goes over
/// <see cref="ChunkRows"/> tape rows as one chain from 0; such partial sums are added in the order of the rows. That is part of what the gradients are,
/// whatever the width, the tile or the number of workers.
/// </summary>
internal sealed unsafe class OuterProducts<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    /// <summary>Rows of a partial sum: few enough for a small error, many enough that adding them up costs nothing.</summary>
    public const int ChunkRows = 192;

    private readonly int _blockRows = Tuning.Current.RowsPerBlock, _width;
    private readonly AlignedBuffer _zeros;
    private readonly AlignedBuffer[] _sums;
    private readonly int* _identity;

    public OuterProducts(TapeLayout layout, int workers, int* identity)
    {
        _width = layout.Width;
        _identity = identity;
        _zeros = new AlignedBuffer("zeros", _width);
        _sums = new AlignedBuffer[workers];
        for (int worker = 0; worker < workers; worker++)
            _sums[worker] = new AlignedBuffer("partial sums", _blockRows, _width);
    }

    /// <summary>One chunk of rows, some factors and one block.</summary>
    /// <param name="columns">The block's gradients in the first row.</param>
    /// <param name="rows">At most <see cref="ChunkRows"/>.</param>
    /// <param name="factors">The first factor of the rows, <c>[factor][ChunkRows]</c>.</param>
    /// <param name="count">Factors.</param>
    /// <param name="sums">Where the first factor's sums are, a row of the block a factor.</param>
    /// <param name="writes">Whether to write instead of adding.</param>
    /// <param name="worker">Who asks.</param>
    public void Add(float* columns, int rows, float* factors, int count, float* sums, bool writes, int worker)
    {
        for (int factor = 0; factor < count; factor += _blockRows)
        {
            int taken = Math.Min(_blockRows, count - factor);
            Block(columns, rows, factors + (nint)factor * ChunkRows, taken, sums + (nint)factor * _width, writes, _sums[worker].Pointer);
        }
    }

    private void Block(float* columns, int rows, float* factors, int count, float* gradients, bool writes, float* sums)
    {
        var a = new RowView(factors, _identity, ChunkRows);
        int taken = Math.Min(_width, 4 * L.Count);
        for (int column = 0; column < _width; column += taken)
        {
            var product = new GemmOperands(rows, a, columns + column);
            if (taken == 2 * L.Count)
                Gemm<V, L, TwoColumns>.Block(count, product, _zeros.Pointer, 0, sums, default);
            else if (_width == TapeRowOf64.Floats)
                Gemm<V, L, TapeRowOf64>.Block(count, product, _zeros.Pointer, 0, sums, default);
            else
                Gemm<V, L, TapeRowOf32>.Block(count, product, _zeros.Pointer, 0, sums, default);
            Join(sums, taken, count, gradients + column, writes);
        }
    }

    private void Join(float* sums, int taken, int count, float* gradients, bool writes)
    {
        for (int factor = 0; factor < count; factor++)
        {
            for (int i = 0; i < taken; i += L.Count)
            {
                V sum = L.Load(sums + i);
                L.Store(writes ? sum : L.Add(L.Load(gradients + i), sum), gradients + i);
            }

            sums += taken;
            gradients += _width;
        }
    }
}
