using FastRecurrence.Cells;
using FastRecurrence.Lanes;

namespace FastRecurrence.Tests.Gpu;

/// <summary>
/// The division of CUDA devices, rehearsed: the approximate reciprocal is the rounded one, moved by as much as PTX allows, a unit in the last place.
/// </summary>
public sealed class DeviceMathTests
{
    [Fact]
    public void Activations_are_as_near_with_an_approximate_reciprocal_and_one_correction_as_with_a_rounded_division()
    {
        Worst rounded = Scan<Rounded>();
        Assert.Multiple(
            () => AssertAsNear(rounded, Scan<Corrected<Below>>()),
            () => AssertAsNear(rounded, Scan<Corrected<Same>>()),
            () => AssertAsNear(rounded, Scan<Corrected<Above>>()));
    }

    private static void AssertAsNear(Worst rounded, Worst corrected)
    {
        Assert.InRange(corrected.Sigmoid, 0.5, rounded.Sigmoid + 0.02);
        Assert.InRange(corrected.Tanh, 0.5, rounded.Tanh + 0.02);
        Assert.InRange(corrected.Product, 0.5, rounded.Product + 0.02);
    }

    /// <summary>The largest errors in units of the last place, over floats of both signs from 2⁻⁶³ to 88.</summary>
    private static Worst Scan<TDivision>()
        where TDivision : struct, IDivision
    {
        var worst = new Worst();
        for (uint bits = 0x20000000; bits < 0x42b00000; bits += 211 * 16)
        {
            foreach (uint sign in (ReadOnlySpan<uint>)[0, 0x80000000])
            {
                float x = BitConverter.UInt32BitsToSingle(bits | sign), y = BitConverter.UInt32BitsToSingle(((bits * 2654435761u) % 0x22b00000 + 0x20000000) | sign);
                double sigmoid = 1 / (1 + Math.Exp(-(double)x)), tanh = Math.Tanh(x), product = sigmoid * Math.Tanh(y);
                if (sigmoid >= 1e-30) // further down the numerator is denormal
                    worst.Sigmoid = Math.Max(worst.Sigmoid, Error(Activations<float, Lanes<TDivision>>.Sigmoid(x), sigmoid));
                worst.Tanh = Math.Max(worst.Tanh, Error(Activations<float, Lanes<TDivision>>.Tanh(x), tanh));
                if (Math.Abs(product) > 1e-30)
                    worst.Product = Math.Max(worst.Product, Error(Activations<float, Lanes<TDivision>>.SigmoidTimesTanh(x, y), product));
            }
        }

        return worst;
    }

    private static double Error(float actual, double exact) =>
        Math.Abs(actual - exact) / Math.ScaleB(1, Math.Max(Math.ILogB(Math.Abs(exact)), -126) - 23);

    private sealed class Worst
    {
        public double Sigmoid, Tanh, Product;
    }

    private interface IDivision
    {
        static abstract float Divide(float a, float b);
    }

    private readonly struct Rounded : IDivision
    {
        public static float Divide(float a, float b) => a / b;
    }

    /// <summary>What <c>DeviceMath.Divide</c> emits.</summary>
    private readonly struct Corrected<TShift> : IDivision
        where TShift : struct, IShift
    {
        public static float Divide(float a, float b)
        {
            float r = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(1f / b) + TShift.Units), q = a * r;
            return MathF.FusedMultiplyAdd(MathF.FusedMultiplyAdd(-b, q, a), r, q);
        }
    }

    private interface IShift
    {
        static abstract int Units { get; }
    }

    private readonly struct Below : IShift
    {
        public static int Units => -1;
    }

    private readonly struct Same : IShift
    {
        public static int Units => 0;
    }

    private readonly struct Above : IShift
    {
        public static int Units => 1;
    }

    private readonly struct Lanes<TDivision> : ILanes<float>
        where TDivision : struct, IDivision
    {
        public static int Count => 1;

        public static float Broadcast(float x) => x;

        public static float Add(float a, float b) => a + b;

        public static float Subtract(float a, float b) => a - b;

        public static float Multiply(float a, float b) => a * b;

        public static float Divide(float a, float b) => TDivision.Divide(a, b);

        public static float MultiplyAdd(float a, float b, float c) => MathF.FusedMultiplyAdd(a, b, c);

        public static float Abs(float x) => MathF.Abs(x);

        public static float CopySign(float magnitude, float sign) => MathF.CopySign(magnitude, sign);

        public static float AtMost(float x, float limit) => x > limit ? limit : x;

        public static float AtLeast(float x, float limit) => x < limit ? limit : x;

        public static float WhereNegative(float x, float negative, float other) => x < 0f ? negative : other;

        public static float PowerOfTwo(float shifted) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(shifted) << 23);
    }
}
