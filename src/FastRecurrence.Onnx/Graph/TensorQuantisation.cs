using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>The other inputs and attributes of QuantizeLinear and DequantizeLinear.</summary>
/// <param name="Scale">One for the tensor, one for each slice along the axis, or one for each block.</param>
/// <param name="ZeroPoint">Of the same sizes; null for 0.</param>
/// <param name="Axis">The axis of the slices.</param>
/// <param name="BlockSize">How many elements along the axis share a scale; 0 for no blocks.</param>
internal sealed record QuantisedBy(OnnxTensor Scale, OnnxTensor? ZeroPoint, long Axis, long BlockSize);

/// <summary>Quantised constants and back: (q − zero) · scale in the scale's type. Null for a type that is not computed with.</summary>
internal static class TensorQuantisation
{
    public static OnnxTensor? Dequantise(OnnxTensor tensor, QuantisedBy by, FoldingBudget budget)
    {
        if (tensor.Type.IsFloating() || tensor.Type.Size() is 0 or 8 || !by.Scale.Type.IsFloating())
            return null;
        if (by.ZeroPoint is not null && by.ZeroPoint.Type != tensor.Type)
            throw new ArgumentException($"the zero point is {by.ZeroPoint.Type.Text()} beside {tensor.Type.Text()} elements.");
        return Each(tensor, by, by.Scale.Type, (at, place) =>
        {
            long zero = by.ZeroPoint is null ? 0 : Elements.Whole(by.ZeroPoint.Data.Span, tensor.Type, place);
            return (float)(Elements.Whole(tensor.Data.Span, tensor.Type, at) - zero) * Elements.Real(by.Scale.Data.Span, by.Scale.Type, place);
        }, budget);
    }

    public static OnnxTensor? Quantise(OnnxTensor tensor, QuantisedBy by, long? outputType, FoldingBudget budget)
    {
        ElementType type = by.ZeroPoint?.Type ?? (outputType is null or 0 ? ElementType.Uint8 : (ElementType)outputType.Value);
        bool known = type is ElementType.Uint8 or ElementType.Int8 or ElementType.Uint16 or ElementType.Int16;
        if (!known || !tensor.Type.IsFloating() || by.Scale.Type != tensor.Type)
            return null;
        (long least, long most) = type switch
        {
            ElementType.Uint8 => (0L, (long)byte.MaxValue),
            ElementType.Int8 => (sbyte.MinValue, sbyte.MaxValue),
            ElementType.Uint16 => (0, ushort.MaxValue),
            _ => (short.MinValue, short.MaxValue),
        };
        return Each(tensor, by, type, (at, place) =>
        {
            double quotient = Elements.Real(tensor.Data.Span, tensor.Type, at) / Elements.Real(by.Scale.Data.Span, by.Scale.Type, place);
            double whole = Math.Round(tensor.Type == ElementType.Double ? quotient : (float)quotient, MidpointRounding.ToEven);
            return Math.Clamp(whole + (by.ZeroPoint is null ? 0 : Elements.Whole(by.ZeroPoint.Data.Span, type, place)), least, most);
        }, budget);
    }

    private static OnnxTensor Each(OnnxTensor tensor, QuantisedBy by, ElementType type, Func<int, int, double> value, FoldingBudget budget)
    {
        (int outer, int along, int inner, int block) = Sizes(tensor, by);
        int size = type.Size(), scales = (along + block - 1) / block;
        budget.Take((long)tensor.Count * size);
        var data = new byte[checked(tensor.Count * size)];
        bool blocked = by.Scale.Shape.Length > 1;
        for (int i = 0, o = 0; o < outer; o++)
        {
            for (int a = 0; a < along; a++)
            {
                for (int k = 0; k < inner; k++, i++)
                    Elements.Set(data, type, i, value(i, by.Scale.Count == 1 ? 0 : blocked ? (o * scales + a / block) * inner + k : a));
            }
        }

        return new OnnxTensor(type, tensor.Shape, data);
    }

    private static (int Outer, int Along, int Inner, int Block) Sizes(OnnxTensor tensor, QuantisedBy by)
    {
        if (by.ZeroPoint is not null && by.ZeroPoint.Count != by.Scale.Count)
            throw new ArgumentException($"the zero point {by.ZeroPoint.ShapeText} does not go with the scale {by.Scale.ShapeText}.");
        if (by.Scale.Count == 1)
            return (1, 1, tensor.Count, 1);
        int axis = TensorShapes.Axis(by.Axis, tensor.Shape.Length), along = tensor.Shape[axis];
        int outer = TensorShapes.Product(tensor.Shape.AsSpan(0, axis)), inner = TensorShapes.Product(tensor.Shape.AsSpan(axis + 1));
        if (by.BlockSize == 0 && by.Scale.Shape.Length == 1 && by.Scale.Count == along)
            return (outer, along, inner, 1);
        if (by.BlockSize is > 0 and <= int.MaxValue && by.Scale.Shape.Length == tensor.Shape.Length)
        {
            int[] expected = [.. tensor.Shape];
            expected[axis] = (int)((along + by.BlockSize - 1) / by.BlockSize);
            if (by.Scale.Shape.AsSpan().SequenceEqual(expected))
                return (outer, along, inner, (int)by.BlockSize);
        }

        throw new ArgumentException(FormattableString.Invariant(
            $"the scale {by.Scale.ShapeText} does not fit {tensor.ShapeText} along axis {axis} with block_size {by.BlockSize}."));
    }
}
