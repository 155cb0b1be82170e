using System.Buffers.Binary;
using System.Runtime.InteropServices;
using FastRecurrence.Import;

namespace FastRecurrence.Onnx.Reading;

/// <summary>A constant: type, sizes and little-endian bytes, whose number fits the sizes.</summary>
internal sealed record OnnxTensor(ElementType Type, int[] Shape, ReadOnlyMemory<byte> Data)
{
    /// <summary>The most axes that a tensor has here.</summary>
    public const int MaxRank = 64;

    private bool? _isZero, _isFinite;

    public int Count => Data.Length / Type.Size();

    public string ShapeText => Import.ShapeText.Of(Shape);

    /// <summary>Whether all elements are 0 or −0. Looked at once.</summary>
    public bool IsZero() => _isZero ??= Data.Span.IndexOfAnyExcept((byte)0) < 0 || Type.IsFloating() && All(static value => value == 0);

    /// <summary>Whether no element is NaN or infinite. Looked at once.</summary>
    public bool IsFinite() => _isFinite ??= !Type.IsFloating() || All(double.IsFinite);

    /// <summary>float, double, float16 or bfloat16 as float; double is rounded.</summary>
    public float[] ToFloats()
    {
        var values = new float[Count];
        if (Type == ElementType.Float && BitConverter.IsLittleEndian)
        {
            MemoryMarshal.Cast<byte, float>(Data.Span).CopyTo(values);
            return values;
        }

        for (int i = 0; i < values.Length; i++)
            values[i] = (float)Elements.Real(Data.Span, Type, i);
        return values;
    }

    /// <summary>The same as double, exactly.</summary>
    public double[] ToDoubles()
    {
        var values = new double[Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = Elements.Real(Data.Span, Type, i);
        return values;
    }

    /// <summary>Whole numbers and truth values; null for another type.</summary>
    public long[]? ToIntegers()
    {
        if (Type.IsFloating() || Type.Size() == 0)
            return null;
        var values = new long[Count];
        for (int i = 0; i < values.Length; i++)
            values[i] = Elements.Whole(Data.Span, Type, i);
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

    private bool All(Func<double, bool> holds)
    {
        for (int i = 0; i < Count; i++)
        {
            if (!holds(Elements.Real(Data.Span, Type, i)))
                return false;
        }

        return true;
    }
}
