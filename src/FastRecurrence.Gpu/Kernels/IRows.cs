using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>A float4 column for each row of a small batch tile, in registers: 1, 2, 4 or 8 rows by nesting.</summary>
internal interface IRows<TSelf>
    where TSelf : unmanaged
{
    /// <summary>Rows.</summary>
    static abstract int Count { get; }

    /// <summary>
    /// Adds four k's: their weights times the rows' h. A row's four h are one float4 column of <paramref name="hidden"/>, the next
    /// row's <paramref name="stride"/> further.
    /// </summary>
    static abstract TSelf MultiplyAdd(TSelf sums, WeightChunk w, ArrayView<Float4> hidden, int at, int stride);

    /// <summary>
    /// All products of a thread's slice, from the rows' h into partial sums: at most <see cref="Products.Together"/> rows at a time, which keeps the sums
    /// in registers beside the weights.
    /// </summary>
    static abstract void Multiply<TWeights, TShuffle>(TWeights weights, Products p)
        where TWeights : struct, IWeights<TWeights>
        where TShuffle : struct, IShuffle;

    /// <summary>The sums of a warp's slices, by <see cref="SliceSums.Scatter"/>.</summary>
    static abstract void Scatter<TShuffle>(TSelf sums, ArrayView<float> partial, int thread, ArrayView<float> scratch)
        where TShuffle : struct, IShuffle;

    /// <summary>The same values, or zeros.</summary>
    static abstract TSelf Keep(TSelf values, bool inside);

    /// <summary>Writes the rows' float4 columns, a row <paramref name="stride"/> from the next.</summary>
    static abstract void Store(TSelf values, ArrayView<Float4> destination, int at, int stride);

    /// <summary>Reads the rows' h through an exchange; rows from <paramref name="rows"/> on are zero.</summary>
    static abstract TSelf Load<TExchange>(ArrayView<Float4> source, int at, int stride, int rows)
        where TExchange : struct, IExchange;

    /// <summary>Whether every word has been written.</summary>
    static abstract bool Written(TSelf values);
}

/// <summary>What all products of a thread's slice are made of.</summary>
internal struct Products
{
    /// <summary>The rows' h, <see cref="SplitKTile.Row"/> apart.</summary>
    public ArrayView<Float4> Hidden;

    /// <summary>Where a warp's sums go, <see cref="SplitKTile.Threads"/> a row; what <see cref="IShuffle"/> needs.</summary>
    public ArrayView<float> Partial, Scratch;

    /// <summary>As of <see cref="IWeights{TSelf}.MultiplyAdd"/>.</summary>
    public ArrayView<int> Half;

    /// <summary>The first k's of the slice; the thread; rows that are multiplied at a time.</summary>
    public int Slice, Thread, Together;
}

/// <summary>One row.</summary>
internal struct OneRow : IRows<OneRow>
{
    public Float4 Row;

    public static int Count => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OneRow MultiplyAdd(OneRow sums, WeightChunk w, ArrayView<Float4> hidden, int at, int stride)
    {
        Float4 h = hidden[at];
        sums.Row = Float4.MultiplyAdd(w.K0, h.X, sums.Row);
        sums.Row = Float4.MultiplyAdd(w.K1, h.Y, sums.Row);
        sums.Row = Float4.MultiplyAdd(w.K2, h.Z, sums.Row);
        sums.Row = Float4.MultiplyAdd(w.K3, h.W, sums.Row);
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply<TWeights, TShuffle>(TWeights weights, Products p)
        where TWeights : struct, IWeights<TWeights>
        where TShuffle : struct, IShuffle
    {
        OneRow sums = TWeights.MultiplyAdd<OneRow>(weights, default, p.Hidden, p.Slice, SplitKTile.Slices, SplitKTile.Row, p.Half[0]);
        Scatter<TShuffle>(sums, p.Partial, p.Thread, p.Scratch);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scatter<TShuffle>(OneRow sums, ArrayView<float> partial, int thread, ArrayView<float> scratch)
        where TShuffle : struct, IShuffle => SliceSums.Scatter<TShuffle>(sums.Row, partial, thread, scratch);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OneRow Keep(OneRow values, bool inside)
    {
        (values.Row.X, values.Row.Y) = (inside ? values.Row.X : 0f, inside ? values.Row.Y : 0f);
        (values.Row.Z, values.Row.W) = (inside ? values.Row.Z : 0f, inside ? values.Row.W : 0f);
        return values;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(OneRow values, ArrayView<Float4> destination, int at, int stride) => destination[at] = values.Row;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OneRow Load<TExchange>(ArrayView<Float4> source, int at, int stride, int rows)
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
    public static TwiceRows<T> MultiplyAdd(TwiceRows<T> sums, WeightChunk w, ArrayView<Float4> hidden, int at, int stride)
    {
        sums.Low = T.MultiplyAdd(sums.Low, w, hidden, at, stride);
        sums.High = T.MultiplyAdd(sums.High, w, hidden, at + T.Count * stride, stride);
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Multiply<TWeights, TShuffle>(TWeights weights, Products p)
        where TWeights : struct, IWeights<TWeights>
        where TShuffle : struct, IShuffle
    {
        if (Count > p.Together)
        {
            T.Multiply<TWeights, TShuffle>(weights, p);
            (p.Hidden, p.Partial) = (p.Hidden.SubView(T.Count * SplitKTile.Row), p.Partial.SubView(T.Count * SplitKTile.Threads));
            T.Multiply<TWeights, TShuffle>(weights, p);
        }
        else
        {
            TwiceRows<T> sums = TWeights.MultiplyAdd<TwiceRows<T>>(weights, default, p.Hidden, p.Slice, SplitKTile.Slices, SplitKTile.Row, p.Half[0]);
            Scatter<TShuffle>(sums, p.Partial, p.Thread, p.Scratch);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scatter<TShuffle>(TwiceRows<T> sums, ArrayView<float> partial, int thread, ArrayView<float> scratch)
        where TShuffle : struct, IShuffle
    {
        T.Scatter<TShuffle>(sums.Low, partial, thread, scratch);
        T.Scatter<TShuffle>(sums.High, partial.SubView(T.Count * SplitKTile.Threads), thread, scratch);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TwiceRows<T> Keep(TwiceRows<T> values, bool inside)
    {
        (values.Low, values.High) = (T.Keep(values.Low, inside), T.Keep(values.High, inside));
        return values;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(TwiceRows<T> values, ArrayView<Float4> destination, int at, int stride)
    {
        T.Store(values.Low, destination, at, stride);
        T.Store(values.High, destination, at + T.Count * stride, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TwiceRows<T> Load<TExchange>(ArrayView<Float4> source, int at, int stride, int rows)
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
