using System.Runtime.CompilerServices;

namespace FastRecurrence;

/// <summary>
/// Zeros out values at random and scales the others, so that their mean stays. The random numbers are a function of a seed and of a place (layer, step, row,
/// unit), Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3"): a backward pass makes the same mask again instead of keeping
/// it, and no order of the work changes a bit.
/// </summary>
internal readonly struct Dropout(double rate, ulong seed, int layer)
{
    private readonly uint _threshold = (uint)Math.Min(uint.MaxValue, rate * 4294967296.0);
    private readonly float _scale = (float)(1 / (1 - rate));

    /// <summary>Masks rows of a sequence; both memories may be the same.</summary>
    /// <param name="from">Rows of <paramref name="width"/>, in the layout of the sequence.</param>
    /// <param name="to">Likewise.</param>
    /// <param name="width">Values of a row.</param>
    /// <param name="steps">T.</param>
    /// <param name="rows">N.</param>
    /// <param name="batchMajor">Whether a row's steps lie side by side.</param>
    public void Apply(ReadOnlySpan<float> from, Span<float> to, int width, int steps, int rows, bool batchMajor)
    {
        for (int row = 0; row < steps * rows; row++)
        {
            (int t, int n) = batchMajor ? (row % steps, row / steps) : (row / rows, row % rows);
            ReadOnlySpan<float> values = from.Slice(row * width, width);
            Span<float> masked = to.Slice(row * width, width);
            for (int unit = 0; unit < width; unit += 4)
            {
                UInt128 random = Philox((uint)unit / 4, (uint)n, (uint)t, (uint)layer, seed);
                for (int i = unit; i < Math.Min(unit + 4, width); i++, random >>= 32)
                    masked[i] = (uint)random < _threshold ? 0f : values[i] * _scale;
            }
        }
    }

    /// <summary>128 random bits for a counter of 128 bits and a key of 64.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static UInt128 Philox(uint c0, uint c1, uint c2, uint c3, ulong key)
    {
        uint k0 = (uint)key, k1 = (uint)(key >> 32);
        for (int round = 0; round < 10; round++)
        {
            ulong a = 0xD2511F53UL * c0, b = 0xCD9E8D57UL * c2;
            (c0, c1, c2, c3) = ((uint)(b >> 32) ^ c1 ^ k0, (uint)b, (uint)(a >> 32) ^ c3 ^ k1, (uint)a);
            k0 += 0x9E3779B9;
            k1 += 0xBB67AE85;
        }

        return new UInt128(((ulong)c3 << 32) | c2, ((ulong)c1 << 32) | c0);
    }
}
