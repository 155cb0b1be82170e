using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// <see cref="InputGemmKernel"/> on tensor cores: <c>preactivation[row, column] = b + x·W</c>, a warp's tile 32 × 32. What follows counts in words, of
/// one k or two (<see cref="ITensorProduct.WordShift"/>). Every sum adds its
/// k's in the same order wherever its row lies: single steps and whole sequences give the same bits. Padding beyond
/// the last row, column or k is zero, and no sum sees two rows: a NaN stays in its row.
/// </summary>
internal static class TensorGemmKernel
{
    /// <summary>Threads of a warp.</summary>
    public const int Lanes = 32;

    /// <summary>Warps of a group.</summary>
    public const int Warps = 8;

    /// <summary>Rows of a warp's tile.</summary>
    public const int WarpRows = 32;

    /// <summary>Columns of a warp's tile.</summary>
    public const int WarpColumns = 32;

    /// <summary>Words of a row staged in shared memory at once.</summary>
    public const int Depth = 32;

    /// <summary>Words that one 16-byte load of either factor has for a group of four lanes.</summary>
    public const int LoadDepth = 16;

    /// <summary>The kernel. Grid: row tiles × column tiles; weights in the order of <see cref="TensorWeights"/>.</summary>
    public static void Run<TProduct, TTile>(InputGemmArguments a)
        where TProduct : struct, ITensorProduct
        where TTile : struct, ITensorTile
    {
        ArrayView<Float4> tile = SharedMemory.Allocate<Float4>(TTile.RowWarps * WarpRows * Depth / 4);
        ArrayView<float> values = tile.Cast<float>();

        int lane = Group.IdxX, warp = Group.IdxY, thread = warp * Lanes + lane;
        int rowBase = Grid.IdxX * (TTile.RowWarps * WarpRows), warpRow = warp & (TTile.RowWarps - 1);
        int columnTile = Grid.IdxY * TTile.ColumnWarps + (warp >> TTile.RowShift), columnTiles = (a.Columns4 + WarpColumns / 4 - 1) >> 3;

        // x is shared in the order of the fragments: [16 rows][8 words][lane][4]. A warp fetches 16 words of two rows at once, eight rows apart;
        // every other 8 words have their lanes' rows in pairs exchanged, so that it fills all banks.
        // Shifts and masks: a signed division by a constant is a dozen instructions here.
        int fetchedRow = warp + ((lane >> 4) << 3), fetchedWord = lane & 15, odd = (lane >> 1) & 1;
        int put = odd * (Lanes * 4) + (((warp << 2) + (fetchedWord >> 2)) ^ (odd << 2)) * 4 + (lane >> 4) + ((lane & 1) << 1);
        int atA = warpRow * (WarpRows * Depth / 4) + lane, exchanged = Lanes + (lane ^ 4) - lane;
        int panel = columnTiles * (WarpColumns / 8 * Lanes), words = (a.InputSize + (1 << TProduct.WordShift) - 1) >> TProduct.WordShift;
        int rest = panel * (((words + Depth - 1) >> 5) * (Depth / LoadDepth));
        int atB = columnTile * (WarpColumns / 8 * Lanes) + lane;
        // All lanes of a warp agree on it, as they must where they multiply together.
        bool idle = columnTile >= columnTiles || rowBase + warpRow * WarpRows >= a.RowCount;

        int row = rowBase + warpRow * WarpRows + (lane >> 2), column = columnTile * WarpColumns + ((lane & 3) << 1);
        TensorSums sums = TensorSums.Begin(a.Bias.Cast<float>(), column, 4 * a.Columns4);
        for (int word0 = 0; word0 < words; word0 += Depth)
        {
            for (int i = 0; i < TTile.RowWarps * WarpRows / Warps; i++)
            {
                int r = rowBase + fetchedRow + (i >> 1) * 16, word = word0 + fetchedWord + (i & 1) * LoadDepth;
                values[put + i * (16 * LoadDepth)] = TProduct.Fetch(a.Input, r * a.InputSize, word, a.InputSize, r < a.RowCount);
            }

            Group.Barrier();
            if (!idle)
            {
                sums = TensorSums.MultiplyAdd<TProduct>(sums, tile, atA, exchanged, a.Weights, atB, rest);
                sums = TensorSums.MultiplyAdd<TProduct>(sums, tile, atA + 2 * Lanes, exchanged, a.Weights, atB + panel, rest);
            }

            atB += 2 * panel;
            Group.Barrier();
        }

        TensorSums.End(sums, a.Preactivation.Cast<Float2>(), row, a.RowCount, column, 4 * a.Columns4);
    }
}

/// <summary>How a group's warps lie over rows and columns.</summary>
internal interface ITensorTile
{
    /// <summary>Warps below each other: 1 &lt;&lt; <see cref="RowShift"/>.</summary>
    static abstract int RowWarps { get; }

    /// <summary>Its logarithm.</summary>
    static abstract int RowShift { get; }

    /// <summary>Warps side by side.</summary>
    static abstract int ColumnWarps { get; }
}

/// <summary>128 rows × 64 columns.</summary>
internal readonly struct TallTile : ITensorTile
{
    public static int RowWarps => 4;

    public static int RowShift => 2;

    public static int ColumnWarps => 2;
}

/// <summary>32 rows × 256 columns, for few rows.</summary>
internal readonly struct FlatTile : ITensorTile
{
    public static int RowWarps => 1;

    public static int RowShift => 0;

    public static int ColumnWarps => 8;
}

/// <summary>Two neighbouring columns of a row.</summary>
internal struct Float2
{
    public float X, Y;
}

/// <summary>A lane's share of a warp's 32 × 32 sums: two fragments of 16 rows by four of 8 columns. Named fields, so that they stay in registers.</summary>
internal struct TensorSums
{
    public Float4 A0, A1, A2, A3, B0, B1, B2, B3;

    /// <summary>From a fragment of x to the one of the 16 rows below it.</summary>
    private const int FragmentFloat4s = 16 * TensorGemmKernel.Depth / 4;

    /// <summary>Every row begins with the bias.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorSums Begin(ArrayView<float> bias, int column, int columns)
    {
        TensorSums sums = default;
        sums.A0 = sums.B0 = Bias(bias, column, columns);
        sums.A1 = sums.B1 = Bias(bias, column + 8, columns);
        sums.A2 = sums.B2 = Bias(bias, column + 16, columns);
        sums.A3 = sums.B3 = Bias(bias, column + 24, columns);
        return sums;
    }

    /// <summary>
    /// 16 words. A lane's 16 bytes of W are words 4t to 4t + 3; the instruction takes the first two for its words t and t + 4, then
    /// the other two: it does not matter which those are, as long as they are the same in x.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorSums MultiplyAdd<TProduct>(
        TensorSums sums, ArrayView<Float4> tile, int atA, int exchanged, ArrayView<Float4> weights, int atB, int rest)
        where TProduct : struct, ITensorProduct
    {
        TensorParts b0 = TProduct.Load(weights, atB, rest), b1 = TProduct.Load(weights, atB + TensorGemmKernel.Lanes, rest);
        TensorParts b2 = TProduct.Load(weights, atB + 2 * TensorGemmKernel.Lanes, rest), b3 = TProduct.Load(weights, atB + 3 * TensorGemmKernel.Lanes, rest);

        sums = MultiplyAdd<TProduct>(sums, tile, atA, b0, b1, b2, b3, second: false);
        return MultiplyAdd<TProduct>(sums, tile, atA + exchanged, b0, b1, b2, b3, second: true);
    }

    /// <summary>One instruction's depth of all eight fragments.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static TensorSums MultiplyAdd<TProduct>(
        TensorSums sums, ArrayView<Float4> tile, int at, TensorParts b0, TensorParts b1, TensorParts b2, TensorParts b3, bool second)
        where TProduct : struct, ITensorProduct
    {
        TensorParts upper = TProduct.Split(tile[at]), lower = TProduct.Split(tile[at + FragmentFloat4s]);
        sums.A0 = TProduct.MultiplyAdd(upper, b0, second, sums.A0);
        sums.A1 = TProduct.MultiplyAdd(upper, b1, second, sums.A1);
        sums.A2 = TProduct.MultiplyAdd(upper, b2, second, sums.A2);
        sums.A3 = TProduct.MultiplyAdd(upper, b3, second, sums.A3);
        sums.B0 = TProduct.MultiplyAdd(lower, b0, second, sums.B0);
        sums.B1 = TProduct.MultiplyAdd(lower, b1, second, sums.B1);
        sums.B2 = TProduct.MultiplyAdd(lower, b2, second, sums.B2);
        sums.B3 = TProduct.MultiplyAdd(lower, b3, second, sums.B3);
        return sums;
    }

    /// <summary>Stores what lies inside.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void End(TensorSums sums, ArrayView<Float2> target, int row, int rowCount, int column, int columns)
    {
        End(sums.A0, sums.B0, target, row, rowCount, column, columns);
        End(sums.A1, sums.B1, target, row, rowCount, column + 8, columns);
        End(sums.A2, sums.B2, target, row, rowCount, column + 16, columns);
        End(sums.A3, sums.B3, target, row, rowCount, column + 24, columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void End(Float4 a, Float4 b, ArrayView<Float2> target, int row, int rowCount, int column, int columns)
    {
        if (column >= columns)
            return;
        End(a.X, a.Y, target, row, rowCount, column, columns);
        End(a.Z, a.W, target, row + 8, rowCount, column, columns);
        End(b.X, b.Y, target, row + 16, rowCount, column, columns);
        End(b.Z, b.W, target, row + 24, rowCount, column, columns);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void End(float x, float y, ArrayView<Float2> target, int row, int rowCount, int column, int columns)
    {
        if (row >= rowCount)
            return;
        Float2 pair = default;
        (pair.X, pair.Y) = (x, y);
        target[row * (columns >> 1) + (column >> 1)] = pair;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Bias(ArrayView<float> bias, int column, int columns)
    {
        Float4 sum = Float4.Zero;
        if (column < columns)
        {
            sum.X = sum.Z = bias[column];
            sum.Y = sum.W = bias[column + 1];
        }

        return sum;
    }
}
