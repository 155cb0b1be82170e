using System.Runtime.InteropServices;

namespace FastRecurrence.Layout;

/// <summary>
/// A weight matrix in a narrow format, row by row: some neighbouring k share a 32-bit lane. What a weight decodes to depends
/// on its row alone, never on panels or vector widths.
/// </summary>
internal sealed class NarrowMatrix
{
    private readonly int[] _lanes;

    private NarrowMatrix(int rows, int depth, int perLane)
    {
        Groups = (depth + perLane - 1) / perLane;
        _lanes = new int[rows * Groups];
        Decoded = new float[rows * depth];
        Scales = new float[rows];
    }

    /// <summary>Lanes of a row.</summary>
    public int Groups { get; }

    /// <summary>The lanes' bits, <c>[rows, groups]</c>.</summary>
    public ReadOnlySpan<float> Lanes => MemoryMarshal.Cast<int, float>(_lanes);

    /// <summary>What the kernels see, <c>[rows, K]</c>: weights, or integers that the row's scale multiplies.</summary>
    public float[] Decoded { get; }

    /// <summary>Scales of the rows; unused by formats without.</summary>
    public float[] Scales { get; }

    /// <summary>Encodes a row-major matrix.</summary>
    public static NarrowMatrix Encode(WeightFormat format, ReadOnlySpan<float> matrix, int rows, int depth)
    {
        var stored = new NarrowMatrix(rows, depth, format == WeightFormat.Bfloat16 ? 2 : 4);
        for (int row = 0; row < rows; row++)
        {
            ReadOnlySpan<float> source = matrix.Slice(row * depth, depth);
            Span<int> lanes = stored._lanes.AsSpan(row * stored.Groups, stored.Groups);
            Span<float> decoded = stored.Decoded.AsSpan(row * depth, depth);
            if (format == WeightFormat.Bfloat16)
                EncodeBfloat16(source, lanes, decoded);
            else
                stored.Scales[row] = EncodeInt8(source, lanes, decoded);
        }

        return stored;
    }

    /// <summary>
    /// Even k in the low half, rounded to nearest; odd k in the high half, the one of its neighbours that is nearest with the
    /// low half behind it. A missing odd k is −0, which leaves every sum as it is.
    /// </summary>
    private static void EncodeBfloat16(ReadOnlySpan<float> source, Span<int> lanes, Span<float> decoded)
    {
        for (int k = 0; k < source.Length; k += 2)
        {
            uint low = Bfloat16(source[k]);
            decoded[k] = BitConverter.UInt32BitsToSingle(low << 16);
            uint high = 0x8000;
            if (k + 1 < source.Length)
            {
                high = Nearest(source[k + 1], low);
                decoded[k + 1] = BitConverter.UInt32BitsToSingle(high << 16 | low);
            }

            lanes[k / 2] = (int)(high << 16 | low);
        }
    }

    private static uint Bfloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        if (float.IsNaN(value))
            return bits >> 16 | 0x40;
        uint rounded = (bits + 0x7FFF + (bits >> 16 & 1)) >> 16;
        return (rounded & 0x7FFF) == 0x7F80 && float.IsFinite(value) ? rounded - 1 : rounded; // the largest finite number rather than an infinity
    }

    private static uint Nearest(float value, uint low)
    {
        uint best = Bfloat16(value);
        if (!float.IsFinite(value))
            return best;
        double Error(uint high) => Math.Abs(BitConverter.UInt32BitsToSingle(high << 16 | low) - (double)value);
        foreach (uint other in (ReadOnlySpan<uint>)[best - 1, best + 1])
        {
            if (Error(other) < Error(best))
                best = other;
        }

        return best;
    }

    /// <summary>
    /// Integers of −127..127 with one scale for the row. A byte above others sees them as a fraction of its last place: the
    /// integer is chosen with that in mind.
    /// </summary>
    private static float EncodeInt8(ReadOnlySpan<float> source, Span<int> lanes, Span<float> decoded)
    {
        float largest = 0;
        foreach (float weight in source)
            largest = Math.Max(largest, Math.Abs(weight));
        double step = largest / 127.0;
        for (int k = 0; k < source.Length; k++)
        {
            int place = k % 4, lane = lanes[k / 4];
            double fraction = place == 0 ? 0 : (uint)lane / Math.Pow(2, 8 * place);
            int q = step == 0 ? 0 : (int)Math.Clamp(Math.Round(source[k] / step - fraction), -128, 127);
            lane |= (q & 0xFF) << (8 * place);
            lanes[k / 4] = lane;
            decoded[k] = lane << (24 - 8 * place);
        }

        return (float)(step / (1 << 24));
    }
}
