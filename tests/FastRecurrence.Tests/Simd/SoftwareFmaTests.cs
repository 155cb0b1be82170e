using System.Globalization;
using System.Numerics;
using System.Runtime.Intrinsics;
using FastRecurrence.Lanes;

namespace FastRecurrence.Tests.Simd;

/// <summary>
/// Multiply-add without the instruction against the runtime's, bit for bit. FASTRECURRENCE_FMA_TRIPLES sets how many random triples are tried.
/// </summary>
public sealed class SoftwareFmaTests
{
    private const string Variable = "FASTRECURRENCE_FMA_TRIPLES";

    private static readonly uint[] s_edges =
    [
        0, 1, 2, 3, 0x007ffffe, 0x007fffff, 0x00800000, 0x00800001, 0x00ffffff, 0x1a000000, 0x33800000, 0x33ffffff, 0x34000000, 0x34000001,
        0x3f000000, 0x3f7fffff, 0x3f800000, 0x3f800001, 0x3f800003, 0x4b7fffff, 0x4b800000, 0x5f7fffff, 0x7f000000, 0x7f7ffffe, 0x7f7fffff, 0x7f800000, 0x7fc00000,
    ];

    [Fact]
    public void Every_triple_of_edges_is_right_at_every_width()
    {
        var triples = new Triples();
        float[] edges = [.. s_edges.SelectMany(e => new[] { e, e | 0x80000000 }).Select(BitConverter.UInt32BitsToSingle)];
        foreach (float a in edges)
        {
            foreach (float b in edges)
            {
                foreach (float c in edges)
                    triples.Add(a, b, c);
            }
        }

        triples.Check();
        Assert.True(triples.Count >= edges.Length * edges.Length * edges.Length);
    }

    [Fact]
    public void Random_and_adversarial_triples_are_right_at_every_width()
    {
        long count = long.Parse(Environment.GetEnvironmentVariable(Variable) ?? "2000000", CultureInfo.InvariantCulture);
        var random = new Random(14);
        var triples = new Triples();
        while (triples.Count < count)
        {
            int kind = random.Next(6);
            float a = Draw(random, kind), b = Draw(random, kind), c = Draw(random, kind);
            float product = a * b;
            if (float.IsFinite(product) && product != 0)
            {
                c = random.Next(6) switch
                {
                    0 => -product,
                    1 => MathF.BitIncrement(-product),
                    // The product near the last bits of c: where the sum lies close to the middle of two floats.
                    2 or 3 => (float)Math.ScaleB((1 + random.Next(8) * Math.ScaleB(1, -23)) * (random.Next(2) * 2 - 1), Math.ILogB(product) + random.Next(-5, 55)),
                    _ => c,
                };
            }

            triples.Add(a, b, c);
        }

        triples.Check();
    }

    /// <summary>
    /// (1 + 2⁻²³) + 2⁻²⁴·(1 − 2⁻⁴⁶) lies just below the middle of two floats; rounded to double it is the middle, which then goes up to the even one.
    /// </summary>
    [Fact]
    public void A_sum_just_beside_the_middle_of_two_floats_goes_to_the_nearer()
    {
        float ulp = MathF.ScaleB(1, -23), half = MathF.ScaleB(1, -12);
        float a = half * (1 + ulp), b = half * (1 - ulp), c = 1 + ulp;
        Assert.Equal(1 + 2 * ulp, (float)((double)a * b + c));
        Assert.Equal(c, SoftwareFma.MultiplyAdd(a, b, c));
        Assert.Equal(c, SoftwareFma.MultiplyAdd(Vector128.Create(a), Vector128.Create(b), Vector128.Create(c))[3]);
    }

    private static float Draw(Random random, int kind)
    {
        uint bits = (uint)random.NextInt64(1L << 32);
        return BitConverter.UInt32BitsToSingle(kind switch
        {
            0 => bits, // anything
            1 => bits & 0x807fffff | (uint)random.Next(120, 136) << 23, // near 1
            2 => bits & 0xff800000 | 1u << random.Next(23) | 1u << random.Next(23), // few bits set
            3 => bits & 0x807fffff | (uint)random.Next(45, 80) << 23, // a product of two is near the subnormals
            4 => bits & 0x807fffff | (uint)random.Next(2) << 23, // subnormal, or nearly
            _ => bits & 0x80000000 | s_edges[random.Next(s_edges.Length)],
        });
    }

    /// <summary>Sixteen triples at a time, so that every width has them in every lane.</summary>
    private sealed class Triples
    {
        private const int Lanes = 16;

        private readonly float[] _a = new float[Lanes], _b = new float[Lanes], _c = new float[Lanes], _narrow = new float[Lanes], _wide = new float[Lanes];
        private int _filled;

        public long Count { get; private set; }

        public void Add(float a, float b, float c)
        {
            (_a[_filled], _b[_filled], _c[_filled]) = (a, b, c);
            Count++;
            if (++_filled == Lanes)
                Check();
        }

        public void Check()
        {
            for (int i = 0; i < Lanes; i += Vector128<float>.Count)
                SoftwareFma.MultiplyAdd(Vector128.Create(_a, i), Vector128.Create(_b, i), Vector128.Create(_c, i)).CopyTo(_narrow, i);
            Compare(_narrow, "128 bits");
            for (int i = 0; i < Lanes; i += Vector256<float>.Count)
                SoftwareFma.MultiplyAdd(Vector256.Create(_a, i), Vector256.Create(_b, i), Vector256.Create(_c, i)).CopyTo(_wide, i);
            Compare(_wide, "256 bits");
            SoftwareFma.MultiplyAdd(Vector512.Create(_a), Vector512.Create(_b), Vector512.Create(_c)).CopyTo(_wide);
            Compare(_wide, "512 bits");
            for (int i = 0; i < Lanes; i += Vector<float>.Count)
                SoftwareFma.MultiplyAdd(new Vector<float>(_a, i), new Vector<float>(_b, i), new Vector<float>(_c, i)).CopyTo(_wide, i);
            Compare(_wide, "Vector<float>");
            for (int i = 0; i < Lanes; i++)
                _wide[i] = SoftwareFma.MultiplyAdd(_a[i], _b[i], _c[i]);
            Compare(_wide, "one");
            _filled = 0;
        }

        private void Compare(float[] actual, string width)
        {
            for (int i = 0; i < _filled; i++)
            {
                float expected = MathF.FusedMultiplyAdd(_a[i], _b[i], _c[i]);
                if (BitConverter.SingleToInt32Bits(expected) != BitConverter.SingleToInt32Bits(actual[i]) && !(float.IsNaN(expected) && float.IsNaN(actual[i])))
                    Assert.Fail(string.Create(CultureInfo.InvariantCulture, $"{width}: {_a[i]:R} * {_b[i]:R} + {_c[i]:R} is {expected:R}, not {actual[i]:R}"));
            }
        }
    }
}
