using FastRecurrence.Import;
using FastRecurrence.Onnx.Operators;
using FastRecurrence.Onnx.Proto;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>
/// Folds one node whose inputs have been folded. Of an operator that moves elements the first input decides whether the result is
/// zero, and the others only where its elements go.
/// </summary>
/// <param name="node">The node.</param>
/// <param name="attributes">Its attributes.</param>
/// <param name="budget">How much may be made.</param>
/// <param name="read">Reads a tensor of an attribute.</param>
internal sealed class NodeFolder(NodeProto node, OperatorAttributes attributes, FoldingBudget budget, Func<TensorProto, OnnxTensor> read)
{
    private const string QuantisedDomain = "com.microsoft";

    /// <summary>Whether the operator is folded at all.</summary>
    public static bool Folds(NodeProto node) => node.OpType switch
    {
        "DequantizeLinear" or "QuantizeLinear" => NodeText.IsDefault(node.Domain) || node.Domain == QuantisedDomain,
        "Constant" or "ConstantOfShape" or "Shape" or "Concat" => NodeText.IsDefault(node.Domain),
        _ => NodeText.IsDefault(node.Domain) && (Moves(node.OpType) || Computes(node.OpType)),
    };

    /// <summary>A Constant node.</summary>
    public Folded Constant()
    {
        if (attributes.Tensor("value") is { } tensor)
        {
            ElementType type = (ElementType)tensor.DataType;
            return type.IsKnownButNotRead() ? Folded.Not($"{NodeText.Of(node)} holds {type.Text()}, which is not read") : Folded.Of(read(tensor));
        }

        if (attributes.Floats("value_floats") is { } floats)
            return Folded.Of(OnnxTensor.Of(floats));
        if (attributes.Integers("value_ints") is { } integers)
            return Folded.Of(OnnxTensor.Of(integers));
        if (attributes.Float("value_float") is { } real)
            return Folded.Of(OnnxTensor.Of(real) with { Shape = [] });
        if (attributes.Integer("value_int") is { } integer)
            return Folded.Of(OnnxTensor.Of(integer) with { Shape = [] });
        return Folded.Not($"a Constant of the kind {string.Join(", ", attributes.Names.Take(4).Select(NodeText.Short))} is not read");
    }

    /// <summary>Any other node.</summary>
    /// <param name="inputs">What is behind its inputs; null for one that is left out.</param>
    /// <param name="output">Which of its outputs is wanted.</param>
    /// <exception cref="ArgumentException">Its inputs and attributes contradict each other, or it would make too much.</exception>
    public Folded Fold(Folded?[] inputs, int output)
    {
        Folded? open = inputs.FirstOrDefault(input => input is { Constant: null });
        if (open is null)
            return Compute([.. inputs.Select(input => input?.Constant)], output);
        bool zero = node.OpType switch
        {
            "ConstantOfShape" => FillValue().IsZero(),
            "Concat" or "Add" or "Sub" => inputs.All(input => input is null or { IsZero: true }),
            "Mul" => inputs.Any(input => input is { IsZero: true })
                && inputs.All(input => input is { IsZero: true } || input?.Constant is { } other && other.IsFinite()),
            "Neg" => inputs[0] is { IsZero: true },
            _ => Moves(node.OpType) && inputs[0] is { IsZero: true },
        };
        if (zero)
            return Folded.Zeros;
        Folded? unknown = inputs.FirstOrDefault(input => input is { Constant: null, IsZero: false });
        return Folded.Not(unknown?.Reason ?? $"{NodeText.Of(node)} has an input of a size only the caller knows");
    }

    private static bool Moves(string type) => type is "Identity" or "Transpose" or "Squeeze" or "Unsqueeze" or "Slice" or "Reshape" or "Flatten"
        or "Tile" or "Expand" or "Gather" or "Split" or "Cast" or "CastLike";

    private static bool Computes(string type) => type is "Add" or "Sub" or "Mul" or "Div" or "Neg" or "Clip";

    private Folded Compute(OnnxTensor?[] inputs, int output)
    {
        OnnxTensor first = inputs[0]!;
        OnnxTensor? result = node.OpType switch
        {
            "Identity" => first,
            "Transpose" => TensorMoves.Transpose(first, attributes.Integers("perm"), budget),
            "Squeeze" => TensorShapes.Squeeze(first, Axes(inputs)),
            "Unsqueeze" => TensorShapes.Unsqueeze(first, Axes(inputs) ?? throw new ArgumentException("axes are missing.")),
            "Reshape" => TensorShapes.Reshape(
                first, Integers(inputs, 1) ?? throw new ArgumentException("the shape is missing."), attributes.Integer("allowzero") == 1),
            "Flatten" => TensorShapes.Flatten(first, attributes.Integer("axis") ?? 1),
            "Shape" => TensorShapes.ShapeOf(first, attributes.Integer("start"), attributes.Integer("end")),
            "Slice" => Slice(first, inputs),
            "Split" => Split(first, inputs, output),
            "Gather" => TensorSelection.Gather(first, Required(inputs, 1), attributes.Integer("axis") ?? 0, budget),
            "Tile" => TensorSelection.Tile(first, Integers(inputs, 1) ?? throw new ArgumentException("repeats are missing."), budget),
            "Expand" => TensorSelection.Expand(first, Integers(inputs, 1) ?? throw new ArgumentException("the shape is missing."), budget),
            "Concat" => TensorMoves.Concat([.. inputs.Select(i => i ?? throw new ArgumentException("an input is missing."))],
                attributes.Integer("axis") ?? throw new ArgumentException("axis is missing."), budget),
            "ConstantOfShape" => TensorMoves.Fill(Integers(inputs, 0)!, FillValue(), budget),
            "Cast" => TensorArithmetic.Cast(first, (ElementType)(attributes.Integer("to") ?? throw new ArgumentException("to is missing.")), budget),
            "CastLike" => TensorArithmetic.Cast(first, Required(inputs, 1).Type, budget),
            "Neg" => TensorArithmetic.Binary("Sub", new OnnxTensor(first.Type, [], new byte[Math.Max(1, first.Type.Size())]), first, budget),
            "Clip" => TensorArithmetic.Clip(first, Limit(inputs, 1, "min"), Limit(inputs, 2, "max"), budget),
            "QuantizeLinear" => TensorQuantisation.Quantise(first, Quantised(inputs), attributes.Integer("output_dtype"), budget),
            "DequantizeLinear" => TensorQuantisation.Dequantise(first, Quantised(inputs), budget),
            _ => TensorArithmetic.Binary(node.OpType, first, Required(inputs, 1), budget),
        };
        return result is null ? Folded.Not($"{NodeText.Of(node)} has {first.Type.Text()} elements, of which it is not folded") : Folded.Of(result);
    }

    private OnnxTensor FillValue()
    {
        OnnxTensor value = attributes.Tensor("value") is { } tensor ? read(tensor) : OnnxTensor.Of(0f);
        return value.Count == 1 ? value : throw new ArgumentException(FormattableString.Invariant($"value has {value.Count} elements; it is one."));
    }

    private long[]? Axes(OnnxTensor?[] inputs) => attributes.Integers("axes") ?? Integers(inputs, 1);

    private OnnxTensor Slice(OnnxTensor first, OnnxTensor?[] inputs)
    {
        long[]? starts = attributes.Integers("starts") ?? Integers(inputs, 1), ends = attributes.Integers("ends") ?? Integers(inputs, 2);
        if (starts is null || ends is null)
            throw new ArgumentException("starts and ends are missing.");
        return TensorMoves.Slice(first, starts, ends, attributes.Integers("axes") ?? Integers(inputs, 3), Integers(inputs, 4), budget);
    }

    private OnnxTensor Split(OnnxTensor first, OnnxTensor?[] inputs, int output)
    {
        int outputs = node.Output.Count;
        long[]? sizes = Integers(inputs, 1, outputs) ?? attributes.Integers("split");
        return TensorSelection.Split(first, attributes.Integer("axis") ?? 0, sizes, outputs, output, budget);
    }

    // Until opset 10 limits are attributes.
    private OnnxTensor? Limit(OnnxTensor?[] inputs, int index, string name) =>
        index < inputs.Length ? inputs[index] : attributes.Float(name) is { } value ? OnnxTensor.Of(value) with { Shape = [] } : null;

    private QuantisedBy Quantised(OnnxTensor?[] inputs) =>
        new(Required(inputs, 1), inputs.Length > 2 ? inputs[2] : null, attributes.Integer("axis") ?? 1, attributes.Integer("block_size") ?? 0);

    private static OnnxTensor Required(OnnxTensor?[] inputs, int index) =>
        index < inputs.Length && inputs[index] is { } tensor ? tensor : throw new ArgumentException(FormattableString.Invariant($"input {index} is missing."));

    private static long[]? Integers(OnnxTensor?[] inputs, int index, int most = OnnxTensor.MaxRank)
    {
        if (index >= inputs.Length || inputs[index] is not { } tensor)
            return null;
        if (tensor.Type is not (ElementType.Int32 or ElementType.Int64))
            throw new ArgumentException(FormattableString.Invariant($"input {index} is {tensor.Type.Text()}; whole numbers were expected."));
        if (tensor.Count > most)
            throw new ArgumentException(FormattableString.Invariant($"input {index} has {tensor.Count} numbers; at most {most} are expected."));
        return tensor.ToIntegers();
    }
}
