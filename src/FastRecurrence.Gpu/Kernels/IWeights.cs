using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// The part of R that one thread multiplies by in every step: the columns of one float4 column, and of the rows k those of its
/// slice. A group's S slices deal the k's out in chunks of four: chunk c of slice s is k = 4(cS + s) .. +3.
/// </summary>
internal struct WeightSlice
{
    public ArrayView<Float4> Weights;
    public int Depth, Columns4, Column4, Slices, Slice;

    /// <summary>Four k's of this slice; zero beyond the last k or float4 column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WeightChunk Load(WeightSlice slice, int chunk)
    {
        int k = 4 * (chunk * slice.Slices + slice.Slice);
        WeightChunk w = default;
        if (slice.Column4 < slice.Columns4)
        {
            int at = k * slice.Columns4 + slice.Column4;
            if (k < slice.Depth)
                w.K0 = slice.Weights[at];
            if (k + 1 < slice.Depth)
                w.K1 = slice.Weights[at + slice.Columns4];
            if (k + 2 < slice.Depth)
                w.K2 = slice.Weights[at + 2 * slice.Columns4];
            if (k + 3 < slice.Depth)
                w.K3 = slice.Weights[at + 3 * slice.Columns4];
        }

        return w;
    }

    /// <summary>The same, clamped to the last chunk and the last column instead of branched around; the depth is a multiple of 4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static WeightChunk LoadInside(WeightSlice slice, int chunk)
    {
        int k = IntrinsicMath.Min(4 * (chunk * slice.Slices + slice.Slice), slice.Depth - 4);
        ArrayView<Float4> from = slice.Weights.SubView(k * slice.Columns4 + IntrinsicMath.Min(slice.Column4, slice.Columns4 - 1));
        WeightChunk w = default;
        (w.K0, w.K1) = (from[0], from[slice.Columns4]);
        (w.K2, w.K3) = (from[2 * slice.Columns4], from[3 * slice.Columns4]);
        return w;
    }
}

/// <summary>The weights of four consecutive k's for one float4 column: 16 registers.</summary>
internal struct WeightChunk
{
    public Float4 K0, K1, K2, K3;
}

/// <summary>
/// How a thread holds its slice of R over a sequence: in registers, by a type as large as the slice, or not at all. The
/// same sums in the same order either way.
/// </summary>
internal interface IWeights<TSelf>
    where TSelf : struct
{
    /// <summary>Chunks held in registers.</summary>
    static abstract int Chunks { get; }

    /// <summary>Fetches what is held, from <paramref name="chunk"/> on.</summary>
    static abstract TSelf Load(WeightSlice slice, int chunk);

    /// <summary>
    /// Adds the slice's products: chunk c meets the h of the float4 column at <c>at + c·slices</c>. <paramref name="half"/> is 16, the
    /// bits of half a word, read from memory after every barrier: with a constant, compilers decode once, before the loop over time,
    /// and keep float32 in the registers that narrow weights were to save.
    /// </summary>
    static abstract TRows MultiplyAdd<TRows>(TSelf weights, TRows sums, ArrayView<Float4> hidden, int at, int slices, int stride, int half)
        where TRows : unmanaged, IRows<TRows>;
}

/// <summary>One chunk in registers, as it is stored.</summary>
internal interface IChunk<TSelf> : IWeights<TSelf>
    where TSelf : struct
{
    /// <summary>As <see cref="IWeights{TSelf}.Load"/>, without a branch: clamped to the last k's and the last column. The depth is a multiple of 4.</summary>
    static abstract TSelf LoadInside(WeightSlice slice, int chunk);
}

/// <summary>A chunk of float32.</summary>
internal struct HeldChunk : IChunk<HeldChunk>
{
    public WeightChunk Chunk;

    public static int Chunks => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HeldChunk Load(WeightSlice slice, int chunk)
    {
        HeldChunk held = default;
        held.Chunk = WeightSlice.Load(slice, chunk);
        return held;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HeldChunk LoadInside(WeightSlice slice, int chunk)
    {
        HeldChunk held = default;
        held.Chunk = WeightSlice.LoadInside(slice, chunk);
        return held;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TRows MultiplyAdd<TRows>(HeldChunk weights, TRows sums, ArrayView<Float4> hidden, int at, int slices, int stride, int half)
        where TRows : unmanaged, IRows<TRows> =>
        TRows.MultiplyAdd(sums, weights.Chunk, hidden, at, stride);
}

/// <summary>
/// One chunk of bfloat16 weights in registers, two k's a word: half as many. The even k is the low half; the odd k is the
/// whole word, whose low half was taken into account when it was rounded, so that decoding costs one shift for two weights.
/// </summary>
internal struct HeldPairs : IChunk<HeldPairs>
{
    public BfloatPairs4 K01, K23;

    public static int Chunks => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HeldPairs Load(WeightSlice slice, int chunk)
    {
        int k = 4 * (chunk * slice.Slices + slice.Slice);
        ArrayView<BfloatPairs4> pairs = slice.Weights.Cast<BfloatPairs4>();
        HeldPairs held = default;
        if (slice.Column4 < slice.Columns4)
        {
            int at = (k >> 1) * slice.Columns4 + slice.Column4;
            if (k < slice.Depth)
                held.K01 = pairs[at];
            if (k + 2 < slice.Depth)
                held.K23 = pairs[at + slice.Columns4];
        }

        return held;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static HeldPairs LoadInside(WeightSlice slice, int chunk)
    {
        int k = IntrinsicMath.Min(4 * (chunk * slice.Slices + slice.Slice), slice.Depth - 4);
        int at = (k >> 1) * slice.Columns4 + IntrinsicMath.Min(slice.Column4, slice.Columns4 - 1);
        ArrayView<BfloatPairs4> pairs = slice.Weights.Cast<BfloatPairs4>();
        HeldPairs held = default;
        (held.K01, held.K23) = (pairs[at], pairs[at + slice.Columns4]);
        return held;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TRows MultiplyAdd<TRows>(HeldPairs weights, TRows sums, ArrayView<Float4> hidden, int at, int slices, int stride, int half)
        where TRows : unmanaged, IRows<TRows>
    {
        WeightChunk w = default;
        (w.K0, w.K1) = (BfloatPairs4.Even(weights.K01, half), BfloatPairs4.Odd(weights.K01));
        (w.K2, w.K3) = (BfloatPairs4.Even(weights.K23, half), BfloatPairs4.Odd(weights.K23));
        return TRows.MultiplyAdd(sums, w, hidden, at, stride);
    }
}

/// <summary>Twice as many chunks in registers.</summary>
internal struct TwiceHeld<T> : IWeights<TwiceHeld<T>>
    where T : struct, IWeights<T>
{
    public T Low, High;

    public static int Chunks => 2 * T.Chunks;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TwiceHeld<T> Load(WeightSlice slice, int chunk)
    {
        TwiceHeld<T> held = default;
        held.Low = T.Load(slice, chunk);
        held.High = T.Load(slice, chunk + T.Chunks);
        return held;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TRows MultiplyAdd<TRows>(TwiceHeld<T> weights, TRows sums, ArrayView<Float4> hidden, int at, int slices, int stride, int half)
        where TRows : unmanaged, IRows<TRows>
    {
        sums = T.MultiplyAdd(weights.Low, sums, hidden, at, slices, stride, half);
        return T.MultiplyAdd(weights.High, sums, hidden, at + T.Chunks * slices, slices, stride, half);
    }
}

/// <summary>Three times as many chunks in registers.</summary>
internal struct ThriceHeld<T> : IWeights<ThriceHeld<T>>
    where T : struct, IWeights<T>
{
    public T First, Second, Third;

    public static int Chunks => 3 * T.Chunks;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ThriceHeld<T> Load(WeightSlice slice, int chunk)
    {
        ThriceHeld<T> held = default;
        held.First = T.Load(slice, chunk);
        held.Second = T.Load(slice, chunk + T.Chunks);
        held.Third = T.Load(slice, chunk + 2 * T.Chunks);
        return held;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TRows MultiplyAdd<TRows>(ThriceHeld<T> weights, TRows sums, ArrayView<Float4> hidden, int at, int slices, int stride, int half)
        where TRows : unmanaged, IRows<TRows>
    {
        sums = T.MultiplyAdd(weights.First, sums, hidden, at, slices, stride, half);
        sums = T.MultiplyAdd(weights.Second, sums, hidden, at + T.Chunks * slices, slices, stride, half);
        return T.MultiplyAdd(weights.Third, sums, hidden, at + 2 * T.Chunks * slices, slices, stride, half);
    }
}

/// <summary>Nothing held: every step reads the slice through the caches, a chunk at a time. Any depth.</summary>
internal struct Streamed<TChunk> : IWeights<Streamed<TChunk>>
    where TChunk : struct, IWeights<TChunk>
{
    public WeightSlice Slice;
    public int First, Count;

    public static int Chunks => 0;

    /// <summary>All chunks from <paramref name="chunk"/> to the last k.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Streamed<TChunk> Load(WeightSlice slice, int chunk)
    {
        int perChunk = 4 * slice.Slices;
        Streamed<TChunk> streamed = default;
        streamed.Slice = slice;
        streamed.First = chunk;
        streamed.Count = (slice.Depth + perChunk - 1) / perChunk - chunk;
        return streamed;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TRows MultiplyAdd<TRows>(Streamed<TChunk> weights, TRows sums, ArrayView<Float4> hidden, int at, int slices, int stride, int half)
        where TRows : unmanaged, IRows<TRows>
    {
        for (int i = 0; i < weights.Count; i++)
            sums = TChunk.MultiplyAdd(TChunk.Load(weights.Slice, weights.First + i), sums, hidden, at + i * slices, slices, stride, half);
        return sums;
    }
}
