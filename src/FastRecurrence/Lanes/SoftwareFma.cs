using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace FastRecurrence.Lanes;

/// <summary>
/// a·b + c with one rounding for processors, and processes, without the instruction: the bits are those of the instruction (a NaN stays a NaN).
/// The product of two floats is exact in double. Its sum with c is rounded to double, then to float: two roundings, which differ from one
/// only where the sum lies in the middle between two floats, or where a float has fewer bits than usual because it is subnormal. In these rare
/// cases the sum is rounded to odd first (towards zero, the last bit set if anything was lost): 53 bits are more than 24 + 2, so that
/// the rounding to float then sees on which side of the middle the exact sum lies.
/// The runtime's own replacement is a call for each float, eight times slower.
/// </summary>
internal static class SoftwareFma
{
    /// <summary>The bits of a double that a float lacks, and their value in the middle between two floats.</summary>
    private const int LostBits = 0x1fffffff, Middle = 0x10000000;

    /// <summary>The bits of the smallest float that is not subnormal.</summary>
    private const int SmallestNormal = 0x00800000;

    /// <summary>
    /// Whether the instruction is there; a constant to the compiler. The lanes ask the two properties themselves, so that nothing is left of this
    /// class where it is.
    /// </summary>
    public static bool HasInstruction => Fma.IsSupported || AdvSimd.IsSupported;

    public static float MultiplyAdd(float a, float b, float c)
    {
        double product = (double)a * b, sum = product + c;
        float result = (float)sum;
        int magnitude = BitConverter.SingleToInt32Bits(result) & int.MaxValue;
        if (((int)BitConverter.DoubleToInt64Bits(sum) & LostBits) == Middle || magnitude is > 0 and <= SmallestNormal)
            result = (float)RoundToOdd(Vector128.CreateScalar(product), Vector128.CreateScalar((double)c), Vector128.CreateScalar(sum)).ToScalar();
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyAdd(Vector128<float> a, Vector128<float> b, Vector128<float> c)
    {
        Vector128<double> product0 = Vector128.WidenLower(a) * Vector128.WidenLower(b), product1 = Vector128.WidenUpper(a) * Vector128.WidenUpper(b);
        Vector128<double> c0 = Vector128.WidenLower(c), c1 = Vector128.WidenUpper(c);
        Vector128<double> sum0 = product0 + c0, sum1 = product1 + c1;
        Vector128<float> result = Vector128.Narrow(sum0, sum1);
        Vector128<int> lost = Vector128.Narrow(sum0.AsInt64(), sum1.AsInt64()) & Vector128.Create(LostBits);
        Vector128<int> magnitude = result.AsInt32() & Vector128.Create(int.MaxValue);
        Vector128<int> subnormal = Vector128.LessThan(magnitude, Vector128.Create(SmallestNormal + 1)) & Vector128.GreaterThan(magnitude, Vector128<int>.Zero);
        if ((Vector128.Equals(lost, Vector128.Create(Middle)) | subnormal) != Vector128<int>.Zero)
            result = Vector128.Narrow(RoundToOdd(product0, c0, sum0), RoundToOdd(product1, c1, sum1));
        return result;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAdd(Vector256<float> a, Vector256<float> b, Vector256<float> c) =>
        Vector256.Create(MultiplyAdd(a.GetLower(), b.GetLower(), c.GetLower()), MultiplyAdd(a.GetUpper(), b.GetUpper(), c.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> MultiplyAdd(Vector512<float> a, Vector512<float> b, Vector512<float> c) =>
        Vector512.Create(MultiplyAdd(a.GetLower(), b.GetLower(), c.GetLower()), MultiplyAdd(a.GetUpper(), b.GetUpper(), c.GetUpper()));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> MultiplyAdd(Vector<float> a, Vector<float> b, Vector<float> c)
    {
        if (Vector<float>.Count == Vector128<float>.Count)
            return MultiplyAdd(a.AsVector128(), b.AsVector128(), c.AsVector128()).AsVector();
        return Vector<float>.Count == Vector256<float>.Count
            ? MultiplyAdd(a.AsVector256(), b.AsVector256(), c.AsVector256()).AsVector()
            : MultiplyAdd(a.AsVector512(), b.AsVector512(), c.AsVector512()).AsVector();
    }

    /// <summary>The exact product + c, rounded towards zero with the last bit set if anything was lost. Infinities and NaN stay.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<double> RoundToOdd(Vector128<double> product, Vector128<double> c, Vector128<double> sum)
    {
        // What the addition lost, exactly (Knuth's two-sum); NaN where the sum is infinite, and then no comparison holds.
        Vector128<double> added = sum - product;
        Vector128<double> lost = (product - (sum - added)) + (c - added);
        // Its sign relative to the sum's: less than 0 where the sum was rounded away from zero. Comparisons give −1 or 0.
        Vector128<double> outwards = lost ^ (sum & Vector128.Create(-0d));
        Vector128<long> away = Vector128.LessThan(outwards, Vector128<double>.Zero).AsInt64();
        Vector128<long> inexact = away | Vector128.GreaterThan(outwards, Vector128<double>.Zero).AsInt64();
        return ((sum.AsInt64() + away) | (inexact >>> 63)).AsDouble();
    }
}
