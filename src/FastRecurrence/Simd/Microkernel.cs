using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Simd;

/// <summary>
/// The register tiles: <c>C[r, :] = init[r, :] + Σₖ A[r, k]·B[k, :]</c> for the rows of a tile and the four vectors of a
/// panel. Every output is one FMA chain in ascending k, whatever the tile, so bits do not depend on it. The tiles are
/// call-free leaves: with a call beside the loop the JIT keeps the accumulators in memory (a quarter of the speed).
/// </summary>
internal static unsafe class Microkernel<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    /// <summary>Runs one tile.</summary>
    /// <param name="rows">1 to <c>L.TileRows</c>.</param>
    /// <param name="depth">K, terms of every sum; 0 copies init.</param>
    /// <param name="a">A, <c>[rows, K]</c> with row stride <paramref name="lda"/>; read one float at a time, never beyond K.</param>
    /// <param name="lda">Row stride of A in floats.</param>
    /// <param name="b">A panel, <c>[K][4][lanes]</c>.</param>
    /// <param name="init">Start of every sum, <c>[rows][4][lanes]</c> with row stride <paramref name="ldi"/>; may be <paramref name="c"/>.</param>
    /// <param name="ldi">Row stride of init in floats; 0 gives every row the same start (the bias).</param>
    /// <param name="c">C, <c>[rows][4][lanes]</c>, dense.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Run(int rows, int depth, float* a, nint lda, float* b, float* init, nint ldi, float* c)
    {
        switch (rows)
        {
            case 1: Tile1(depth, a, lda, b, init, ldi, c); break;
            case 2: Tile2(depth, a, lda, b, init, ldi, c); break;
            case 3: Tile3(depth, a, lda, b, init, ldi, c); break;
            case 4: Tile4(depth, a, lda, b, init, ldi, c); break;
            default: Tile6(depth, a, lda, b, init, ldi, c); break;
        }
    }

    /// <summary>Rows of the next tile when <paramref name="remaining"/> are left: the largest that the registers hold.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int NextRows(int remaining)
    {
        if (L.TileRows == 6)
            return remaining >= 6 ? 6 : Math.Min(remaining, 4);
        return Math.Min(remaining, 3);
    }

    /// <summary>
    /// One row × two neighbouring panels: 8 accumulators. A single row has only four chains, too few to hide the latency of
    /// FMA; a second panel doubles them and keeps the order of every sum.
    /// </summary>
    /// <param name="depth">K, as in <see cref="Run"/>.</param>
    /// <param name="a">A, <c>[K]</c>.</param>
    /// <param name="b">The first panel; the second lies K·4·lanes floats behind it.</param>
    /// <param name="init">Starts of both, the second <paramref name="initStep"/> floats behind the first.</param>
    /// <param name="initStep">Floats between the starts.</param>
    /// <param name="c">Results, <c>[2][4][lanes]</c>, dense.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Pair(int depth, float* a, float* b, float* init, nint initStep, float* c)
    {
        float* b2 = b + (nint)depth * 4 * L.Count;
        float* init2 = init + initStep;
        V c00 = L.Load(init), c01 = L.Load(init + L.Count), c02 = L.Load(init + 2 * L.Count), c03 = L.Load(init + 3 * L.Count);
        V c10 = L.Load(init2), c11 = L.Load(init2 + L.Count), c12 = L.Load(init2 + 2 * L.Count), c13 = L.Load(init2 + 3 * L.Count);
        for (nint k = 0; k < depth; k++)
        {
            V x = L.Broadcast(a[k]);
            c00 = L.MultiplyAdd(x, L.Load(b), c00);
            c01 = L.MultiplyAdd(x, L.Load(b + L.Count), c01);
            c02 = L.MultiplyAdd(x, L.Load(b + 2 * L.Count), c02);
            c03 = L.MultiplyAdd(x, L.Load(b + 3 * L.Count), c03);
            c10 = L.MultiplyAdd(x, L.Load(b2), c10);
            c11 = L.MultiplyAdd(x, L.Load(b2 + L.Count), c11);
            c12 = L.MultiplyAdd(x, L.Load(b2 + 2 * L.Count), c12);
            c13 = L.MultiplyAdd(x, L.Load(b2 + 3 * L.Count), c13);
            b += 4 * L.Count;
            b2 += 4 * L.Count;
        }

        L.Store(c00, c);
        L.Store(c01, c + L.Count);
        L.Store(c02, c + 2 * L.Count);
        L.Store(c03, c + 3 * L.Count);
        L.Store(c10, c + 4 * L.Count);
        L.Store(c11, c + 5 * L.Count);
        L.Store(c12, c + 6 * L.Count);
        L.Store(c13, c + 7 * L.Count);
    }

    /// <summary>1 row × 4 vectors: 4 accumulators, B streamed through one register.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Tile1(int depth, float* a, nint lda, float* b, float* init, nint ldi, float* c)
    {
        V c00 = L.Load(init), c01 = L.Load(init + L.Count), c02 = L.Load(init + 2 * L.Count), c03 = L.Load(init + 3 * L.Count);
        for (nint k = 0; k < depth; k++)
        {
            V x0 = L.Broadcast(a[k]);
            V w = L.Load(b);
            c00 = L.MultiplyAdd(x0, w, c00);
            w = L.Load(b + L.Count);
            c01 = L.MultiplyAdd(x0, w, c01);
            w = L.Load(b + 2 * L.Count);
            c02 = L.MultiplyAdd(x0, w, c02);
            w = L.Load(b + 3 * L.Count);
            c03 = L.MultiplyAdd(x0, w, c03);
            b += 4 * L.Count;
        }

        L.Store(c00, c);
        L.Store(c01, c + L.Count);
        L.Store(c02, c + 2 * L.Count);
        L.Store(c03, c + 3 * L.Count);
    }

    /// <summary>2 rows × 4 vectors: 8 accumulators, B streamed through one register.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Tile2(int depth, float* a, nint lda, float* b, float* init, nint ldi, float* c)
    {
        V c00 = L.Load(init), c01 = L.Load(init + L.Count), c02 = L.Load(init + 2 * L.Count), c03 = L.Load(init + 3 * L.Count);
        float* init1 = init + ldi;
        V c10 = L.Load(init1), c11 = L.Load(init1 + L.Count), c12 = L.Load(init1 + 2 * L.Count), c13 = L.Load(init1 + 3 * L.Count);
        float* a1 = a + lda;
        for (nint k = 0; k < depth; k++)
        {
            V x0 = L.Broadcast(a[k]);
            V x1 = L.Broadcast(a1[k]);
            V w = L.Load(b);
            c00 = L.MultiplyAdd(x0, w, c00);
            c10 = L.MultiplyAdd(x1, w, c10);
            w = L.Load(b + L.Count);
            c01 = L.MultiplyAdd(x0, w, c01);
            c11 = L.MultiplyAdd(x1, w, c11);
            w = L.Load(b + 2 * L.Count);
            c02 = L.MultiplyAdd(x0, w, c02);
            c12 = L.MultiplyAdd(x1, w, c12);
            w = L.Load(b + 3 * L.Count);
            c03 = L.MultiplyAdd(x0, w, c03);
            c13 = L.MultiplyAdd(x1, w, c13);
            b += 4 * L.Count;
        }

        L.Store(c00, c);
        L.Store(c01, c + L.Count);
        L.Store(c02, c + 2 * L.Count);
        L.Store(c03, c + 3 * L.Count);
        L.Store(c10, c + 4 * L.Count);
        L.Store(c11, c + 5 * L.Count);
        L.Store(c12, c + 6 * L.Count);
        L.Store(c13, c + 7 * L.Count);
    }

    /// <summary>3 rows × 4 vectors: 12 accumulators, B streamed through one register.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Tile3(int depth, float* a, nint lda, float* b, float* init, nint ldi, float* c)
    {
        V c00 = L.Load(init), c01 = L.Load(init + L.Count), c02 = L.Load(init + 2 * L.Count), c03 = L.Load(init + 3 * L.Count);
        float* init1 = init + ldi;
        V c10 = L.Load(init1), c11 = L.Load(init1 + L.Count), c12 = L.Load(init1 + 2 * L.Count), c13 = L.Load(init1 + 3 * L.Count);
        float* init2 = init1 + ldi;
        V c20 = L.Load(init2), c21 = L.Load(init2 + L.Count), c22 = L.Load(init2 + 2 * L.Count), c23 = L.Load(init2 + 3 * L.Count);
        float* a1 = a + lda;
        float* a2 = a1 + lda;
        for (nint k = 0; k < depth; k++)
        {
            V x0 = L.Broadcast(a[k]);
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
            w = L.Load(b + 2 * L.Count);
            c02 = L.MultiplyAdd(x0, w, c02);
            c12 = L.MultiplyAdd(x1, w, c12);
            c22 = L.MultiplyAdd(x2, w, c22);
            w = L.Load(b + 3 * L.Count);
            c03 = L.MultiplyAdd(x0, w, c03);
            c13 = L.MultiplyAdd(x1, w, c13);
            c23 = L.MultiplyAdd(x2, w, c23);
            b += 4 * L.Count;
        }

        L.Store(c00, c);
        L.Store(c01, c + L.Count);
        L.Store(c02, c + 2 * L.Count);
        L.Store(c03, c + 3 * L.Count);
        L.Store(c10, c + 4 * L.Count);
        L.Store(c11, c + 5 * L.Count);
        L.Store(c12, c + 6 * L.Count);
        L.Store(c13, c + 7 * L.Count);
        L.Store(c20, c + 8 * L.Count);
        L.Store(c21, c + 9 * L.Count);
        L.Store(c22, c + 10 * L.Count);
        L.Store(c23, c + 11 * L.Count);
    }

    /// <summary>4 rows × 4 vectors: 16 accumulators, 4 of B, one broadcast.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Tile4(int depth, float* a, nint lda, float* b, float* init, nint ldi, float* c)
    {
        V c00 = L.Load(init), c01 = L.Load(init + L.Count), c02 = L.Load(init + 2 * L.Count), c03 = L.Load(init + 3 * L.Count);
        float* init1 = init + ldi;
        V c10 = L.Load(init1), c11 = L.Load(init1 + L.Count), c12 = L.Load(init1 + 2 * L.Count), c13 = L.Load(init1 + 3 * L.Count);
        float* init2 = init1 + ldi;
        V c20 = L.Load(init2), c21 = L.Load(init2 + L.Count), c22 = L.Load(init2 + 2 * L.Count), c23 = L.Load(init2 + 3 * L.Count);
        float* init3 = init2 + ldi;
        V c30 = L.Load(init3), c31 = L.Load(init3 + L.Count), c32 = L.Load(init3 + 2 * L.Count), c33 = L.Load(init3 + 3 * L.Count);
        float* a1 = a + lda;
        float* a2 = a1 + lda;
        float* a3 = a2 + lda;
        for (nint k = 0; k < depth; k++)
        {
            V w0 = L.Load(b), w1 = L.Load(b + L.Count), w2 = L.Load(b + 2 * L.Count), w3 = L.Load(b + 3 * L.Count);
            V x = L.Broadcast(a[k]);
            c00 = L.MultiplyAdd(x, w0, c00);
            c01 = L.MultiplyAdd(x, w1, c01);
            c02 = L.MultiplyAdd(x, w2, c02);
            c03 = L.MultiplyAdd(x, w3, c03);
            x = L.Broadcast(a1[k]);
            c10 = L.MultiplyAdd(x, w0, c10);
            c11 = L.MultiplyAdd(x, w1, c11);
            c12 = L.MultiplyAdd(x, w2, c12);
            c13 = L.MultiplyAdd(x, w3, c13);
            x = L.Broadcast(a2[k]);
            c20 = L.MultiplyAdd(x, w0, c20);
            c21 = L.MultiplyAdd(x, w1, c21);
            c22 = L.MultiplyAdd(x, w2, c22);
            c23 = L.MultiplyAdd(x, w3, c23);
            x = L.Broadcast(a3[k]);
            c30 = L.MultiplyAdd(x, w0, c30);
            c31 = L.MultiplyAdd(x, w1, c31);
            c32 = L.MultiplyAdd(x, w2, c32);
            c33 = L.MultiplyAdd(x, w3, c33);
            b += 4 * L.Count;
        }

        L.Store(c00, c);
        L.Store(c01, c + L.Count);
        L.Store(c02, c + 2 * L.Count);
        L.Store(c03, c + 3 * L.Count);
        L.Store(c10, c + 4 * L.Count);
        L.Store(c11, c + 5 * L.Count);
        L.Store(c12, c + 6 * L.Count);
        L.Store(c13, c + 7 * L.Count);
        L.Store(c20, c + 8 * L.Count);
        L.Store(c21, c + 9 * L.Count);
        L.Store(c22, c + 10 * L.Count);
        L.Store(c23, c + 11 * L.Count);
        L.Store(c30, c + 12 * L.Count);
        L.Store(c31, c + 13 * L.Count);
        L.Store(c32, c + 14 * L.Count);
        L.Store(c33, c + 15 * L.Count);
    }

    /// <summary>6 rows × 4 vectors: 24 accumulators, 4 of B, one broadcast.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void Tile6(int depth, float* a, nint lda, float* b, float* init, nint ldi, float* c)
    {
        V c00 = L.Load(init), c01 = L.Load(init + L.Count), c02 = L.Load(init + 2 * L.Count), c03 = L.Load(init + 3 * L.Count);
        float* init1 = init + ldi;
        V c10 = L.Load(init1), c11 = L.Load(init1 + L.Count), c12 = L.Load(init1 + 2 * L.Count), c13 = L.Load(init1 + 3 * L.Count);
        float* init2 = init1 + ldi;
        V c20 = L.Load(init2), c21 = L.Load(init2 + L.Count), c22 = L.Load(init2 + 2 * L.Count), c23 = L.Load(init2 + 3 * L.Count);
        float* init3 = init2 + ldi;
        V c30 = L.Load(init3), c31 = L.Load(init3 + L.Count), c32 = L.Load(init3 + 2 * L.Count), c33 = L.Load(init3 + 3 * L.Count);
        float* init4 = init3 + ldi;
        V c40 = L.Load(init4), c41 = L.Load(init4 + L.Count), c42 = L.Load(init4 + 2 * L.Count), c43 = L.Load(init4 + 3 * L.Count);
        float* init5 = init4 + ldi;
        V c50 = L.Load(init5), c51 = L.Load(init5 + L.Count), c52 = L.Load(init5 + 2 * L.Count), c53 = L.Load(init5 + 3 * L.Count);
        float* a1 = a + lda;
        float* a2 = a1 + lda;
        float* a3 = a2 + lda;
        float* a4 = a3 + lda;
        float* a5 = a4 + lda;
        for (nint k = 0; k < depth; k++)
        {
            V w0 = L.Load(b), w1 = L.Load(b + L.Count), w2 = L.Load(b + 2 * L.Count), w3 = L.Load(b + 3 * L.Count);
            V x = L.Broadcast(a[k]);
            c00 = L.MultiplyAdd(x, w0, c00);
            c01 = L.MultiplyAdd(x, w1, c01);
            c02 = L.MultiplyAdd(x, w2, c02);
            c03 = L.MultiplyAdd(x, w3, c03);
            x = L.Broadcast(a1[k]);
            c10 = L.MultiplyAdd(x, w0, c10);
            c11 = L.MultiplyAdd(x, w1, c11);
            c12 = L.MultiplyAdd(x, w2, c12);
            c13 = L.MultiplyAdd(x, w3, c13);
            x = L.Broadcast(a2[k]);
            c20 = L.MultiplyAdd(x, w0, c20);
            c21 = L.MultiplyAdd(x, w1, c21);
            c22 = L.MultiplyAdd(x, w2, c22);
            c23 = L.MultiplyAdd(x, w3, c23);
            x = L.Broadcast(a3[k]);
            c30 = L.MultiplyAdd(x, w0, c30);
            c31 = L.MultiplyAdd(x, w1, c31);
            c32 = L.MultiplyAdd(x, w2, c32);
            c33 = L.MultiplyAdd(x, w3, c33);
            x = L.Broadcast(a4[k]);
            c40 = L.MultiplyAdd(x, w0, c40);
            c41 = L.MultiplyAdd(x, w1, c41);
            c42 = L.MultiplyAdd(x, w2, c42);
            c43 = L.MultiplyAdd(x, w3, c43);
            x = L.Broadcast(a5[k]);
            c50 = L.MultiplyAdd(x, w0, c50);
            c51 = L.MultiplyAdd(x, w1, c51);
            c52 = L.MultiplyAdd(x, w2, c52);
            c53 = L.MultiplyAdd(x, w3, c53);
            b += 4 * L.Count;
        }

        L.Store(c00, c);
        L.Store(c01, c + L.Count);
        L.Store(c02, c + 2 * L.Count);
        L.Store(c03, c + 3 * L.Count);
        L.Store(c10, c + 4 * L.Count);
        L.Store(c11, c + 5 * L.Count);
        L.Store(c12, c + 6 * L.Count);
        L.Store(c13, c + 7 * L.Count);
        L.Store(c20, c + 8 * L.Count);
        L.Store(c21, c + 9 * L.Count);
        L.Store(c22, c + 10 * L.Count);
        L.Store(c23, c + 11 * L.Count);
        L.Store(c30, c + 12 * L.Count);
        L.Store(c31, c + 13 * L.Count);
        L.Store(c32, c + 14 * L.Count);
        L.Store(c33, c + 15 * L.Count);
        L.Store(c40, c + 16 * L.Count);
        L.Store(c41, c + 17 * L.Count);
        L.Store(c42, c + 18 * L.Count);
        L.Store(c43, c + 19 * L.Count);
        L.Store(c50, c + 20 * L.Count);
        L.Store(c51, c + 21 * L.Count);
        L.Store(c52, c + 22 * L.Count);
        L.Store(c53, c + 23 * L.Count);
    }
}
