using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cpu;

/// <summary>The product of a block of rows with one panel, from tiles.</summary>
internal static unsafe class Gemm<V, L, C>
    where V : struct
    where L : IMemoryLanes<V>
    where C : struct, IColumns
{
    /// <summary>
    /// C = init + A·B over a block of rows, sliced in depth so that the slice of the panel stays in L1 while the tiles pass over it. Where another
    /// product follows, every tile goes through both before the next one: its sums stay in registers, but the panels pass by once a tile.
    /// </summary>
    /// <param name="rows">Rows.</param>
    /// <param name="product">A and B, and what follows.</param>
    /// <param name="init">Starts of the sums.</param>
    /// <param name="ldi">Their row stride in floats.</param>
    /// <param name="c">Results, dense.</param>
    /// <param name="next">What is needed after this panel, and where it comes from.</param>
    public static void Block(int rows, in GemmOperands product, float* init, nint ldi, float* c, NextPanel next)
    {
        nint stride = C.Stride * L.Count;
        int depth = product.Depth, slice = rows <= L.TileRows || product.Next != null ? depth : Tuning.Current.PanelSliceFloats / (C.Count * L.Count), k = 0;
        int shares = next.Shares((rows + L.TileRows - 1) / L.TileRows, out int firstTile);
        do
        {
            int terms = Math.Min(slice, depth - k), tile = 0;
            nint floats = (nint)terms * C.Count * L.Count;
            var part = new GemmOperands(terms, product.A.Columns(k), product.B + (nint)k * (C.Step == 0 ? C.Count * L.Count : C.Step), product.Next);
            float* ahead = k + terms < depth ? part.B + floats : next.Start;
            for (int row = 0; row < rows; tile++)
            {
                int count = Microkernel<V, L, C>.NextRows(rows - row);
                bool fetches = shares != 0 && tile >= firstTile && tile < firstTile + shares;
                Microkernel<V, L, C>.Run(count, &part, row, init + row * ldi, ldi, c + row * stride, ahead, fetches ? shares : 0);
                if (fetches)
                    ahead += floats / shares;
                row += count;
            }

            init = c;
            ldi = stride;
            k += terms;
        }
        while (k < depth);
    }
}

/// <summary>
/// The panel that is needed after the one at hand. When panels come from beyond the second cache level, the tiles over a slice fetch the next slice,
/// and over the last slice the start of that panel.
/// </summary>
internal readonly unsafe struct NextPanel(float* start, CacheLevel level)
{
    public float* Start { get; } = start;

    /// <summary>The number of tiles among which to deal out the fetching of a slice, 0, 1, 2 or 4, and the first of them.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Shares(int tiles, out int firstTile)
    {
        firstTile = 0;
        if (level == CacheLevel.Near)
            return 0;
        if (level == CacheLevel.Memory)
            return tiles > 3 ? 4 : Math.Min(tiles, 2);
        // The third level is fast enough for one tile's asking, but not for a first tile that waits for its own slice.
        firstTile = 1;
        return tiles > 1 ? 1 : 0;
    }
}
