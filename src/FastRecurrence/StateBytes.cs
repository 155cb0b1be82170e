using System.Buffers.Binary;
using System.Globalization;

namespace FastRecurrence;

/// <summary>
/// A stack's state as bytes, all little-endian:
/// <c>"FRST" | version u32 | fingerprint of the stack u64 | N u32 | number of states u32 | h, c of each as float32 | FNV-1a of all before u64</c>.
/// </summary>
internal static class StateBytes
{
    private const uint Version = 1;
    private const int HeaderBytes = 24, ChecksumBytes = 8;
    private const string Where = "saved state";

    private static ReadOnlySpan<byte> Magic => "FRST"u8;

    /// <summary>Bytes of a state of a stack.</summary>
    public static int SizeOf(RecurrentStack stack, int batchSize)
    {
        long values = 0;
        for (int i = 0; i < stack.StateCount; i++)
        {
            LayerShape shape = stack.StateShape(i);
            values += (long)batchSize * (shape.OutputSize + (shape.HasCellState ? shape.HiddenSize : 0));
        }

        return checked((int)(HeaderBytes + 4 * values + ChecksumBytes));
    }

    public static void Write<P>(RecurrentStack stack, int batchSize, P parts, Span<byte> destination, ref float[] scratch)
        where P : struct, IStateParts
    {
        int size = SizeOf(stack, batchSize);
        if (destination.Length < size)
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"destination has {destination.Length} bytes, but this state needs {size}."), nameof(destination));
        Magic.CopyTo(destination);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Version);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], stack.WeightsFingerprint);
        BinaryPrimitives.WriteInt32LittleEndian(destination[16..], batchSize);
        BinaryPrimitives.WriteInt32LittleEndian(destination[20..], stack.StateCount);
        int at = HeaderBytes;
        for (int layer = 0; layer < stack.StateCount; layer++)
        {
            foreach (bool cell in Parts(stack.StateShape(layer)))
            {
                Span<float> values = Values(stack.StateShape(layer), batchSize, cell, ref scratch);
                parts.Copy(layer, cell, values);
                for (int i = 0; i < values.Length; i++, at += 4)
                    BinaryPrimitives.WriteSingleLittleEndian(destination[at..], values[i]);
            }
        }

        BinaryPrimitives.WriteUInt64LittleEndian(destination[at..], Checksum(destination[..at]));
    }

    public static void Read<P>(RecurrentStack stack, int batchSize, P parts, ReadOnlySpan<byte> source, ref float[] scratch)
        where P : struct, IStateParts
    {
        Check(stack, batchSize, source);
        int at = HeaderBytes;
        for (int layer = 0; layer < stack.StateCount; layer++)
        {
            foreach (bool cell in Parts(stack.StateShape(layer)))
            {
                Span<float> values = Values(stack.StateShape(layer), batchSize, cell, ref scratch);
                for (int i = 0; i < values.Length; i++, at += 4)
                    values[i] = BinaryPrimitives.ReadSingleLittleEndian(source[at..]);
                parts.Set(layer, cell, values);
            }
        }
    }

    private static void Check(RecurrentStack stack, int batchSize, ReadOnlySpan<byte> source)
    {
        static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);

        if (source.Length < HeaderBytes + ChecksumBytes || !source.StartsWith(Magic))
            throw new ModelFormatException(Where, Text($"{source.Length} bytes that do not begin with FRST; this is not a saved stack state."));
        uint version = BinaryPrimitives.ReadUInt32LittleEndian(source[4..]);
        if (version != Version)
            throw new ModelFormatException(Where, Text($"version {version}, but this library reads version {Version}."));
        if (BinaryPrimitives.ReadUInt64LittleEndian(source[^ChecksumBytes..]) != Checksum(source[..^ChecksumBytes]))
            throw new ModelFormatException(Where, Text($"the checksum does not fit: the {source.Length} bytes are cut or damaged."));
        int batch = BinaryPrimitives.ReadInt32LittleEndian(source[16..]), count = BinaryPrimitives.ReadInt32LittleEndian(source[20..]);
        if (batch != batchSize)
            throw new ArgumentException(Text($"the saved state has {batch} rows, this one {batchSize}; states are never broadcast."), nameof(source));
        if (count != stack.StateCount || BinaryPrimitives.ReadUInt64LittleEndian(source[8..]) != stack.WeightsFingerprint)
            throw new ArgumentException("the saved state belongs to a stack of other shapes or weights.", nameof(source));
        int size = SizeOf(stack, batchSize);
        if (source.Length != size)
            throw new ModelFormatException(Where, Text($"{source.Length} bytes, but this state needs {size}."));
    }

    private static ReadOnlySpan<bool> Parts(LayerShape shape) => shape.HasCellState ? [false, true] : [false];

    private static Span<float> Values(LayerShape shape, int batchSize, bool cell, ref float[] scratch)
    {
        int length = batchSize * (cell ? shape.HiddenSize : shape.OutputSize);
        if (scratch.Length < length)
            scratch = new float[length];
        return scratch.AsSpan(0, length);
    }

    private static ulong Checksum(ReadOnlySpan<byte> bytes)
    {
        var hash = Fingerprint.Start();
        hash.Add(bytes);
        return hash.Value;
    }
}

/// <summary>h and c of every layer and direction of a state, wherever they lie.</summary>
internal interface IStateParts
{
    /// <summary>Reads h or c, <c>[N, H]</c>.</summary>
    void Copy(int index, bool cell, Span<float> destination);

    /// <summary>Sets h or c.</summary>
    void Set(int index, bool cell, ReadOnlySpan<float> source);
}
