using System.Buffers.Binary;
using System.Globalization;
using FastRecurrence.Import;
using FastRecurrence.Onnx.Proto;

namespace FastRecurrence.Onnx.Reading;

/// <summary>TensorProto to bytes: raw or typed data, never both, as many as the sizes say.</summary>
internal static class TensorReader
{
    /// <param name="where">File and tensor, for errors.</param>
    /// <param name="tensor">The message.</param>
    /// <param name="external">Where external data may lie.</param>
    public static OnnxTensor Read(string where, TensorProto tensor, ExternalData external)
    {
        var type = (ElementType)tensor.DataType;
        if (type.Size() == 0)
            throw new ModelFormatException(where, $"its elements are {type.Text()}; read are float, double, float16, bfloat16 and integers.");
        (int[] shape, long bytes) = Sizes(where, tensor, type.Size());
        int whole = tensor.Int32Data.Count + tensor.Int64Data.Count + tensor.Uint64Data.Count;
        int typed = whole + tensor.FloatData.Count + tensor.DoubleData.Count + tensor.StringData.Count;
        if (tensor.DataLocation == 1)
        {
            if (tensor.HasRawData || typed != 0)
                throw new ModelFormatException(where, "it has external data and data of its own.");
            return new OnnxTensor(type, shape, external.Read(where, tensor.ExternalData, bytes));
        }

        if (tensor.DataLocation != 0)
            throw new ModelFormatException(where, Text($"data_location is {tensor.DataLocation}; it is 0 (inside) or 1 (external)."));
        if (tensor.HasRawData && typed != 0)
            throw new ModelFormatException(where, "it has raw_data and typed data; one of them must go.");
        if (tensor.HasRawData)
        {
            if (tensor.RawData.Length != bytes)
            {
                string holds = Text($"its sizes {ShapeText.Of(shape)} of {type.Text()} hold {bytes} bytes");
                throw new ModelFormatException(where, Text($"{holds}, but raw_data has {tensor.RawData.Length}."));
            }

            return new OnnxTensor(type, shape, tensor.RawData.Memory);
        }

        return new OnnxTensor(type, shape, Typed(where, tensor, type, bytes / type.Size(), typed));
    }

    private static (int[] Shape, long Bytes) Sizes(string where, TensorProto tensor, int size)
    {
        if (tensor.Dims.Count > OnnxTensor.MaxRank)
            throw new ModelFormatException(where, Text($"it has {tensor.Dims.Count} dimensions; at most {OnnxTensor.MaxRank} are read."));
        Int128 bytes = size;
        foreach (long dimension in tensor.Dims)
        {
            if (dimension is < 0 or > int.MaxValue)
                throw new ModelFormatException(where, Text($"a size of {dimension}; sizes go from 0 to {int.MaxValue}."));
            bytes *= dimension;
            if (bytes > int.MaxValue)
                throw new ModelFormatException(where, Text($"its sizes {ShapeText.Of(tensor.Dims.ToArray())} hold more than {int.MaxValue} bytes."));
        }

        return ([.. tensor.Dims.Select(d => (int)d)], (long)bytes);
    }

    private static byte[] Typed(string where, TensorProto tensor, ElementType type, long count, int typed)
    {
        int own = type switch
        {
            ElementType.Float => tensor.FloatData.Count,
            ElementType.Double => tensor.DoubleData.Count,
            ElementType.Int64 => tensor.Int64Data.Count,
            ElementType.Uint32 or ElementType.Uint64 => tensor.Uint64Data.Count,
            _ => tensor.Int32Data.Count,
        };
        if (own != typed || own != count)
        {
            string others = own == typed ? "" : Text($" and {typed - own} of another type");
            string sizes = ShapeText.Of(tensor.Dims.ToArray());
            throw new ModelFormatException(where, Text($"its sizes {sizes} hold {count} elements of {type.Text()}, but there are {own}{others}."));
        }

        int size = type.Size();
        var data = new byte[count * size];
        for (int i = 0; i < own; i++)
        {
            Span<byte> to = data.AsSpan(i * size);
            switch (type)
            {
                case ElementType.Float: BinaryPrimitives.WriteSingleLittleEndian(to, tensor.FloatData[i]); break;
                case ElementType.Double: BinaryPrimitives.WriteDoubleLittleEndian(to, tensor.DoubleData[i]); break;
                case ElementType.Int64: BinaryPrimitives.WriteInt64LittleEndian(to, tensor.Int64Data[i]); break;
                case ElementType.Uint64: BinaryPrimitives.WriteUInt64LittleEndian(to, tensor.Uint64Data[i]); break;
                case ElementType.Uint32: BinaryPrimitives.WriteUInt32LittleEndian(to, (uint)tensor.Uint64Data[i]); break;
                case ElementType.Int32: BinaryPrimitives.WriteInt32LittleEndian(to, tensor.Int32Data[i]); break;
                default:
                    // float16 and bfloat16 travel as bits, small integers as themselves.
                    for (int b = 0; b < size; b++)
                        to[b] = (byte)(tensor.Int32Data[i] >> (8 * b));
                    break;
            }
        }

        return data;
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
