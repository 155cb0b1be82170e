using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>How float32 products are made of what tensor cores multiply. All take the same float32 from memory, and round it in registers.</summary>
internal interface ITensorProduct
{
    /// <summary>What the instructions take of four neighbouring k's of one row of A or one column of B.</summary>
    static abstract TensorParts Split(Float4 four);

    /// <summary>
    /// Adds 16 k's to four fragments of 16 rows × 8 columns, each instruction for all four before the next: one waits for the one before it, four hide that.
    /// The instructions take a lane's k's for others than they are, the same in both factors, which changes no sum.
    /// </summary>
    static abstract TensorFour MultiplyAdd(TensorFour sums, TensorFactors f);
}

/// <summary>Four fragments of sums.</summary>
internal struct TensorFour
{
    public Float4 S0, S1, S2, S3;
}

/// <summary>The factors of four fragments: a lane's four k's of rows g and g + 8, and of column g. Some are the same.</summary>
internal struct TensorFactors
{
    public TensorRows A0, A1, A2, A3;
    public TensorParts B0, B1, B2, B3;
}

/// <summary>Four k's of rows g and g + 8.</summary>
internal struct TensorRows
{
    public TensorParts Upper, Lower;
}

/// <summary>Values, or values as the sum of two tf32.</summary>
internal struct TensorParts
{
    public Float4 High, Low;
}

/// <summary>One tf32 product: 11 significant bits of either factor.</summary>
internal readonly struct SingleTf32 : ITensorProduct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorParts Split(Float4 four)
    {
        TensorParts parts = default;
        parts.High.X = TensorCore.Round(four.X);
        parts.High.Y = TensorCore.Round(four.Y);
        parts.High.Z = TensorCore.Round(four.Z);
        parts.High.W = TensorCore.Round(four.W);
        return parts;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour MultiplyAdd(TensorFour sums, TensorFactors f)
    {
        sums.S0 = TensorCore.MultiplyAdd(Fragment.FirstHigh(f.A0), f.B0.High.X, f.B0.High.Y, sums.S0);
        sums.S1 = TensorCore.MultiplyAdd(Fragment.FirstHigh(f.A1), f.B1.High.X, f.B1.High.Y, sums.S1);
        sums.S2 = TensorCore.MultiplyAdd(Fragment.FirstHigh(f.A2), f.B2.High.X, f.B2.High.Y, sums.S2);
        sums.S3 = TensorCore.MultiplyAdd(Fragment.FirstHigh(f.A3), f.B3.High.X, f.B3.High.Y, sums.S3);
        return Fragment.AddSecond(sums, f);
    }
}

/// <summary>One bfloat16 product, two k's a word: 8 significant bits of either factor.</summary>
internal readonly struct SingleBfloat16 : ITensorProduct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorParts Split(Float4 four)
    {
        TensorParts parts = default;
        parts.High.X = TensorCore.Pair(four.X, four.Y);
        parts.High.Y = TensorCore.Pair(four.Z, four.W);
        return parts;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour MultiplyAdd(TensorFour sums, TensorFactors f)
    {
        sums.S0 = TensorCore.MultiplyAddPairs(Fragment.FirstHigh(f.A0), f.B0.High.X, f.B0.High.Y, sums.S0);
        sums.S1 = TensorCore.MultiplyAddPairs(Fragment.FirstHigh(f.A1), f.B1.High.X, f.B1.High.Y, sums.S1);
        sums.S2 = TensorCore.MultiplyAddPairs(Fragment.FirstHigh(f.A2), f.B2.High.X, f.B2.High.Y, sums.S2);
        sums.S3 = TensorCore.MultiplyAddPairs(Fragment.FirstHigh(f.A3), f.B3.High.X, f.B3.High.Y, sums.S3);
        return sums;
    }
}

/// <summary>
/// Three tf32 products, of both factors' upper and lower halves but for the two lower: about float32. The upper half is rounded to 11 bits; the lower,
/// what that took, has 12, of which the instruction drops the last. Small products first, and added to the sum outside the tensor cores, which do not
/// round their sums to nearest.
/// </summary>
internal readonly struct TripleTf32 : ITensorProduct
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorParts Split(Float4 four)
    {
        TensorParts parts = default;
        parts.High.X = Upper(four.X);
        parts.High.Y = Upper(four.Y);
        parts.High.Z = Upper(four.Z);
        parts.High.W = Upper(four.W);
        parts.Low.X = four.X - parts.High.X;
        parts.Low.Y = four.Y - parts.High.Y;
        parts.Low.Z = four.Z - parts.High.Z;
        parts.Low.W = four.W - parts.High.W;
        return parts;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour MultiplyAdd(TensorFour sums, TensorFactors f)
    {
        TensorFour p = default;
        p.S0 = TensorCore.MultiplyAdd(Fragment.FirstLow(f.A0), f.B0.High.X, f.B0.High.Y, Float4.Zero);
        p.S1 = TensorCore.MultiplyAdd(Fragment.FirstLow(f.A1), f.B1.High.X, f.B1.High.Y, Float4.Zero);
        p.S2 = TensorCore.MultiplyAdd(Fragment.FirstLow(f.A2), f.B2.High.X, f.B2.High.Y, Float4.Zero);
        p.S3 = TensorCore.MultiplyAdd(Fragment.FirstLow(f.A3), f.B3.High.X, f.B3.High.Y, Float4.Zero);
        p.S0 = TensorCore.MultiplyAdd(Fragment.SecondLow(f.A0), f.B0.High.Z, f.B0.High.W, p.S0);
        p.S1 = TensorCore.MultiplyAdd(Fragment.SecondLow(f.A1), f.B1.High.Z, f.B1.High.W, p.S1);
        p.S2 = TensorCore.MultiplyAdd(Fragment.SecondLow(f.A2), f.B2.High.Z, f.B2.High.W, p.S2);
        p.S3 = TensorCore.MultiplyAdd(Fragment.SecondLow(f.A3), f.B3.High.Z, f.B3.High.W, p.S3);
        p.S0 = TensorCore.MultiplyAdd(Fragment.FirstHigh(f.A0), f.B0.Low.X, f.B0.Low.Y, p.S0);
        p.S1 = TensorCore.MultiplyAdd(Fragment.FirstHigh(f.A1), f.B1.Low.X, f.B1.Low.Y, p.S1);
        p.S2 = TensorCore.MultiplyAdd(Fragment.FirstHigh(f.A2), f.B2.Low.X, f.B2.Low.Y, p.S2);
        p.S3 = TensorCore.MultiplyAdd(Fragment.FirstHigh(f.A3), f.B3.Low.X, f.B3.Low.Y, p.S3);
        p.S0 = TensorCore.MultiplyAdd(Fragment.SecondHigh(f.A0), f.B0.Low.Z, f.B0.Low.W, p.S0);
        p.S1 = TensorCore.MultiplyAdd(Fragment.SecondHigh(f.A1), f.B1.Low.Z, f.B1.Low.W, p.S1);
        p.S2 = TensorCore.MultiplyAdd(Fragment.SecondHigh(f.A2), f.B2.Low.Z, f.B2.Low.W, p.S2);
        p.S3 = TensorCore.MultiplyAdd(Fragment.SecondHigh(f.A3), f.B3.Low.Z, f.B3.Low.W, p.S3);
        p.S0 = TensorCore.MultiplyAdd(Fragment.FirstHigh(f.A0), f.B0.High.X, f.B0.High.Y, p.S0);
        p.S1 = TensorCore.MultiplyAdd(Fragment.FirstHigh(f.A1), f.B1.High.X, f.B1.High.Y, p.S1);
        p.S2 = TensorCore.MultiplyAdd(Fragment.FirstHigh(f.A2), f.B2.High.X, f.B2.High.Y, p.S2);
        p.S3 = TensorCore.MultiplyAdd(Fragment.FirstHigh(f.A3), f.B3.High.X, f.B3.High.Y, p.S3);
        p = Fragment.AddSecond(p, f);
        sums.S0 = Float4.Add(sums.S0, p.S0);
        sums.S1 = Float4.Add(sums.S1, p.S1);
        sums.S2 = Float4.Add(sums.S2, p.S2);
        sums.S3 = Float4.Add(sums.S3, p.S3);
        return sums;
    }

    // To the nearest by its bits: two instructions, where the conversion takes four. A NaN may come out as a number, but then the lower half is a NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Upper(float x) => Interop.IntAsFloat((Interop.FloatAsInt(x) + 0x1000u) & 0xFFFFE000u);
}

/// <summary>What one instruction takes of A: of rows g and g + 8 two of a lane's four k's, which it takes for k's t and t + 4.</summary>
internal static class Fragment
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 FirstHigh(TensorRows rows) => Of(rows.Upper.High.X, rows.Lower.High.X, rows.Upper.High.Y, rows.Lower.High.Y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 SecondHigh(TensorRows rows) => Of(rows.Upper.High.Z, rows.Lower.High.Z, rows.Upper.High.W, rows.Lower.High.W);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 FirstLow(TensorRows rows) => Of(rows.Upper.Low.X, rows.Lower.Low.X, rows.Upper.Low.Y, rows.Lower.Low.Y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 SecondLow(TensorRows rows) => Of(rows.Upper.Low.Z, rows.Lower.Low.Z, rows.Upper.Low.W, rows.Lower.Low.W);

    /// <summary>Adds the products of the upper halves of the last two k's.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour AddSecond(TensorFour sums, TensorFactors f)
    {
        sums.S0 = TensorCore.MultiplyAdd(SecondHigh(f.A0), f.B0.High.Z, f.B0.High.W, sums.S0);
        sums.S1 = TensorCore.MultiplyAdd(SecondHigh(f.A1), f.B1.High.Z, f.B1.High.W, sums.S1);
        sums.S2 = TensorCore.MultiplyAdd(SecondHigh(f.A2), f.B2.High.Z, f.B2.High.W, sums.S2);
        sums.S3 = TensorCore.MultiplyAdd(SecondHigh(f.A3), f.B3.High.Z, f.B3.High.W, sums.S3);
        return sums;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 Of(float x, float y, float z, float w)
    {
        Float4 fragment = Float4.Zero;
        (fragment.X, fragment.Y, fragment.Z, fragment.W) = (x, y, z, w);
        return fragment;
    }
}
