using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>A quad for each row of a small batch tile, in registers: 1, 2, 4 or 8 rows by nesting.</summary>
internal interface IRows<TSelf>
    where TSelf : unmanaged
{
    /// <summary>Rows.</summary>
    static abstract int Count { get; }

    /// <summary>
    /// Adds four k's: their weights times the rows' h. A row's four h are one quad of <paramref name="hidden"/>, the next
    /// row's <paramref name="stride"/> further.
    /// </summary>
    static abstract TSelf MultiplyAdd(TSelf sums, WeightChunk w, ArrayView<Quad> hidden, int at, int stride);

    /// <summary>
    /// All products of a thread's slice, from the rows' h in <paramref name="hidden"/> into <paramref name="partial"/>.
    /// At most <paramref name="together"/> rows at a time, which keeps the sums in registers beside the weights; where both are the same memory
    /// (<paramref name="aliased"/>) with a group barrier between the last read of their h and their sums.
    /// </summary>
    static abstract void Multiply<TWeights>(TWeights weights, ArrayView<Quad> hidden, ArrayView<Quad> partial, int slice, int thread, int stride, int together, int aliased, ArrayView<int> half)
        where TWeights : struct, IWeights<TWeights>;

    /// <summary>Writes the rows' quads, a row <paramref name="stride"/> from the next.</summary>
    static abstract void Store(TSelf values, ArrayView<Quad> destination, int at, int stride);

    /// <summary>Reads the rows' h through an exchange; rows from <paramref name="rows"/> on are zero.</summary>
    static abstract TSelf Load<TExchange>(ArrayView<Quad> source, int at, int stride, int rows)
        where TExchange : struct, IExchange;

    /// <summary>Whether every word has been written.</summary>
    static abstract bool Written(TSelf values);
}

/// <summary>One row.</summary>
internal struct OneRow : IRows<OneRow>
{
    public Quad Row;

    public static int Count => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OneRow MultiplyAdd(OneRow sums, WeightChunk w, ArrayView<Quad> hidden, int at, int stride)
    {
        Quad h = hidden[at];
        sums.Row = Quad.MultiplyAdd(w.K0, h.X, sums.Row);
        sums.Row = Quad.MultiplyAdd(w.K1, h.Y, sums.Row);
        sums.Row = Quad.MultiplyAdd(w.K2, h.Z, sums.Row);
        sums.Row = Quad.MultiplyAdd(w.K3, h.W, sums.Row);
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply<TWeights>(TWeights weights, ArrayView<Quad> hidden, ArrayView<Quad> partial, int slice, int thread, int stride, int together, int aliased, ArrayView<int> half)
        where TWeights : struct, IWeights<TWeights>
    {
        OneRow sums = TWeights.MultiplyAdd<OneRow>(weights, default, hidden, slice, SliceTile.Slices, stride, half[0]);
        if (aliased != 0)
            Group.Barrier();
        Store(sums, partial, thread, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(OneRow values, ArrayView<Quad> destination, int at, int stride) => destination[at] = values.Row;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OneRow Load<TExchange>(ArrayView<Quad> source, int at, int stride, int rows)
        where TExchange : struct, IExchange
    {
        OneRow values = default;
        if (rows > 0)
            values.Row = TExchange.Load(source, at);
        return values;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Written(OneRow values) => Words.Written(values.Row);
}

/// <summary>Twice as many rows.</summary>
internal struct TwiceRows<T> : IRows<TwiceRows<T>>
    where T : unmanaged, IRows<T>
{
    public T Low, High;

    public static int Count => 2 * T.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TwiceRows<T> MultiplyAdd(TwiceRows<T> sums, WeightChunk w, ArrayView<Quad> hidden, int at, int stride)
    {
        sums.Low = T.MultiplyAdd(sums.Low, w, hidden, at, stride);
        sums.High = T.MultiplyAdd(sums.High, w, hidden, at + T.Count * stride, stride);
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply<TWeights>(TWeights weights, ArrayView<Quad> hidden, ArrayView<Quad> partial, int slice, int thread, int stride, int together, int aliased, ArrayView<int> half)
        where TWeights : struct, IWeights<TWeights>
    {
        if (Count > together)
        {
            T.Multiply(weights, hidden, partial, slice, thread, stride, together, aliased, half);
            T.Multiply(weights, hidden, partial, slice + T.Count * stride, thread + T.Count * stride, stride, together, aliased, half);
        }
        else
        {
            TwiceRows<T> sums = TWeights.MultiplyAdd<TwiceRows<T>>(weights, default, hidden, slice, SliceTile.Slices, stride, half[0]);
            if (aliased != 0)
                Group.Barrier();
            Store(sums, partial, thread, stride);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(TwiceRows<T> values, ArrayView<Quad> destination, int at, int stride)
    {
        T.Store(values.Low, destination, at, stride);
        T.Store(values.High, destination, at + T.Count * stride, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TwiceRows<T> Load<TExchange>(ArrayView<Quad> source, int at, int stride, int rows)
        where TExchange : struct, IExchange
    {
        TwiceRows<T> values = default;
        values.Low = T.Load<TExchange>(source, at, stride, rows);
        values.High = T.Load<TExchange>(source, at + T.Count * stride, stride, rows - T.Count);
        return values;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Written(TwiceRows<T> values) => T.Written(values.Low) & T.Written(values.High);
}
