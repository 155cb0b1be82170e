using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Simd;

/// <summary>The product of a block of rows with one panel, from tiles.</summary>
internal static unsafe class Gemm<V, L, C>
    where V : struct
    where L : IMemoryLanes<V>
    where C : struct, IColumns
{
    /// <summary>C = init + A·B over a block of rows, sliced in depth so that the slice of the panel stays in L1 while the tiles pass over it.</summary>
    /// <param name="rows">Rows.</param>
    /// <param name="depth">K.</param>
    /// <param name="a">A.</param>
    /// <param name="b">The panel.</param>
    /// <param name="init">Starts of the sums.</param>
    /// <param name="ldi">Their row stride in floats.</param>
    /// <param name="c">Results, dense.</param>
    /// <param name="after">
    /// The panel that is needed after this one, when panels come from beyond the second cache level: the second tile over a
    /// slice then fetches the next slice, and over the last slice the start of that panel. Null to fetch nothing.
    /// </param>
    public static void Block(int rows, int depth, in RowView a, float* b, float* init, nint ldi, float* c, float* after)
    {
        nint stride = C.Stride * L.Count;
        int slice = rows <= L.TileRows ? depth : Blocking.PanelSliceFloats / (C.Count * L.Count);
        int k = 0;
        do
        {
            int terms = Math.Min(slice, depth - k);
            float* panel = b + (nint)k * C.Count * L.Count;
            int first = Microkernel<V, L, C>.NextRows(rows);
            for (int row = 0; row < rows;)
            {
                int tile = Microkernel<V, L, C>.NextRows(rows - row);
                float* next = after == null || row != first ? null : k + terms < depth ? panel + (nint)terms * C.Count * L.Count : after;
                Microkernel<V, L, C>.Run(tile, terms, a.From(row).Columns(k), panel, init + row * ldi, ldi, c + row * stride, next);
                row += tile;
            }

            init = c;
            ldi = stride;
            k += terms;
        }
        while (k < depth);
    }
}
