using System.Buffers.Binary;
using System.Globalization;

namespace FastRecurrence.Onnx.Reading;

/// <summary>A constant: type, sizes and little-endian bytes, whose number fits the sizes.</summary>
internal sealed record OnnxTensor(ElementType Type, int[] Shape, ReadOnlyMemory<byte> Data)
{
    public int Count => Data.Length / Type.Size();

    public string ShapeText => $"[{string.Join(", ", Shape.Select(d => d.ToString(CultureInfo.InvariantCulture)))}]";

    /// <summary>float, double, float16 or bfloat16 as float; double is rounded.</summary>
    public float[] ToFloats()
    {
        ReadOnlySpan<byte> data = Data.Span;
        var values = new float[Count];
        for (int i = 0; i < values.Length; i++)
        {
            values[i] = Type switch
            {
                ElementType.Float => BinaryPrimitives.ReadSingleLittleEndian(data[(4 * i)..]),
                ElementType.Double => (float)BinaryPrimitives.ReadDoubleLittleEndian(data[(8 * i)..]),
                ElementType.Float16 => (float)BinaryPrimitives.ReadHalfLittleEndian(data[(2 * i)..]),
                _ => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(data[(2 * i)..]) << 16),
            };
        }

        return values;
    }

    /// <summary>The same as double, exactly.</summary>
    public double[] ToDoubles()
    {
        if (Type != ElementType.Double)
            return Array.ConvertAll(ToFloats(), v => (double)v);
        var values = new double[Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = BinaryPrimitives.ReadDoubleLittleEndian(Data.Span[(8 * i)..]);
        return values;
    }

    /// <summary>int32 or int64 values; null for another type.</summary>
    public long[]? ToIntegers()
    {
        var values = new long[Count];
        for (int i = 0; i < values.Length; i++)
        {
            switch (Type)
            {
                case ElementType.Int32: values[i] = BinaryPrimitives.ReadInt32LittleEndian(Data.Span[(4 * i)..]); break;
                case ElementType.Int64: values[i] = BinaryPrimitives.ReadInt64LittleEndian(Data.Span[(8 * i)..]); break;
                default: return null;
            }
        }

        return values;
    }

    public static OnnxTensor Of(params ReadOnlySpan<long> values)
    {
        var data = new byte[8 * values.Length];
        for (int i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteInt64LittleEndian(data.AsSpan(8 * i), values[i]);
        return new OnnxTensor(ElementType.Int64, [values.Length], data);
    }

    public static OnnxTensor Of(params ReadOnlySpan<float> values)
    {
        var data = new byte[4 * values.Length];
        for (int i = 0; i < values.Length; i++)
            BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(4 * i), values[i]);
        return new OnnxTensor(ElementType.Float, [values.Length], data);
    }
}
