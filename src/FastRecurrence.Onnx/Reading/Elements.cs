using System.Buffers.Binary;

namespace FastRecurrence.Onnx.Reading;

/// <summary>One element of a tensor's little-endian bytes.</summary>
internal static class Elements
{
    /// <summary>Any type but strings and complex numbers, as double.</summary>
    public static double Real(ReadOnlySpan<byte> data, ElementType type, int index) => type switch
    {
        ElementType.Float => BinaryPrimitives.ReadSingleLittleEndian(data[(4 * index)..]),
        ElementType.Double => BinaryPrimitives.ReadDoubleLittleEndian(data[(8 * index)..]),
        ElementType.Float16 => (double)BinaryPrimitives.ReadHalfLittleEndian(data[(2 * index)..]),
        ElementType.Bfloat16 => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(data[(2 * index)..]) << 16),
        _ => Whole(data, type, index),
    };

    /// <summary>A whole number or a truth value; uint64 by its bits.</summary>
    public static long Whole(ReadOnlySpan<byte> data, ElementType type, int index) => type switch
    {
        ElementType.Uint8 or ElementType.Bool => data[index],
        ElementType.Int8 => (sbyte)data[index],
        ElementType.Uint16 => BinaryPrimitives.ReadUInt16LittleEndian(data[(2 * index)..]),
        ElementType.Int16 => BinaryPrimitives.ReadInt16LittleEndian(data[(2 * index)..]),
        ElementType.Uint32 => BinaryPrimitives.ReadUInt32LittleEndian(data[(4 * index)..]),
        ElementType.Int32 => BinaryPrimitives.ReadInt32LittleEndian(data[(4 * index)..]),
        _ => BinaryPrimitives.ReadInt64LittleEndian(data[(8 * index)..]),
    };

    /// <summary>Writes a number, rounded once to a floating type, or cut to a whole number.</summary>
    public static void Set(Span<byte> data, ElementType type, int index, double value)
    {
        switch (type)
        {
            case ElementType.Float: BinaryPrimitives.WriteSingleLittleEndian(data[(4 * index)..], (float)value); break;
            case ElementType.Double: BinaryPrimitives.WriteDoubleLittleEndian(data[(8 * index)..], value); break;
            case ElementType.Float16: BinaryPrimitives.WriteHalfLittleEndian(data[(2 * index)..], (Half)value); break;
            case ElementType.Bfloat16: BinaryPrimitives.WriteUInt16LittleEndian(data[(2 * index)..], Bfloat16((float)value)); break;
            default: Set(data, type, index, double.IsNaN(value) ? 0 : (long)value); break;
        }
    }

    /// <summary>Writes a whole number; its low bits where the type is narrower.</summary>
    public static void Set(Span<byte> data, ElementType type, int index, long value)
    {
        switch (type.Size())
        {
            case 1: data[index] = unchecked((byte)value); break;
            case 2: BinaryPrimitives.WriteUInt16LittleEndian(data[(2 * index)..], unchecked((ushort)value)); break;
            case 4: BinaryPrimitives.WriteUInt32LittleEndian(data[(4 * index)..], unchecked((uint)value)); break;
            default: BinaryPrimitives.WriteInt64LittleEndian(data[(8 * index)..], value); break;
        }
    }

    // To the nearest, to even on a tie; a NaN stays one.
    private static ushort Bfloat16(float value)
    {
        uint bits = BitConverter.SingleToUInt32Bits(value);
        return (ushort)(float.IsNaN(value) ? bits >> 16 | 0x40 : bits + 0x7FFF + (bits >> 16 & 1) >> 16);
    }
}
