using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Simd;

/// <summary>
/// A batch of one: <c>c = init + x·W + h·R</c> for one panel, or for two neighbouring ones, in one pass with all sums in
/// registers. Two panels double the chains that hide the latency of FMA, which pays where weights sit in L1; beyond it one
/// stream of weights comes faster than two. The order of every sum is that of <see cref="Microkernel{V, L, C}"/>.
/// </summary>
/// <typeparam name="V">The vector.</typeparam>
/// <typeparam name="L">Its arithmetic.</typeparam>
/// <typeparam name="CW">Columns of W.</typeparam>
/// <typeparam name="CR">Columns of R.</typeparam>
internal static unsafe class LoneKernel<V, L, CW, CR>
    where V : struct
    where L : IMemoryLanes<V>
    where CW : struct, IColumns
    where CR : struct, IColumns
{
    /// <summary>One panel.</summary>
    /// <param name="inputSize">I; 0 when init has x·W already.</param>
    /// <param name="x">x, <c>[I]</c>.</param>
    /// <param name="w">W of the panel, <c>[I][columns][lanes]</c>.</param>
    /// <param name="hiddenSize">Size of h.</param>
    /// <param name="h">h of the step before.</param>
    /// <param name="r">R of the panel, likewise.</param>
    /// <param name="init">Start of every sum, <c>[stride][lanes]</c>.</param>
    /// <param name="c">Preactivations, <c>[stride][lanes]</c>.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void One(int inputSize, float* x, float* w, int hiddenSize, float* h, float* r, float* init, float* c)
    {
        V c00 = L.Load(init), c01 = L.Load(init + L.Count);
        V c02 = CW.Stride > 2 ? L.Load(init + 2 * L.Count) : default, c03 = CW.Stride > 2 ? L.Load(init + 3 * L.Count) : default;
        for (nint k = 0; k < inputSize; k++)
        {
            V a = L.Broadcast(x[k]);
            c00 = L.MultiplyAdd(a, L.Load(w), c00);
            c01 = L.MultiplyAdd(a, L.Load(w + L.Count), c01);
            if (CW.Count > 2)
                c02 = L.MultiplyAdd(a, L.Load(w + 2 * L.Count), c02);
            if (CW.Count > 3)
                c03 = L.MultiplyAdd(a, L.Load(w + 3 * L.Count), c03);
            w += CW.Count * L.Count;
        }

        for (nint k = 0; k < hiddenSize; k++)
        {
            V a = L.Broadcast(h[k]);
            c00 = L.MultiplyAdd(a, L.Load(r), c00);
            c01 = L.MultiplyAdd(a, L.Load(r + L.Count), c01);
            if (CR.Count > 2 && CR.Third == 2)
                c02 = L.MultiplyAdd(a, L.Load(r + 2 * L.Count), c02);
            if (CR.Count > 2 && CR.Third == 3)
                c03 = L.MultiplyAdd(a, L.Load(r + 2 * L.Count), c03);
            if (CR.Count > 3)
                c03 = L.MultiplyAdd(a, L.Load(r + 3 * L.Count), c03);
            r += CR.Count * L.Count;
        }

        Store(c00, c01, c02, c03, c);
    }

    /// <summary>Two neighbouring panels.</summary>
    /// <param name="inputSize">I; 0 when init has x·W already.</param>
    /// <param name="x">x, <c>[I]</c>.</param>
    /// <param name="w">W of the first panel, <c>[I][columns][lanes]</c>; the second lies behind it.</param>
    /// <param name="hiddenSize">Size of h.</param>
    /// <param name="h">h of the step before.</param>
    /// <param name="r">R of the first panel, likewise.</param>
    /// <param name="init">Start of every sum, <c>[stride][lanes]</c>.</param>
    /// <param name="initStep">Floats to the starts of the second panel.</param>
    /// <param name="c">Preactivations, <c>[2][stride][lanes]</c>.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Two(int inputSize, float* x, float* w, int hiddenSize, float* h, float* r, float* init, nint initStep, float* c)
    {
        V c00 = L.Load(init), c01 = L.Load(init + L.Count);
        V c02 = CW.Stride > 2 ? L.Load(init + 2 * L.Count) : default, c03 = CW.Stride > 2 ? L.Load(init + 3 * L.Count) : default;
        float* init2 = init + initStep;
        V c10 = L.Load(init2), c11 = L.Load(init2 + L.Count);
        V c12 = CW.Stride > 2 ? L.Load(init2 + 2 * L.Count) : default, c13 = CW.Stride > 2 ? L.Load(init2 + 3 * L.Count) : default;
        float* w2 = w + (nint)inputSize * CW.Count * L.Count;
        for (nint k = 0; k < inputSize; k++)
        {
            V a = L.Broadcast(x[k]);
            c00 = L.MultiplyAdd(a, L.Load(w), c00);
            c01 = L.MultiplyAdd(a, L.Load(w + L.Count), c01);
            if (CW.Count > 2)
                c02 = L.MultiplyAdd(a, L.Load(w + 2 * L.Count), c02);
            if (CW.Count > 3)
                c03 = L.MultiplyAdd(a, L.Load(w + 3 * L.Count), c03);
            c10 = L.MultiplyAdd(a, L.Load(w2), c10);
            c11 = L.MultiplyAdd(a, L.Load(w2 + L.Count), c11);
            if (CW.Count > 2)
                c12 = L.MultiplyAdd(a, L.Load(w2 + 2 * L.Count), c12);
            if (CW.Count > 3)
                c13 = L.MultiplyAdd(a, L.Load(w2 + 3 * L.Count), c13);
            w += CW.Count * L.Count;
            w2 += CW.Count * L.Count;
        }

        float* r2 = r + (nint)hiddenSize * CR.Count * L.Count;
        for (nint k = 0; k < hiddenSize; k++)
        {
            V a = L.Broadcast(h[k]);
            c00 = L.MultiplyAdd(a, L.Load(r), c00);
            c01 = L.MultiplyAdd(a, L.Load(r + L.Count), c01);
            if (CR.Count > 2 && CR.Third == 2)
                c02 = L.MultiplyAdd(a, L.Load(r + 2 * L.Count), c02);
            if (CR.Count > 2 && CR.Third == 3)
                c03 = L.MultiplyAdd(a, L.Load(r + 2 * L.Count), c03);
            if (CR.Count > 3)
                c03 = L.MultiplyAdd(a, L.Load(r + 3 * L.Count), c03);
            c10 = L.MultiplyAdd(a, L.Load(r2), c10);
            c11 = L.MultiplyAdd(a, L.Load(r2 + L.Count), c11);
            if (CR.Count > 2 && CR.Third == 2)
                c12 = L.MultiplyAdd(a, L.Load(r2 + 2 * L.Count), c12);
            if (CR.Count > 2 && CR.Third == 3)
                c13 = L.MultiplyAdd(a, L.Load(r2 + 2 * L.Count), c13);
            if (CR.Count > 3)
                c13 = L.MultiplyAdd(a, L.Load(r2 + 3 * L.Count), c13);
            r += CR.Count * L.Count;
            r2 += CR.Count * L.Count;
        }

        Store(c00, c01, c02, c03, c);
        Store(c10, c11, c12, c13, c + CW.Stride * L.Count);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(V c0, V c1, V c2, V c3, float* c)
    {
        L.Store(c0, c);
        L.Store(c1, c + L.Count);
        if (CW.Stride <= 2)
            return;
        L.Store(c2, c + 2 * L.Count);
        L.Store(c3, c + 3 * L.Count);
    }
}
