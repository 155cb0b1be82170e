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

    public static int SizeOf(StackState state)
    {
        long values = 0;
        for (int i = 0; i < state.Stack.StateCount; i++)
        {
            LayerShape shape = state.Stack.StateShape(i);
            values += (long)state.BatchSize * (shape.OutputSize + (shape.HasCellState ? shape.HiddenSize : 0));
        }

        return checked((int)(HeaderBytes + 4 * values + ChecksumBytes));
    }

    public static void Write(StackState state, LayerState[] states, Span<byte> destination, ref float[] scratch)
    {
        int size = SizeOf(state);
        if (destination.Length < size)
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"destination has {destination.Length} bytes, but this state needs {size}."), nameof(destination));
        Magic.CopyTo(destination);
        BinaryPrimitives.WriteUInt32LittleEndian(destination[4..], Version);
        BinaryPrimitives.WriteUInt64LittleEndian(destination[8..], state.Stack.WeightsFingerprint);
        BinaryPrimitives.WriteInt32LittleEndian(destination[16..], state.BatchSize);
        BinaryPrimitives.WriteInt32LittleEndian(destination[20..], states.Length);
        int at = HeaderBytes;
        foreach (LayerState layer in states)
        {
            foreach (bool cell in Parts(layer))
            {
                Span<float> values = Values(layer, cell, ref scratch);
                layer.CopyRaw(cell, values);
                for (int i = 0; i < values.Length; i++, at += 4)
                    BinaryPrimitives.WriteSingleLittleEndian(destination[at..], values[i]);
            }
        }

        BinaryPrimitives.WriteUInt64LittleEndian(destination[at..], Checksum(destination[..at]));
    }

    public static void Read(StackState state, LayerState[] states, ReadOnlySpan<byte> source, ref float[] scratch)
    {
        Check(state, states, source);
        int at = HeaderBytes;
        foreach (LayerState layer in states)
        {
            foreach (bool cell in Parts(layer))
            {
                Span<float> values = Values(layer, cell, ref scratch);
                for (int i = 0; i < values.Length; i++, at += 4)
                    values[i] = BinaryPrimitives.ReadSingleLittleEndian(source[at..]);
                layer.SetRaw(cell, values);
            }
        }
    }

    private static void Check(StackState state, LayerState[] states, ReadOnlySpan<byte> source)
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
        if (batch != state.BatchSize)
            throw new ArgumentException(Text($"the saved state has {batch} rows, this one {state.BatchSize}; states are never broadcast."), nameof(source));
        if (count != states.Length || BinaryPrimitives.ReadUInt64LittleEndian(source[8..]) != state.Stack.WeightsFingerprint)
            throw new ArgumentException("the saved state belongs to a stack of other shapes or weights.", nameof(source));
        int size = SizeOf(state);
        if (source.Length != size)
            throw new ModelFormatException(Where, Text($"{source.Length} bytes, but this state needs {size}."));
    }

    private static ReadOnlySpan<bool> Parts(LayerState layer) => layer.Layer.Shape.HasCellState ? [false, true] : [false];

    private static Span<float> Values(LayerState layer, bool cell, ref float[] scratch)
    {
        LayerShape shape = layer.Layer.Shape;
        int length = layer.BatchSize * (cell ? shape.HiddenSize : shape.OutputSize);
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
