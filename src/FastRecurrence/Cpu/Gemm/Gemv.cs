using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cpu;

/// <summary>What <see cref="Gemv{V, L, CW, CR, W}"/> multiplies, and where the sums start and go.</summary>
internal unsafe struct GemvOperands
{
    /// <summary>x, <c>[I]</c>, in a narrow format followed by zeros up to a full lane.</summary>
    public float* X;

    /// <summary>I; 0 when the starts have x·W already.</summary>
    public int InputSize;

    /// <summary>h of the step before, likewise.</summary>
    public float* H;

    /// <summary>Terms of h·R.</summary>
    public int HiddenSize;

    /// <summary>W and R of the panel, <c>[groups of k][columns][lanes]</c>.</summary>
    public float* W, R;

    /// <summary>Their scales, <c>[stride][lanes]</c>, where weights are scaled.</summary>
    public float* ScaleW, ScaleR;

    /// <summary>Start of every sum, <c>[stride][lanes]</c>.</summary>
    public float* Start;

    /// <summary>Floats to the starts of a second panel.</summary>
    public nint StartStep;

    /// <summary>Preactivations, <c>[panels][stride][lanes]</c>.</summary>
    public float* C;
}

/// <summary>
/// A batch of one: <c>c = init + x·W + h·R</c> for one panel, or for two neighbouring ones, in one pass with all sums in
/// registers. Two panels double the chains that hide the latency of FMA: that pays where weights sit in L1 or several of
/// them share a lane; else one stream of weights comes faster than two. The order of every sum is that of
/// <see cref="Microkernel{V, L, C}"/>.
/// </summary>
/// <typeparam name="V">The vector.</typeparam>
/// <typeparam name="L">Its arithmetic.</typeparam>
/// <typeparam name="CW">Columns of W.</typeparam>
/// <typeparam name="CR">Columns of R.</typeparam>
/// <typeparam name="W">How weights are stored.</typeparam>
internal static unsafe class Gemv<V, L, CW, CR, W>
    where V : struct
    where L : IMemoryLanes<V>
    where CW : struct, IColumns
    where CR : struct, IColumns
    where W : struct, IWeightDecoding
{
    /// <summary>One panel.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void One(in GemvOperands operands)
    {
        float* x = operands.X, w = operands.W, scaleW = operands.ScaleW, h = operands.H, r = operands.R, scaleR = operands.ScaleR, init = operands.Start,
            c = operands.C;
        int inputSize = operands.InputSize, hiddenSize = operands.HiddenSize;
        V c00 = L.Load(init), c01 = L.Load(init + L.Count);
        V c02 = CW.Stride > 2 ? L.Load(init + 2 * L.Count) : default, c03 = CW.Stride > 2 ? L.Load(init + 3 * L.Count) : default;
        V d00 = W.IsScaled ? L.Broadcast(0f) : c00;
        V d01 = W.IsScaled ? L.Broadcast(0f) : c01;
        V d02 = W.IsScaled ? L.Broadcast(0f) : c02;
        V d03 = W.IsScaled ? L.Broadcast(0f) : c03;
        for (nint k = 0; k < inputSize; k += W.PerLane)
        {
            V a0 = L.Broadcast(x[k]);
            V a1 = W.PerLane > 1 ? L.Broadcast(x[k + 1]) : default;
            V a2 = W.PerLane > 2 ? L.Broadcast(x[k + 2]) : default;
            V a3 = W.PerLane > 3 ? L.Broadcast(x[k + 3]) : default;
            d00 = Add(d00, L.Load(w), a0, a1, a2, a3);
            d01 = Add(d01, L.Load(w + L.Count), a0, a1, a2, a3);
            if (CW.Count > 2)
                d02 = Add(d02, L.Load(w + 2 * L.Count), a0, a1, a2, a3);
            if (CW.Count > 3)
                d03 = Add(d03, L.Load(w + 3 * L.Count), a0, a1, a2, a3);
            w += CW.Count * L.Count;
        }

        c00 = Joined(c00, d00, scaleW, inputSize);
        c01 = Joined(c01, d01, scaleW + L.Count, inputSize);
        c02 = CW.Stride > 2 ? Joined(c02, d02, scaleW + 2 * L.Count, inputSize) : default;
        c03 = CW.Stride > 2 ? Joined(c03, d03, scaleW + 3 * L.Count, inputSize) : default;

        d00 = W.IsScaled ? L.Broadcast(0f) : c00;
        d01 = W.IsScaled ? L.Broadcast(0f) : c01;
        d02 = W.IsScaled ? L.Broadcast(0f) : c02;
        d03 = W.IsScaled ? L.Broadcast(0f) : c03;
        for (nint k = 0; k < hiddenSize; k += W.PerLane)
        {
            V a0 = L.Broadcast(h[k]);
            V a1 = W.PerLane > 1 ? L.Broadcast(h[k + 1]) : default;
            V a2 = W.PerLane > 2 ? L.Broadcast(h[k + 2]) : default;
            V a3 = W.PerLane > 3 ? L.Broadcast(h[k + 3]) : default;
            d00 = Add(d00, L.Load(r), a0, a1, a2, a3);
            d01 = Add(d01, L.Load(r + L.Count), a0, a1, a2, a3);
            if (CR.Count > 2 && CR.Third == 2)
                d02 = Add(d02, L.Load(r + 2 * L.Count), a0, a1, a2, a3);
            if (CR.Count > 2 && CR.Third == 3)
                d03 = Add(d03, L.Load(r + 2 * L.Count), a0, a1, a2, a3);
            if (CR.Count > 3)
                d03 = Add(d03, L.Load(r + 3 * L.Count), a0, a1, a2, a3);
            r += CR.Count * L.Count;
        }

        c00 = Joined(c00, d00, scaleR, hiddenSize);
        c01 = Joined(c01, d01, scaleR + L.Count, hiddenSize);
        c02 = CW.Stride > 2 ? Joined(c02, d02, scaleR + 2 * L.Count, hiddenSize) : default;
        c03 = CW.Stride > 2 ? Joined(c03, d03, scaleR + 3 * L.Count, hiddenSize) : default;

        Store(c00, c01, c02, c03, c);
    }

    /// <summary>Two neighbouring panels: W, R and scales of the second lie behind those of the first.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Two(in GemvOperands operands)
    {
        float* x = operands.X, w = operands.W, scaleW = operands.ScaleW, h = operands.H, r = operands.R, scaleR = operands.ScaleR, init = operands.Start,
            c = operands.C;
        int inputSize = operands.InputSize, hiddenSize = operands.HiddenSize;
        nint initStep = operands.StartStep;
        V c00 = L.Load(init), c01 = L.Load(init + L.Count);
        V c02 = CW.Stride > 2 ? L.Load(init + 2 * L.Count) : default, c03 = CW.Stride > 2 ? L.Load(init + 3 * L.Count) : default;
        float* init2 = init + initStep;
        V c10 = L.Load(init2), c11 = L.Load(init2 + L.Count);
        V c12 = CW.Stride > 2 ? L.Load(init2 + 2 * L.Count) : default, c13 = CW.Stride > 2 ? L.Load(init2 + 3 * L.Count) : default;
        V d00 = W.IsScaled ? L.Broadcast(0f) : c00;
        V d01 = W.IsScaled ? L.Broadcast(0f) : c01;
        V d02 = W.IsScaled ? L.Broadcast(0f) : c02;
        V d03 = W.IsScaled ? L.Broadcast(0f) : c03;
        V d10 = W.IsScaled ? L.Broadcast(0f) : c10;
        V d11 = W.IsScaled ? L.Broadcast(0f) : c11;
        V d12 = W.IsScaled ? L.Broadcast(0f) : c12;
        V d13 = W.IsScaled ? L.Broadcast(0f) : c13;
        float* w2 = w + (nint)W.Groups(inputSize) * CW.Count * L.Count;
        for (nint k = 0; k < inputSize; k += W.PerLane)
        {
            V a0 = L.Broadcast(x[k]);
            V a1 = W.PerLane > 1 ? L.Broadcast(x[k + 1]) : default;
            V a2 = W.PerLane > 2 ? L.Broadcast(x[k + 2]) : default;
            V a3 = W.PerLane > 3 ? L.Broadcast(x[k + 3]) : default;
            d00 = Add(d00, L.Load(w), a0, a1, a2, a3);
            d01 = Add(d01, L.Load(w + L.Count), a0, a1, a2, a3);
            if (CW.Count > 2)
                d02 = Add(d02, L.Load(w + 2 * L.Count), a0, a1, a2, a3);
            if (CW.Count > 3)
                d03 = Add(d03, L.Load(w + 3 * L.Count), a0, a1, a2, a3);
            d10 = Add(d10, L.Load(w2), a0, a1, a2, a3);
            d11 = Add(d11, L.Load(w2 + L.Count), a0, a1, a2, a3);
            if (CW.Count > 2)
                d12 = Add(d12, L.Load(w2 + 2 * L.Count), a0, a1, a2, a3);
            if (CW.Count > 3)
                d13 = Add(d13, L.Load(w2 + 3 * L.Count), a0, a1, a2, a3);
            w += CW.Count * L.Count;
            w2 += CW.Count * L.Count;
        }

        c00 = Joined(c00, d00, scaleW, inputSize);
        c01 = Joined(c01, d01, scaleW + L.Count, inputSize);
        c02 = CW.Stride > 2 ? Joined(c02, d02, scaleW + 2 * L.Count, inputSize) : default;
        c03 = CW.Stride > 2 ? Joined(c03, d03, scaleW + 3 * L.Count, inputSize) : default;
        c10 = Joined(c10, d10, scaleW + (CW.Stride + 0) * L.Count, inputSize);
        c11 = Joined(c11, d11, scaleW + (CW.Stride + 1) * L.Count, inputSize);
        c12 = CW.Stride > 2 ? Joined(c12, d12, scaleW + (CW.Stride + 2) * L.Count, inputSize) : default;
        c13 = CW.Stride > 2 ? Joined(c13, d13, scaleW + (CW.Stride + 3) * L.Count, inputSize) : default;

        d00 = W.IsScaled ? L.Broadcast(0f) : c00;
        d01 = W.IsScaled ? L.Broadcast(0f) : c01;
        d02 = W.IsScaled ? L.Broadcast(0f) : c02;
        d03 = W.IsScaled ? L.Broadcast(0f) : c03;
        d10 = W.IsScaled ? L.Broadcast(0f) : c10;
        d11 = W.IsScaled ? L.Broadcast(0f) : c11;
        d12 = W.IsScaled ? L.Broadcast(0f) : c12;
        d13 = W.IsScaled ? L.Broadcast(0f) : c13;
        float* r2 = r + (nint)W.Groups(hiddenSize) * CR.Count * L.Count;
        for (nint k = 0; k < hiddenSize; k += W.PerLane)
        {
            V a0 = L.Broadcast(h[k]);
            V a1 = W.PerLane > 1 ? L.Broadcast(h[k + 1]) : default;
            V a2 = W.PerLane > 2 ? L.Broadcast(h[k + 2]) : default;
            V a3 = W.PerLane > 3 ? L.Broadcast(h[k + 3]) : default;
            d00 = Add(d00, L.Load(r), a0, a1, a2, a3);
            d01 = Add(d01, L.Load(r + L.Count), a0, a1, a2, a3);
            if (CR.Count > 2 && CR.Third == 2)
                d02 = Add(d02, L.Load(r + 2 * L.Count), a0, a1, a2, a3);
            if (CR.Count > 2 && CR.Third == 3)
                d03 = Add(d03, L.Load(r + 2 * L.Count), a0, a1, a2, a3);
            if (CR.Count > 3)
                d03 = Add(d03, L.Load(r + 3 * L.Count), a0, a1, a2, a3);
            d10 = Add(d10, L.Load(r2), a0, a1, a2, a3);
            d11 = Add(d11, L.Load(r2 + L.Count), a0, a1, a2, a3);
            if (CR.Count > 2 && CR.Third == 2)
                d12 = Add(d12, L.Load(r2 + 2 * L.Count), a0, a1, a2, a3);
            if (CR.Count > 2 && CR.Third == 3)
                d13 = Add(d13, L.Load(r2 + 2 * L.Count), a0, a1, a2, a3);
            if (CR.Count > 3)
                d13 = Add(d13, L.Load(r2 + 3 * L.Count), a0, a1, a2, a3);
            r += CR.Count * L.Count;
            r2 += CR.Count * L.Count;
        }

        c00 = Joined(c00, d00, scaleR, hiddenSize);
        c01 = Joined(c01, d01, scaleR + L.Count, hiddenSize);
        c02 = CW.Stride > 2 ? Joined(c02, d02, scaleR + 2 * L.Count, hiddenSize) : default;
        c03 = CW.Stride > 2 ? Joined(c03, d03, scaleR + 3 * L.Count, hiddenSize) : default;
        c10 = Joined(c10, d10, scaleR + (CW.Stride + 0) * L.Count, hiddenSize);
        c11 = Joined(c11, d11, scaleR + (CW.Stride + 1) * L.Count, hiddenSize);
        c12 = CW.Stride > 2 ? Joined(c12, d12, scaleR + (CW.Stride + 2) * L.Count, hiddenSize) : default;
        c13 = CW.Stride > 2 ? Joined(c13, d13, scaleR + (CW.Stride + 3) * L.Count, hiddenSize) : default;

        Store(c00, c01, c02, c03, c);
        Store(c10, c11, c12, c13, c + CW.Stride * L.Count);
    }

    /// <summary>The terms that share a lane, in ascending k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Add(V sum, V stored, V a0, V a1, V a2, V a3)
    {
        sum = L.MultiplyAdd(a0, W.Weight<V, L>(stored, 0), sum);
        if (W.PerLane > 1)
            sum = L.MultiplyAdd(a1, W.Weight<V, L>(stored, 1), sum);
        if (W.PerLane > 2)
            sum = L.MultiplyAdd(a3, W.Weight<V, L>(stored, 3), L.MultiplyAdd(a2, W.Weight<V, L>(stored, 2), sum));
        return sum;
    }

    /// <summary>A sum goes on where it started, or, scaled, joins what is before it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Joined(V before, V sum, float* scale, int terms) =>
        !W.IsScaled ? sum : terms == 0 ? before : L.MultiplyAdd(sum, L.Load(scale), before);

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
