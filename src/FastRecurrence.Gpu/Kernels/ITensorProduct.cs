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

    /// <summary>a + b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour Add(TensorFour a, TensorFour b)
    {
        (a.S0, a.S1) = (Float4.Add(a.S0, b.S0), Float4.Add(a.S1, b.S1));
        (a.S2, a.S3) = (Float4.Add(a.S2, b.S2), Float4.Add(a.S3, b.S3));
        return a;
    }
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
    public static TensorFour MultiplyAdd(TensorFour sums, TensorFactors f) => Fragment.Second(Fragment.First(sums, f), f);
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
        sums.S0 = TensorCore.MultiplyAddPairs(Fragment.FirstTwo(f.A0.Upper.High, f.A0.Lower.High), f.B0.High.X, f.B0.High.Y, sums.S0);
        sums.S1 = TensorCore.MultiplyAddPairs(Fragment.FirstTwo(f.A1.Upper.High, f.A1.Lower.High), f.B1.High.X, f.B1.High.Y, sums.S1);
        sums.S2 = TensorCore.MultiplyAddPairs(Fragment.FirstTwo(f.A2.Upper.High, f.A2.Lower.High), f.B2.High.X, f.B2.High.Y, sums.S2);
        sums.S3 = TensorCore.MultiplyAddPairs(Fragment.FirstTwo(f.A3.Upper.High, f.A3.Lower.High), f.B3.High.X, f.B3.High.Y, sums.S3);
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
        TensorFour p = Fragment.First(Fragment.FirstByLow(Fragment.FirstLow(default, f), f), f);
        p = Fragment.Second(Fragment.SecondByLow(Fragment.SecondLow(p, f), f), f);
        return TensorFour.Add(sums, p);
    }

    // To the nearest by its bits: two instructions, where the conversion takes four. A NaN may come out as a number, but then the lower half is a NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Upper(float x) => Interop.IntAsFloat((Interop.FloatAsInt(x) + 0x1000u) & 0xFFFFE000u);
}

/// <summary>
/// One instruction for each of four fragments. Of a lane's four k's it takes the first two, or the second two, for its k's t and t + 4. "Low" is A's lower
/// half by B's upper, "by low" the other way round.
/// </summary>
internal static class Fragment
{
    /// <summary>The upper halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour First(TensorFour sums, TensorFactors f)
    {
        sums.S0 = TensorCore.MultiplyAdd(FirstTwo(f.A0.Upper.High, f.A0.Lower.High), f.B0.High.X, f.B0.High.Y, sums.S0);
        sums.S1 = TensorCore.MultiplyAdd(FirstTwo(f.A1.Upper.High, f.A1.Lower.High), f.B1.High.X, f.B1.High.Y, sums.S1);
        sums.S2 = TensorCore.MultiplyAdd(FirstTwo(f.A2.Upper.High, f.A2.Lower.High), f.B2.High.X, f.B2.High.Y, sums.S2);
        sums.S3 = TensorCore.MultiplyAdd(FirstTwo(f.A3.Upper.High, f.A3.Lower.High), f.B3.High.X, f.B3.High.Y, sums.S3);
        return sums;
    }

    /// <summary>The upper halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour Second(TensorFour sums, TensorFactors f)
    {
        sums.S0 = TensorCore.MultiplyAdd(LastTwo(f.A0.Upper.High, f.A0.Lower.High), f.B0.High.Z, f.B0.High.W, sums.S0);
        sums.S1 = TensorCore.MultiplyAdd(LastTwo(f.A1.Upper.High, f.A1.Lower.High), f.B1.High.Z, f.B1.High.W, sums.S1);
        sums.S2 = TensorCore.MultiplyAdd(LastTwo(f.A2.Upper.High, f.A2.Lower.High), f.B2.High.Z, f.B2.High.W, sums.S2);
        sums.S3 = TensorCore.MultiplyAdd(LastTwo(f.A3.Upper.High, f.A3.Lower.High), f.B3.High.Z, f.B3.High.W, sums.S3);
        return sums;
    }

    /// <summary>A's lower by B's upper halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour FirstLow(TensorFour sums, TensorFactors f)
    {
        sums.S0 = TensorCore.MultiplyAdd(FirstTwo(f.A0.Upper.Low, f.A0.Lower.Low), f.B0.High.X, f.B0.High.Y, sums.S0);
        sums.S1 = TensorCore.MultiplyAdd(FirstTwo(f.A1.Upper.Low, f.A1.Lower.Low), f.B1.High.X, f.B1.High.Y, sums.S1);
        sums.S2 = TensorCore.MultiplyAdd(FirstTwo(f.A2.Upper.Low, f.A2.Lower.Low), f.B2.High.X, f.B2.High.Y, sums.S2);
        sums.S3 = TensorCore.MultiplyAdd(FirstTwo(f.A3.Upper.Low, f.A3.Lower.Low), f.B3.High.X, f.B3.High.Y, sums.S3);
        return sums;
    }

    /// <summary>A's lower by B's upper halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour SecondLow(TensorFour sums, TensorFactors f)
    {
        sums.S0 = TensorCore.MultiplyAdd(LastTwo(f.A0.Upper.Low, f.A0.Lower.Low), f.B0.High.Z, f.B0.High.W, sums.S0);
        sums.S1 = TensorCore.MultiplyAdd(LastTwo(f.A1.Upper.Low, f.A1.Lower.Low), f.B1.High.Z, f.B1.High.W, sums.S1);
        sums.S2 = TensorCore.MultiplyAdd(LastTwo(f.A2.Upper.Low, f.A2.Lower.Low), f.B2.High.Z, f.B2.High.W, sums.S2);
        sums.S3 = TensorCore.MultiplyAdd(LastTwo(f.A3.Upper.Low, f.A3.Lower.Low), f.B3.High.Z, f.B3.High.W, sums.S3);
        return sums;
    }

    /// <summary>A's upper by B's lower halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour FirstByLow(TensorFour sums, TensorFactors f)
    {
        sums.S0 = TensorCore.MultiplyAdd(FirstTwo(f.A0.Upper.High, f.A0.Lower.High), f.B0.Low.X, f.B0.Low.Y, sums.S0);
        sums.S1 = TensorCore.MultiplyAdd(FirstTwo(f.A1.Upper.High, f.A1.Lower.High), f.B1.Low.X, f.B1.Low.Y, sums.S1);
        sums.S2 = TensorCore.MultiplyAdd(FirstTwo(f.A2.Upper.High, f.A2.Lower.High), f.B2.Low.X, f.B2.Low.Y, sums.S2);
        sums.S3 = TensorCore.MultiplyAdd(FirstTwo(f.A3.Upper.High, f.A3.Lower.High), f.B3.Low.X, f.B3.Low.Y, sums.S3);
        return sums;
    }

    /// <summary>A's upper by B's lower halves.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorFour SecondByLow(TensorFour sums, TensorFactors f)
    {
        sums.S0 = TensorCore.MultiplyAdd(LastTwo(f.A0.Upper.High, f.A0.Lower.High), f.B0.Low.Z, f.B0.Low.W, sums.S0);
        sums.S1 = TensorCore.MultiplyAdd(LastTwo(f.A1.Upper.High, f.A1.Lower.High), f.B1.Low.Z, f.B1.Low.W, sums.S1);
        sums.S2 = TensorCore.MultiplyAdd(LastTwo(f.A2.Upper.High, f.A2.Lower.High), f.B2.Low.Z, f.B2.Low.W, sums.S2);
        sums.S3 = TensorCore.MultiplyAdd(LastTwo(f.A3.Upper.High, f.A3.Lower.High), f.B3.Low.Z, f.B3.Low.W, sums.S3);
        return sums;
    }

    /// <summary>What an instruction takes of rows g and g + 8.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 FirstTwo(Float4 upper, Float4 lower)
    {
        Float4 fragment = Float4.Zero;
        (fragment.X, fragment.Y, fragment.Z, fragment.W) = (upper.X, lower.X, upper.Y, lower.Y);
        return fragment;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 LastTwo(Float4 upper, Float4 lower)
    {
        Float4 fragment = Float4.Zero;
        (fragment.X, fragment.Y, fragment.Z, fragment.W) = (upper.Z, lower.Z, upper.W, lower.W);
        return fragment;
    }
}
