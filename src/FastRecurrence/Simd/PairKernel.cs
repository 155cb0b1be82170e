using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Simd;

/// <summary>
/// One row × two neighbouring panels: up to 8 accumulators. A single row has only as many chains as a panel has columns, too
/// few to hide the latency of FMA; a second panel doubles them and keeps the order of every sum.
/// </summary>
internal static unsafe class PairKernel<V, L, C>
    where V : struct
    where L : IMemoryLanes<V>
    where C : struct, IColumns
{
    /// <summary>Runs both panels over the whole depth.</summary>
    /// <param name="depth">K.</param>
    /// <param name="a">A, <c>[K]</c>.</param>
    /// <param name="b">The first panel; the second lies behind it.</param>
    /// <param name="init">Starts of the first panel, those of the second <paramref name="initStep"/> floats behind; may be <paramref name="c"/>.</param>
    /// <param name="initStep">Floats between the starts.</param>
    /// <param name="c">Results, <c>[2][C.Stride][lanes]</c>, dense.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Run(int depth, float* a, float* b, float* init, nint initStep, float* c)
    {
        float* b2 = b + (nint)depth * C.Count * L.Count;
        float* init2 = init + initStep;
        float* c2 = c + C.Stride * L.Count;
        V c00 = L.Load(init), c01 = L.Load(init + L.Count);
        V c02 = C.Count > 2 ? L.Load(init + C.Third * L.Count) : default, c03 = C.Count > 3 ? L.Load(init + 3 * L.Count) : default;
        V c10 = L.Load(init2), c11 = L.Load(init2 + L.Count);
        V c12 = C.Count > 2 ? L.Load(init2 + C.Third * L.Count) : default, c13 = C.Count > 3 ? L.Load(init2 + 3 * L.Count) : default;
        for (nint k = 0; k < depth; k++)
        {
            V x = L.Broadcast(a[k]);
            c00 = L.MultiplyAdd(x, L.Load(b), c00);
            c01 = L.MultiplyAdd(x, L.Load(b + L.Count), c01);
            if (C.Count > 2)
                c02 = L.MultiplyAdd(x, L.Load(b + 2 * L.Count), c02);
            if (C.Count > 3)
                c03 = L.MultiplyAdd(x, L.Load(b + 3 * L.Count), c03);
            c10 = L.MultiplyAdd(x, L.Load(b2), c10);
            c11 = L.MultiplyAdd(x, L.Load(b2 + L.Count), c11);
            if (C.Count > 2)
                c12 = L.MultiplyAdd(x, L.Load(b2 + 2 * L.Count), c12);
            if (C.Count > 3)
                c13 = L.MultiplyAdd(x, L.Load(b2 + 3 * L.Count), c13);
            b += C.Count * L.Count;
            b2 += C.Count * L.Count;
        }

        if (C.Kept >= 0)
        {
            L.Store(L.Load(init + C.Kept * L.Count), c + C.Kept * L.Count);
            L.Store(L.Load(init2 + C.Kept * L.Count), c2 + C.Kept * L.Count);
        }

        L.Store(c00, c);
        L.Store(c01, c + L.Count);
        if (C.Count > 2)
            L.Store(c02, c + C.Third * L.Count);
        if (C.Count > 3)
            L.Store(c03, c + 3 * L.Count);
        L.Store(c10, c2);
        L.Store(c11, c2 + L.Count);
        if (C.Count > 2)
            L.Store(c12, c2 + C.Third * L.Count);
        if (C.Count > 3)
            L.Store(c13, c2 + 3 * L.Count);
    }
}
