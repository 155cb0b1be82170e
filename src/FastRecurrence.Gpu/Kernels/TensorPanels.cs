using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// A lane's part of R for all steps, in registers: for 32 columns the panels of 16 k's that its warp multiplies, every eighth; and what it takes of h.
/// <typeparamref name="THidden"/> is the lane's four k's of its rows, for as many panels.
/// </summary>
internal interface ITensorPanels<TSelf, THidden>
    where TSelf : struct
    where THidden : struct
{
    /// <summary>Panels.</summary>
    static abstract int Count { get; }

    /// <summary>From <paramref name="panel"/> on.</summary>
    static abstract TSelf Load(PanelSource source, int panel);

    /// <summary>h of the panels from <paramref name="panel"/> on, as it is now.</summary>
    static abstract THidden Fetch<TExchange>(HiddenSource source, int panel)
        where TExchange : struct, IExchange;

    /// <summary>Whether all of it has been written.</summary>
    static abstract bool Written(THidden hidden);

    /// <summary>Adds the products, panel after panel.</summary>
    static abstract TensorFour MultiplyAdd(TSelf weights, THidden hidden, TensorFour sums);

    /// <summary>
    /// The same with h fetched from shared memory bit by bit, where there are no registers for all of it; <paramref name="shared"/> begins at the lane's
    /// row and four of the warp's first panel, <paramref name="at"/> is how far the first of these panels is from there.
    /// </summary>
    static abstract TensorFour MultiplyAdd(TSelf weights, ArrayView<Float4> shared, int at, TensorFour sums);
}

/// <summary>Where a lane's part of R lies: in the order of <see cref="TensorFragments"/>.</summary>
internal struct PanelSource
{
    /// <summary>From the lane's four of the group's first fragment on.</summary>
    public ArrayView<Float4> Fragments;

    /// <summary>Fours from a panel to the next; panels there are.</summary>
    public int Stride, Panels;
}

/// <summary>Where a lane's part of h lies.</summary>
internal struct HiddenSource
{
    /// <summary>h in fours, from the step's first row on.</summary>
    public ArrayView<Float4> Words;

    /// <summary>The lane's rows g and g + 8; its four in a panel; the last four of a row.</summary>
    public int Row0, Row8, Four, Last;

    /// <summary>What is read for k's beyond the last meets zero weights.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int At(HiddenSource source, int panel) => IntrinsicMath.Min(panel * 4 + source.Four, source.Last);
}

/// <summary>A lane's four k's of its rows of a tile of 8 or 16.</summary>
internal interface ITensorRows<TSelf>
    where TSelf : struct
{
    /// <summary>Rows.</summary>
    static abstract int Count { get; }

    /// <summary>As it is now.</summary>
    static abstract TSelf Fetch<TExchange>(HiddenSource source, int panel)
        where TExchange : struct, IExchange;

    /// <summary>From shared memory.</summary>
    static abstract TSelf Fetch(ArrayView<Float4> shared, int at);

    /// <summary>Whether all of it has been written.</summary>
    static abstract bool Written(TSelf rows);

    /// <summary>Adds two panels, the first before the second.</summary>
    static abstract TensorFour MultiplyAdd(TensorFour sums, TensorColumns first, TensorColumns second, TSelf firstRows, TSelf secondRows);

    /// <summary>Adds one panel.</summary>
    static abstract TensorFour MultiplyAdd(TensorFour sums, TensorColumns columns, TSelf rows);

    /// <summary>Leaves the sums as <see cref="SliceSums"/> wants them, a row <paramref name="stride"/> from the next, <paramref name="at"/> the warp's.</summary>
    static abstract void Store(TensorFour sums, ArrayView<float> partial, int at, int stride, int lane);
}

/// <summary>Eight rows: sums of 16 columns in S0, of the other 16 in S1.</summary>
internal struct Rows8 : ITensorRows<Rows8>
{
    public Float4 R0;

    public static int Count => 8;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Rows8 Fetch<TExchange>(HiddenSource source, int panel)
        where TExchange : struct, IExchange
    {
        Rows8 rows = default;
        rows.R0 = TExchange.Load(source.Words, source.Row0 + HiddenSource.At(source, panel));
        return rows;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Rows8 Fetch(ArrayView<Float4> shared, int at)
    {
        Rows8 rows = default;
        rows.R0 = shared[at];
        return rows;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Written(Rows8 rows) => Words.Written(rows.R0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour MultiplyAdd(TensorFour sums, TensorColumns first, TensorColumns second, Rows8 firstRows, Rows8 secondRows)
    {
        TensorFactors f = default;
        (f.A0, f.A1) = (TensorColumns.Upper(first), TensorColumns.Lower(first));
        (f.A2, f.A3) = (TensorColumns.Upper(second), TensorColumns.Lower(second));
        f.B0 = f.B1 = TripleTf32.Split(firstRows.R0);
        f.B2 = f.B3 = TripleTf32.Split(secondRows.R0);
        TensorFour p = TripleTf32.Transposed(f);
        sums.S0 = Float4.Add(Float4.Add(sums.S0, p.S0), p.S2);
        sums.S1 = Float4.Add(Float4.Add(sums.S1, p.S1), p.S3);
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour MultiplyAdd(TensorFour sums, TensorColumns columns, Rows8 rows)
    {
        TensorFactors f = default;
        (f.A0, f.A1) = (TensorColumns.Upper(columns), TensorColumns.Lower(columns));
        f.B0 = f.B1 = TripleTf32.Split(rows.R0);
        f.OnlyTwo = true;
        TensorFour p = TripleTf32.Transposed(f);
        (sums.S0, sums.S1) = (Float4.Add(sums.S0, p.S0), Float4.Add(sums.S1, p.S1));
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(TensorFour sums, ArrayView<float> partial, int at, int stride, int lane)
    {
        // Lane 4g + t has of columns g and g + 8 rows 2t and 2t + 1. Column j of 32 is column j & 3 of float4 column j >> 2.
        int g = lane >> 2, column = ((g & 3) << 3) + (g >> 2), first = at + ((lane & 3) << 1) * stride + column;
        Store(sums.S0, partial, first, stride);
        Store(sums.S1, partial, first + 4, stride);
    }

    /// <summary>Two rows of two columns, eight columns apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Float4 sum, ArrayView<float> partial, int at, int stride)
    {
        partial[at] = sum.X;
        partial[at + stride] = sum.Y;
        partial[at + 2] = sum.Z;
        partial[at + stride + 2] = sum.W;
    }
}

/// <summary>Sixteen rows: the first eight as of <see cref="Rows8"/>, the others in S2 and S3.</summary>
internal struct Rows16 : ITensorRows<Rows16>
{
    public Float4 R0, R8;

    public static int Count => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Rows16 Fetch<TExchange>(HiddenSource source, int panel)
        where TExchange : struct, IExchange
    {
        int at = HiddenSource.At(source, panel);
        Rows16 rows = default;
        rows.R0 = TExchange.Load(source.Words, source.Row0 + at);
        rows.R8 = TExchange.Load(source.Words, source.Row8 + at);
        return rows;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Rows16 Fetch(ArrayView<Float4> shared, int at)
    {
        Rows16 rows = default;
        (rows.R0, rows.R8) = (shared[at], shared[at + 8 * TensorGridKernel.SharedRow]);
        return rows;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Written(Rows16 rows) => Words.Written(rows.R0) & Words.Written(rows.R8);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour MultiplyAdd(TensorFour sums, TensorColumns first, TensorColumns second, Rows16 firstRows, Rows16 secondRows) =>
        MultiplyAdd(MultiplyAdd(sums, first, firstRows), second, secondRows);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour MultiplyAdd(TensorFour sums, TensorColumns columns, Rows16 rows)
    {
        TensorFactors f = default;
        f.A0 = f.A2 = TensorColumns.Upper(columns);
        f.A1 = f.A3 = TensorColumns.Lower(columns);
        f.B0 = f.B1 = TripleTf32.Split(rows.R0);
        f.B2 = f.B3 = TripleTf32.Split(rows.R8);
        return TensorFour.Add(sums, TripleTf32.Transposed(f));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(TensorFour sums, ArrayView<float> partial, int at, int stride, int lane)
    {
        Rows8.Store(sums, partial, at, stride, lane);
        (sums.S0, sums.S1) = (sums.S2, sums.S3);
        Rows8.Store(sums, partial, at + 8 * stride, stride, lane);
    }
}

/// <summary>One panel.</summary>
internal struct OnePanel<TRows> : ITensorPanels<OnePanel<TRows>, TRows>
    where TRows : struct, ITensorRows<TRows>
{
    public TensorColumns Columns;

    public static int Count => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static OnePanel<TRows> Load(PanelSource source, int panel)
    {
        OnePanel<TRows> held = default;
        if (panel < source.Panels)
            held.Columns = TensorColumns.Load(source.Fragments.SubView(panel * source.Stride));
        return held;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TRows Fetch<TExchange>(HiddenSource source, int panel)
        where TExchange : struct, IExchange => TRows.Fetch<TExchange>(source, panel);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Written(TRows hidden) => TRows.Written(hidden);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour MultiplyAdd(OnePanel<TRows> weights, TRows hidden, TensorFour sums) =>
        TRows.MultiplyAdd(sums, weights.Columns, hidden);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour MultiplyAdd(OnePanel<TRows> weights, ArrayView<Float4> shared, int at, TensorFour sums) =>
        MultiplyAdd(weights, TRows.Fetch(shared, at), sums);
}

/// <summary>Two panels, multiplied together.</summary>
internal struct TwoPanels<TRows> : ITensorPanels<TwoPanels<TRows>, TwiceHidden<TRows>>
    where TRows : struct, ITensorRows<TRows>
{
    public OnePanel<TRows> First, Second;

    public static int Count => 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TwoPanels<TRows> Load(PanelSource source, int panel)
    {
        TwoPanels<TRows> held = default;
        held.First = OnePanel<TRows>.Load(source, panel);
        held.Second = OnePanel<TRows>.Load(source, panel + TensorGridKernel.Warps);
        return held;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TwiceHidden<TRows> Fetch<TExchange>(HiddenSource source, int panel)
        where TExchange : struct, IExchange
    {
        TwiceHidden<TRows> hidden = default;
        hidden.Low = TRows.Fetch<TExchange>(source, panel);
        hidden.High = TRows.Fetch<TExchange>(source, panel + TensorGridKernel.Warps);
        return hidden;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Written(TwiceHidden<TRows> hidden) => TRows.Written(hidden.Low) & TRows.Written(hidden.High);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour MultiplyAdd(TwoPanels<TRows> weights, TwiceHidden<TRows> hidden, TensorFour sums) =>
        TRows.MultiplyAdd(sums, weights.First.Columns, weights.Second.Columns, hidden.Low, hidden.High);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour MultiplyAdd(TwoPanels<TRows> weights, ArrayView<Float4> shared, int at, TensorFour sums) =>
        OnePanel<TRows>.MultiplyAdd(weights.Second, shared, at + TensorGridKernel.PanelStep, OnePanel<TRows>.MultiplyAdd(weights.First, shared, at, sums));
}

/// <summary>h of twice as many panels.</summary>
internal struct TwiceHidden<THidden>
    where THidden : struct
{
    public THidden Low, High;
}

/// <summary>Twice as many panels.</summary>
internal struct TwicePanels<T, THidden> : ITensorPanels<TwicePanels<T, THidden>, TwiceHidden<THidden>>
    where T : struct, ITensorPanels<T, THidden>
    where THidden : struct
{
    public T Low, High;

    public static int Count => 2 * T.Count;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TwicePanels<T, THidden> Load(PanelSource source, int panel)
    {
        TwicePanels<T, THidden> held = default;
        held.Low = T.Load(source, panel);
        held.High = T.Load(source, panel + T.Count * TensorGridKernel.Warps);
        return held;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TwiceHidden<THidden> Fetch<TExchange>(HiddenSource source, int panel)
        where TExchange : struct, IExchange
    {
        TwiceHidden<THidden> hidden = default;
        hidden.Low = T.Fetch<TExchange>(source, panel);
        hidden.High = T.Fetch<TExchange>(source, panel + T.Count * TensorGridKernel.Warps);
        return hidden;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Written(TwiceHidden<THidden> hidden) => T.Written(hidden.Low) & T.Written(hidden.High);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour MultiplyAdd(TwicePanels<T, THidden> weights, TwiceHidden<THidden> hidden, TensorFour sums) =>
        T.MultiplyAdd(weights.High, hidden.High, T.MultiplyAdd(weights.Low, hidden.Low, sums));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour MultiplyAdd(TwicePanels<T, THidden> weights, ArrayView<Float4> shared, int at, TensorFour sums)
    {
        sums = T.MultiplyAdd(weights.Low, shared, at, sums);
        return T.MultiplyAdd(weights.High, shared, at + T.Count * TensorGridKernel.PanelStep, sums);
    }
}
