using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// A warp's sums on tensor cores, 16 or 32 rows × 32 columns, each lane with its share in registers: lane 4g + t has of every fragment of 16 rows × 8
/// columns (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1). <typeparamref name="TLeft"/> is the lane's part of A for 16 k's: k's 4t to 4t + 3 of its rows.
/// </summary>
internal interface ITensorTile<TSelf, TLeft>
    where TSelf : struct
    where TLeft : struct
{
    /// <summary>Rows of the tile.</summary>
    static abstract int Rows { get; }

    /// <summary>The lane's four k's of its rows g, g + 8, g + 16, g + 24, as far as the tile has them; each where its offset says.</summary>
    static abstract TLeft Load(ArrayView<Float4> a, int row0, int row8, int row16, int row24);

    /// <summary>The same from shared memory, eight rows <see cref="TensorGemmLoop.Lanes"/> float4s apart.</summary>
    static abstract TLeft Load(ArrayView<Float4> shared);

    /// <summary>The same, or zeros.</summary>
    static abstract TLeft Keep(TLeft left, bool inside);

    /// <summary>Adds 16 k's.</summary>
    static abstract TSelf MultiplyAdd<TProduct>(TSelf sums, TLeft left, TensorColumns right)
        where TProduct : struct, ITensorProduct;

    /// <summary>Writes the sums, rows <paramref name="stride"/> pairs of columns apart; <paramref name="at"/> is that of (g, 2t).</summary>
    static abstract void Store(TSelf sums, ArrayView<Float2> destination, int at, int stride);

    /// <summary>
    /// Hands the sums on as float4 columns: two neighbouring lanes hold two columns each of rows g and g + 8 and exchange halves; the even one gets row g's,
    /// the odd one row g + 8's. The first is (<paramref name="row"/>, <paramref name="column4"/>), already the lane's.
    /// </summary>
    static abstract void End<TEnds>(TSelf sums, TEnds ends, int row, int column4, bool odd)
        where TEnds : struct, IChainEnds<TEnds>;
}

/// <summary>A lane's part of B for 16 k's: k's 4t to 4t + 3 of column g of four fragments of 8 columns.</summary>
internal struct TensorColumns
{
    public Float4 C0, C1, C2, C3;

    /// <summary>From the order of <see cref="TensorFragments"/>: a fragment's 32 lanes lie behind each other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorColumns Load(ArrayView<Float4> fragments)
    {
        TensorColumns columns = default;
        (columns.C0, columns.C1) = (fragments[0], fragments[TensorGemmLoop.Lanes]);
        (columns.C2, columns.C3) = (fragments[2 * TensorGemmLoop.Lanes], fragments[3 * TensorGemmLoop.Lanes]);
        return columns;
    }
}

/// <summary>A lane's part of A for 16 rows.</summary>
internal struct Left16
{
    public Float4 Row0, Row8;

    /// <summary>What the instructions take of it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorRows Split<TProduct>(Left16 left)
        where TProduct : struct, ITensorProduct
    {
        TensorRows rows = default;
        (rows.Upper, rows.Lower) = (TProduct.Split(left.Row0), TProduct.Split(left.Row8));
        return rows;
    }
}

/// <summary>16 rows.</summary>
internal struct Tile16 : ITensorTile<Tile16, Left16>
{
    public TensorFour Sums;

    public static int Rows => 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Left16 Load(ArrayView<Float4> a, int row0, int row8, int row16, int row24)
    {
        Left16 left = default;
        (left.Row0, left.Row8) = (a[row0], a[row8]);
        return left;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Left16 Load(ArrayView<Float4> shared) => Load(shared, 0, TensorGemmLoop.Lanes, 0, 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Left16 Keep(Left16 left, bool inside)
    {
        (left.Row0, left.Row8) = (Keep(left.Row0, inside), Keep(left.Row8, inside));
        return left;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Tile16 MultiplyAdd<TProduct>(Tile16 sums, Left16 left, TensorColumns right)
        where TProduct : struct, ITensorProduct
    {
        TensorFactors f = default;
        f.A0 = f.A1 = f.A2 = f.A3 = Left16.Split<TProduct>(left);
        (f.B0, f.B1) = (TProduct.Split(right.C0), TProduct.Split(right.C1));
        (f.B2, f.B3) = (TProduct.Split(right.C2), TProduct.Split(right.C3));
        sums.Sums = TProduct.MultiplyAdd(sums.Sums, f);
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Tile16 sums, ArrayView<Float2> destination, int at, int stride)
    {
        Store(sums.Sums.S0, destination, at, stride);
        Store(sums.Sums.S1, destination, at + 4, stride);
        Store(sums.Sums.S2, destination, at + 8, stride);
        Store(sums.Sums.S3, destination, at + 12, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void End<TEnds>(Tile16 sums, TEnds ends, int row, int column4, bool odd)
        where TEnds : struct, IChainEnds<TEnds>
    {
        // All that the ends read first, so that it is under way together.
        Float4 b0 = TEnds.Begin(ends, row, column4), b1 = TEnds.Begin(ends, row, column4 + 2);
        Float4 b2 = TEnds.Begin(ends, row, column4 + 4), b3 = TEnds.Begin(ends, row, column4 + 6);
        float c0 = TEnds.Carried(ends, row, column4), c1 = TEnds.Carried(ends, row, column4 + 2);
        float c2 = TEnds.Carried(ends, row, column4 + 4), c3 = TEnds.Carried(ends, row, column4 + 6);
        TEnds.End(ends, row, column4, Float4.Add(b0, Exchange(sums.Sums.S0, odd)), c0);
        TEnds.End(ends, row, column4 + 2, Float4.Add(b1, Exchange(sums.Sums.S1, odd)), c1);
        TEnds.End(ends, row, column4 + 4, Float4.Add(b2, Exchange(sums.Sums.S2, odd)), c2);
        TEnds.End(ends, row, column4 + 6, Float4.Add(b3, Exchange(sums.Sums.S3, odd)), c3);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Exchange(Float4 sum, bool odd)
    {
        float x = Warp.ShuffleXor(odd ? sum.X : sum.Z, 1), y = Warp.ShuffleXor(odd ? sum.Y : sum.W, 1);
        Float4 column = Float4.Zero;
        (column.X, column.Y) = (odd ? x : sum.X, odd ? y : sum.Y);
        (column.Z, column.W) = (odd ? sum.Z : x, odd ? sum.W : y);
        return column;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(Float4 sum, ArrayView<Float2> destination, int at, int stride)
    {
        Float2 pair = default;
        (pair.X, pair.Y) = (sum.X, sum.Y);
        destination[at] = pair;
        (pair.X, pair.Y) = (sum.Z, sum.W);
        destination[at + 8 * stride] = pair;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Keep(Float4 four, bool inside)
    {
        (four.X, four.Y) = (inside ? four.X : 0f, inside ? four.Y : 0f);
        (four.Z, four.W) = (inside ? four.Z : 0f, inside ? four.W : 0f);
        return four;
    }
}

/// <summary>A lane's part of A for 32 rows.</summary>
internal struct Left32
{
    public Left16 Upper, Lower;
}

/// <summary>32 rows.</summary>
internal struct Tile32 : ITensorTile<Tile32, Left32>
{
    // Of the first and of the last two fragments beside each other: rows 0 to 15, then 16 to 31 of each.
    public TensorFour Left, Right;

    public static int Rows => 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Left32 Load(ArrayView<Float4> a, int row0, int row8, int row16, int row24)
    {
        Left32 left = default;
        left.Upper = Tile16.Load(a, row0, row8, 0, 0);
        left.Lower = Tile16.Load(a, row16, row24, 0, 0);
        return left;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Left32 Load(ArrayView<Float4> shared) =>
        Load(shared, 0, TensorGemmLoop.Lanes, 2 * TensorGemmLoop.Lanes, 3 * TensorGemmLoop.Lanes);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Left32 Keep(Left32 left, bool inside)
    {
        left.Upper = Tile16.Keep(left.Upper, inside);
        left.Lower = Tile16.Keep(left.Lower, inside);
        return left;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Tile32 MultiplyAdd<TProduct>(Tile32 sums, Left32 left, TensorColumns right)
        where TProduct : struct, ITensorProduct
    {
        // Two columns at a time, so that the parts of two alone take registers.
        TensorRows upper = Left16.Split<TProduct>(left.Upper), lower = Left16.Split<TProduct>(left.Lower);
        TensorFactors f = default;
        (f.A0, f.A1, f.A2, f.A3) = (upper, lower, upper, lower);
        f.B0 = f.B1 = TProduct.Split(right.C0);
        f.B2 = f.B3 = TProduct.Split(right.C1);
        sums.Left = TProduct.MultiplyAdd(sums.Left, f);
        f.B0 = f.B1 = TProduct.Split(right.C2);
        f.B2 = f.B3 = TProduct.Split(right.C3);
        sums.Right = TProduct.MultiplyAdd(sums.Right, f);
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Tile32 sums, ArrayView<Float2> destination, int at, int stride)
    {
        Tile16.Store(Upper(sums), destination, at, stride);
        Tile16.Store(Lower(sums), destination, at + 16 * stride, stride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void End<TEnds>(Tile32 sums, TEnds ends, int row, int column4, bool odd)
        where TEnds : struct, IChainEnds<TEnds>
    {
        Tile16.End(Upper(sums), ends, row, column4, odd);
        Tile16.End(Lower(sums), ends, row + 16, column4, odd);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Tile16 Upper(Tile32 sums)
    {
        Tile16 half = default;
        (half.Sums.S0, half.Sums.S1, half.Sums.S2, half.Sums.S3) = (sums.Left.S0, sums.Left.S2, sums.Right.S0, sums.Right.S2);
        return half;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Tile16 Lower(Tile32 sums)
    {
        Tile16 half = default;
        (half.Sums.S0, half.Sums.S1, half.Sums.S2, half.Sums.S3) = (sums.Left.S1, sums.Left.S3, sums.Right.S1, sums.Right.S3);
        return half;
    }
}
