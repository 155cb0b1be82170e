using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cpu;

/// <summary>
/// The register tiles: <c>C[r, :] = init[r, :] + Σₖ A[r, k]·B[k, :]</c> for the rows of a tile and the columns (vectors) of
/// a panel, over one product or two. Every output is one FMA chain in ascending k, whatever the tile, so bits do not depend on it. The tiles are
/// call-free leaves: with a call beside the loop the JIT keeps the accumulators in memory (a quarter of the speed).
/// Conditions on <typeparamref name="C"/> are constants to the JIT: the columns that a panel lacks leave no code behind.
/// </summary>
internal static unsafe partial class Microkernel<V, L, C>
    where V : struct
    where L : IMemoryLanes<V>
    where C : struct, IColumns
{
    /// <summary>Runs one tile.</summary>
    /// <param name="rows">1 to <c>L.TileRows</c>; one of the sizes that <see cref="NextRows"/> gives.</param>
    /// <param name="product">What to add, one product after the other; terms of no depth leave init as it is.</param>
    /// <param name="row">The tile's first row of A.</param>
    /// <param name="init">Start of every sum, rows of <c>C.Stride</c> vectors with row stride <paramref name="ldi"/>; may be <paramref name="c"/>.</param>
    /// <param name="ldi">Row stride of init in floats; 0 gives every row the same start (the bias).</param>
    /// <param name="c">C, <c>[rows][C.Stride][lanes]</c>, dense.</param>
    /// <param name="next">What to fetch into the second cache level meanwhile. Tiles below 4 rows do not.</param>
    /// <param name="share">How much <paramref name="next"/> is: 0 for nothing, 1 for as much as B, 2 for half of it, 4 for a quarter.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(int rows, GemmOperands* product, int row, float* init, nint ldi, float* c, float* next, int share)
    {
        switch (rows)
        {
            case 1: Tile1(product, row, init, ldi, c); break;
            case 2: Tile2(product, row, init, ldi, c); break;
            case 3: Tile3(product, row, init, ldi, c); break;
            case 4 when share == 0: Tile4<NoPrefetch>(product, row, init, ldi, c, next); break;
            case 4 when share == 1: Tile4<PrefetchAll>(product, row, init, ldi, c, next); break;
            case 4 when share == 2: Tile4<PrefetchHalf>(product, row, init, ldi, c, next); break;
            case 4: Tile4<PrefetchQuarter>(product, row, init, ldi, c, next); break;
            case 6 when share == 0: Tile6<NoPrefetch>(product, row, init, ldi, c, next); break;
            case 6 when share == 1: Tile6<PrefetchAll>(product, row, init, ldi, c, next); break;
            case 6 when share == 2: Tile6<PrefetchHalf>(product, row, init, ldi, c, next); break;
            default: Tile6<PrefetchQuarter>(product, row, init, ldi, c, next); break;
        }
    }

    /// <summary>
    /// Rows of the next tile when <paramref name="remaining"/> are left: the largest that the registers hold, unless that
    /// would leave one or two rows, whose few chains cannot hide the latency of FMA.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int NextRows(int remaining)
    {
        if (L.TileRows == 6)
        {
            if (remaining > 11 || remaining is 6 or 9 or 10)
                return 6;
            return remaining == 5 ? 3 : Math.Min(remaining, 4);
        }

        return L.TileRows == 3 && remaining == 4 ? 2 : Math.Min(remaining, L.TileRows);
    }

    /// <summary>1 row: up to 4 accumulators, B streamed through one register.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Tile1(GemmOperands* product, int row, float* init, nint ldi, float* c)
    {
        V c00 = L.Load(init), c01 = L.Load(init + L.Count);
        V c02 = C.Count > 2 ? L.Load(init + C.Third * L.Count) : default, c03 = C.Count > 3 ? L.Load(init + 3 * L.Count) : default;
        for (; product != null; product = product->Next)
        {
            float* a0 = product->A[row];
            float* b = product->B;
            nint depth = product->Depth;
            for (nint k = 0; k < depth; k++)
            {
                V x0 = L.Broadcast(a0[k]);
                V w = L.Load(b);
                c00 = L.MultiplyAdd(x0, w, c00);
                w = L.Load(b + L.Count);
                c01 = L.MultiplyAdd(x0, w, c01);
                if (C.Count > 2)
                {
                    w = L.Load(b + C.ThirdInPanel * L.Count);
                    c02 = L.MultiplyAdd(x0, w, c02);
                }

                if (C.Count > 3)
                {
                    w = L.Load(b + 3 * L.Count);
                    c03 = L.MultiplyAdd(x0, w, c03);
                }

                b += C.Step == 0 ? C.Count * L.Count : C.Step;
            }
        }

        Finish(c00, c01, c02, c03, init, c);
    }

    /// <summary>2 rows: up to 8 accumulators, B streamed through one register.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Tile2(GemmOperands* product, int row, float* init, nint ldi, float* c)
    {
        V c00 = L.Load(init), c01 = L.Load(init + L.Count);
        V c02 = C.Count > 2 ? L.Load(init + C.Third * L.Count) : default, c03 = C.Count > 3 ? L.Load(init + 3 * L.Count) : default;
        float* i1 = init + ldi;
        V c10 = L.Load(i1), c11 = L.Load(i1 + L.Count);
        V c12 = C.Count > 2 ? L.Load(i1 + C.Third * L.Count) : default, c13 = C.Count > 3 ? L.Load(i1 + 3 * L.Count) : default;
        for (; product != null; product = product->Next)
        {
            float* a0 = product->A[row];
            float* a1 = product->A[row + 1];
            float* b = product->B;
            nint depth = product->Depth;
            for (nint k = 0; k < depth; k++)
            {
                V x0 = L.Broadcast(a0[k]);
                V x1 = L.Broadcast(a1[k]);
                V w = L.Load(b);
                c00 = L.MultiplyAdd(x0, w, c00);
                c10 = L.MultiplyAdd(x1, w, c10);
                w = L.Load(b + L.Count);
                c01 = L.MultiplyAdd(x0, w, c01);
                c11 = L.MultiplyAdd(x1, w, c11);
                if (C.Count > 2)
                {
                    w = L.Load(b + C.ThirdInPanel * L.Count);
                    c02 = L.MultiplyAdd(x0, w, c02);
                    c12 = L.MultiplyAdd(x1, w, c12);
                }

                if (C.Count > 3)
                {
                    w = L.Load(b + 3 * L.Count);
                    c03 = L.MultiplyAdd(x0, w, c03);
                    c13 = L.MultiplyAdd(x1, w, c13);
                }

                b += C.Step == 0 ? C.Count * L.Count : C.Step;
            }
        }

        Finish(c00, c01, c02, c03, init, c);
        Finish(c10, c11, c12, c13, i1, c + C.Stride * L.Count);
    }

    /// <summary>3 rows: up to 12 accumulators, B streamed through one register.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Tile3(GemmOperands* product, int row, float* init, nint ldi, float* c)
    {
        V c00 = L.Load(init), c01 = L.Load(init + L.Count);
        V c02 = C.Count > 2 ? L.Load(init + C.Third * L.Count) : default, c03 = C.Count > 3 ? L.Load(init + 3 * L.Count) : default;
        float* i1 = init + ldi;
        V c10 = L.Load(i1), c11 = L.Load(i1 + L.Count);
        V c12 = C.Count > 2 ? L.Load(i1 + C.Third * L.Count) : default, c13 = C.Count > 3 ? L.Load(i1 + 3 * L.Count) : default;
        float* i2 = i1 + ldi;
        V c20 = L.Load(i2), c21 = L.Load(i2 + L.Count);
        V c22 = C.Count > 2 ? L.Load(i2 + C.Third * L.Count) : default, c23 = C.Count > 3 ? L.Load(i2 + 3 * L.Count) : default;
        for (; product != null; product = product->Next)
        {
            float* a0 = product->A[row];
            float* a1 = product->A[row + 1];
            float* a2 = product->A[row + 2];
            float* b = product->B;
            nint depth = product->Depth;
            for (nint k = 0; k < depth; k++)
            {
                V x0 = L.Broadcast(a0[k]);
                V x1 = L.Broadcast(a1[k]);
                V x2 = L.Broadcast(a2[k]);
                V w = L.Load(b);
                c00 = L.MultiplyAdd(x0, w, c00);
                c10 = L.MultiplyAdd(x1, w, c10);
                c20 = L.MultiplyAdd(x2, w, c20);
                w = L.Load(b + L.Count);
                c01 = L.MultiplyAdd(x0, w, c01);
                c11 = L.MultiplyAdd(x1, w, c11);
                c21 = L.MultiplyAdd(x2, w, c21);
                if (C.Count > 2)
                {
                    w = L.Load(b + C.ThirdInPanel * L.Count);
                    c02 = L.MultiplyAdd(x0, w, c02);
                    c12 = L.MultiplyAdd(x1, w, c12);
                    c22 = L.MultiplyAdd(x2, w, c22);
                }

                if (C.Count > 3)
                {
                    w = L.Load(b + 3 * L.Count);
                    c03 = L.MultiplyAdd(x0, w, c03);
                    c13 = L.MultiplyAdd(x1, w, c13);
                    c23 = L.MultiplyAdd(x2, w, c23);
                }

                b += C.Step == 0 ? C.Count * L.Count : C.Step;
            }
        }

        Finish(c00, c01, c02, c03, init, c);
        Finish(c10, c11, c12, c13, i1, c + C.Stride * L.Count);
        Finish(c20, c21, c22, c23, i2, c + 2 * C.Stride * L.Count);
    }

    /// <summary>Stores a row; the vector that this product does not touch is carried over from init.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Finish(V c0, V c1, V c2, V c3, float* init, float* c)
    {
        if (C.Kept >= 0)
            L.Store(L.Load(init + C.Kept * L.Count), c + C.Kept * L.Count);
        L.Store(c0, c);
        L.Store(c1, c + L.Count);
        if (C.Count > 2)
            L.Store(c2, c + C.Third * L.Count);
        if (C.Count > 3)
            L.Store(c3, c + 3 * L.Count);
    }
}
