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
            _sums[worker] = new AlignedBuffer("partial sums", _blockRows, 4 * L.Count);
    }

    /// <summary>How the columns of a block are multiplied.</summary>
    public TapePiece[] Pieces(int[] columns) => TapePiece.Of(columns, _width, L.Count);

    /// <summary>One chunk of rows, some factors and one block.</summary>
    /// <param name="columns">The block's gradients in the first row, and the wanted ones of them.</param>
    /// <param name="rows">At most <see cref="ChunkRows"/>.</param>
    /// <param name="factors">The first factor of the rows, <c>[factor][ChunkRows]</c>.</param>
    /// <param name="count">Factors.</param>
    /// <param name="sums">Where the first factor's sums are, a row of the block a factor. Columns that are not wanted get anything.</param>
    /// <param name="writes">Whether to write instead of adding.</param>
    /// <param name="worker">Who asks.</param>
    public void Add(in OuterColumns columns, int rows, float* factors, int count, float* sums, bool writes, int worker)
    {
        for (int factor = 0; factor < count; factor += _blockRows)
        {
            int taken = Math.Min(_blockRows, count - factor);
            var a = new RowView(factors + (nint)factor * ChunkRows, _identity, ChunkRows);
            foreach (TapePiece piece in columns.Pieces)
            {
                int vectors = piece.Kind == TapePieceKind.Two ? 2 : 4;
                float* gradients = sums + (nint)factor * _width + piece.Start;
                // The first sums of all go where they belong; later ones are joined to them.
                float* to = writes && _width == vectors * L.Count ? gradients : _sums[worker].Pointer;
                Product(piece.Kind, taken, new GemmOperands(rows, a, columns.First + piece.Start), to);
                if (to != gradients)
                    Join(to, vectors * L.Count, taken, gradients, writes);
            }
        }
    }

    private void Product(TapePieceKind kind, int count, in GemmOperands product, float* sums)
    {
        if (_width == TapeRowOf64.Floats)
            Product<TapeRowOf64>(kind, count, product, sums);
        else
            Product<TapeRowOf32>(kind, count, product, sums);
    }

    private void Product<TRow>(TapePieceKind kind, int count, in GemmOperands product, float* sums)
        where TRow : struct, ITapeRow
    {
        float* zeros = _zeros.Pointer;
        switch (kind)
        {
            case TapePieceKind.Two: Gemm<V, L, TwoOfTapeRow<TRow>>.Block(count, product, zeros, 0, sums, default); break;
            case TapePieceKind.FirstThree: Gemm<V, L, FirstThreeOfTapeRow<TRow>>.Block(count, product, zeros, 0, sums, default); break;
            case TapePieceKind.FirstTwoAndLast: Gemm<V, L, FirstTwoAndLastOfTapeRow<TRow>>.Block(count, product, zeros, 0, sums, default); break;
            default: Gemm<V, L, FourOfTapeRow<TRow>>.Block(count, product, zeros, 0, sums, default); break;
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

/// <summary>Columns of a block of a tape from a row on, and how they are multiplied.</summary>
internal readonly unsafe ref struct OuterColumns(float* first, ReadOnlySpan<TapePiece> pieces)
{
    public float* First { get; } = first;

    public ReadOnlySpan<TapePiece> Pieces { get; } = pieces;
}
