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
    public static void Block(int rows, int depth, float* a, nint lda, float* b, float* init, nint ldi, float* c)
    {
        nint stride = C.Stride * L.Count;
        int slice = rows <= L.TileRows ? depth : Blocking.PanelSliceFloats / (C.Count * L.Count);
        int k = 0;
        do
        {
            int terms = Math.Min(slice, depth - k);
            for (int row = 0; row < rows;)
            {
                int tile = Microkernel<V, L, C>.NextRows(rows - row);
                Microkernel<V, L, C>.Run(tile, terms, a + row * lda + k, lda, b + (nint)k * C.Count * L.Count, init + row * ldi, ldi, c + row * stride);
                row += tile;
            }

            init = c;
            ldi = stride;
            k += terms;
        }
        while (k < depth);
    }
}
