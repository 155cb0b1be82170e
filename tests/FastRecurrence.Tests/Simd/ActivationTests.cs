using System.Numerics;
using System.Runtime.Intrinsics;
using FastRecurrence.Cells;
using FastRecurrence.Lanes;

namespace FastRecurrence.Tests.Simd;

/// <summary>The activations against double, over 4.3 million bit-spaced floats, at every width.</summary>
public sealed unsafe class ActivationTests
{
    private const double SmallestNormal = 1.17549435082228750797e-38;

    public static TheoryData<string> Widths => [.. Evaluators.Select(e => e.Name)];

    private static readonly Evaluator[] Evaluators =
    [
        Evaluator.Of<float, ScalarLanes>("scalar"),
        Evaluator.Of<Vector128<float>, Vector128Lanes>("128"),
        Evaluator.Of<Vector256<float>, Vector256Lanes>("256"),
        Evaluator.Of<Vector512<float>, Vector512Lanes>("512"),
        Evaluator.Of<Vector<float>, VectorLanes>("vector"),
    ];

    [Theory]
    [MemberData(nameof(Widths))]
    public void Sigmoid_is_within_2_ulp_and_tanh_within_3(string width)
    {
        (double sigmoid, double tanh) = (0, 0);
        (float atSigmoid, float atTanh) = (0, 0);
        Evaluator evaluate = Named(width);
        foreach (float[] x in BitSpaced(997))
        {
            float[] s = evaluate.Sigmoid(x), t = evaluate.Tanh(x);
            for (int i = 0; i < x.Length; i++)
            {
                Assert.True(s[i] is >= 0 and <= 1 && t[i] is >= -1 and <= 1, $"out of range at {x[i]:R}: sigmoid {s[i]:R}, tanh {t[i]:R}");
                Compare(x[i], s[i], 1 / (1 + Math.Exp(-(double)x[i])), ref sigmoid, ref atSigmoid);
                Compare(x[i], t[i], Math.Tanh(x[i]), ref tanh, ref atTanh);
            }
        }

        Assert.True(sigmoid <= 2, $"sigmoid is {sigmoid:F3} ulp off at {atSigmoid:R}");
        Assert.True(tanh <= 3, $"tanh is {tanh:F3} ulp off at {atTanh:R}");
        Assert.True(sigmoid > 0.4 && tanh > 0.4, "a perfect score would mean that nothing was measured");
    }

    [Fact]
    public void Every_width_gives_the_bits_of_scalar()
    {
        foreach (float[] x in BitSpaced(65537))
        {
            float[] s = Evaluators[0].Sigmoid(x), t = Evaluators[0].Tanh(x), r = Evaluators[0].Relu(x);
            foreach (Evaluator e in Evaluators[1..])
            {
                Contract.BackendContract.AssertSameBits(e.Name, "sigmoid", s, e.Sigmoid(x));
                Contract.BackendContract.AssertSameBits(e.Name, "tanh", t, e.Tanh(x));
                Contract.BackendContract.AssertSameBits(e.Name, "relu", r, e.Relu(x));
            }
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Tanh_is_odd_to_the_bit(string width)
    {
        foreach (float[] x in BitSpaced(9973))
        {
            float[] plus = Named(width).Tanh(x), minus = Named(width).Tanh(Array.ConvertAll(x, v => -v));
            for (int i = 0; i < x.Length; i++)
                Assert.Equal(BitConverter.SingleToUInt32Bits(plus[i]) ^ 0x80000000, BitConverter.SingleToUInt32Bits(minus[i]));
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Limits_zeros_denormals_and_NaN(string width)
    {
        Evaluator e = Named(width);
        float[] x = [float.NegativeInfinity, -float.MaxValue, -0f, 0f, float.Epsilon, 1e-40f, float.MaxValue, float.PositiveInfinity];
        Assert.Equal([0f, 0f, 0.5f, 0.5f, 0.5f, 0.5f, 1f, 1f], e.Sigmoid(x));
        float[] tanh = e.Tanh(x);
        Assert.Equal([-1f, -1f, -0f, 0f, float.Epsilon, 1e-40f, 1f, 1f], tanh);
        Assert.True(float.IsNegative(tanh[2]) && !float.IsNegative(tanh[3]));
        Assert.Equal([0f, 0f, 0f, 0f, float.Epsilon, 1e-40f, float.MaxValue, float.PositiveInfinity], e.Relu(x));
        float[] nan = [float.NaN, -float.NaN, BitConverter.UInt32BitsToSingle(0x7F800001)];
        Assert.All([.. e.Sigmoid(nan), .. e.Tanh(nan), .. e.Relu(nan)], v => Assert.True(float.IsNaN(v)));
    }

    [Fact]
    public void Both_are_monotone_within_an_ulp()
    {
        float[] x = [.. Enumerable.Range(-200_000, 400_001).Select(i => i * 1e-4f)];
        float[] s = Evaluators[0].Sigmoid(x), t = Evaluators[0].Tanh(x);
        for (int i = 1; i < x.Length; i++)
        {
            Assert.True(s[i] >= MathF.BitDecrement(s[i - 1]), $"sigmoid falls at {x[i]:R}");
            Assert.True(t[i] >= MathF.BitDecrement(t[i - 1]), $"tanh falls at {x[i]:R}");
        }
    }

    private static Evaluator Named(string width) => Evaluators.Single(e => e.Name == width);

    /// <summary>Every <paramref name="spacing"/>th float of both signs, in blocks.</summary>
    private static IEnumerable<float[]> BitSpaced(uint spacing)
    {
        var block = new float[4096];
        int count = 0;
        for (ulong bits = 0; bits <= 0x7F800000; bits += spacing)
        {
            block[count++] = BitConverter.UInt32BitsToSingle((uint)bits);
            block[count++] = BitConverter.UInt32BitsToSingle((uint)bits | 0x80000000);
            if (count == block.Length)
            {
                yield return block;
                count = 0;
            }
        }

        yield return block[..count];
    }

    /// <summary>Error in units in the last place of the exact value; only where that is a normal number.</summary>
    private static void Compare(float x, float actual, double exact, ref double worst, ref float at)
    {
        if (Math.Abs(exact) < SmallestNormal)
            return;
        double error = Math.Abs(actual - exact) / Math.ScaleB(1, Math.ILogB(exact) - 23);
        if (error <= worst)
            return;
        (worst, at) = (error, x);
    }

    private sealed record Evaluator(string Name, Func<float[], float[]> Sigmoid, Func<float[], float[]> Tanh, Func<float[], float[]> Relu)
    {
        public static Evaluator Of<V, L>(string name)
            where V : struct
            where L : IMemoryLanes<V> => new(name,
            x => Map<V, L>(x, 0), x => Map<V, L>(x, 1), x => Map<V, L>(x, 2));

        private static float[] Map<V, L>(float[] x, int function)
            where V : struct
            where L : IMemoryLanes<V>
        {
            int padded = (x.Length + L.Count - 1) / L.Count * L.Count;
            float[] source = new float[padded], result = new float[padded];
            x.CopyTo(source, 0);
            fixed (float* from = source, to = result)
            {
                for (int i = 0; i < padded; i += L.Count)
                {
                    V v = L.Load(from + i);
                    L.Store(function == 0 ? Activations<V, L>.Sigmoid(v) : function == 1 ? Activations<V, L>.Tanh(v) : Activations<V, L>.Relu(v), to + i);
                }
            }

            return result[..x.Length];
        }
    }
}
