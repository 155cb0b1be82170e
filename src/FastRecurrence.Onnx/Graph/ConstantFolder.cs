using System.Globalization;
using FastRecurrence.Onnx.Operators;
using FastRecurrence.Onnx.Proto;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>
/// Follows a name back to constants through the operators that only move elements, which exporters put between their stored
/// weights and an ONNX node. What does not fold is named.
/// </summary>
/// <param name="external">Where external data may lie.</param>
/// <param name="budget">How much may be made.</param>
internal sealed class ConstantFolder(ExternalData external, FoldingBudget budget)
{
    private const int MaxDepth = 200;

    private readonly Dictionary<object, Folded> _known = new(ReferenceEqualityComparer.Instance);

    public Folded Fold(Scope scope, string name) => Fold(scope, name, 0);

    private Folded Fold(Scope scope, string name, int depth)
    {
        ValueSource? source = scope.Find(name);
        if (source is null)
            throw new ModelFormatException(scope.Where, $"'{NodeText.Short(name)}' is used but defined nowhere.");
        if (source.Constant is not null)
            return Folded.Of(source.Constant);
        if (source.IsInput)
            return Folded.Not($"'{NodeText.Short(name)}' is an input of the graph");
        if (depth >= MaxDepth)
            return Folded.Not($"more than {MaxDepth} nodes stand between '{NodeText.Short(name)}' and its constants, or they go in a circle");
        if (source.Alias is not null)
            return Fold(source.Home, source.Alias, depth + 1);

        // A ValueSource is one name of one scope, so it is the key; a circle ends at the depth limit.
        if (_known.TryGetValue(source, out Folded known))
            return known;
        Folded folded = source.Initializer is not null
            ? Folded.Of(TensorReader.Read($"{scope.Where}, tensor '{NodeText.Short(name)}'", source.Initializer, external))
            : Fold(source.Home, source.Producer!, depth + 1);
        _known[source] = folded;
        return folded;
    }

    private Folded Fold(Scope scope, NodeProto node, int depth)
    {
        string where = $"{scope.Where}, {NodeText.Of(node)}";
        if (!NodeText.IsDefault(node.Domain) || node.OpType is not ("Constant" or "Identity" or "Transpose" or "Squeeze" or "Unsqueeze" or "Slice" or "Concat" or "ConstantOfShape" or "Reshape"))
            return Folded.Not($"it is computed by {NodeText.Of(node)}, which is not folded");
        OperatorAttributes attributes = OperatorAttributes.Of(where, node, scope.Attributes);
        if (node.OpType == "Constant")
            return Constant(where, attributes);

        var inputs = new OnnxTensor?[node.Input.Count];
        for (int i = 0; i < inputs.Length; i++)
        {
            if (node.Input[i].Length == 0)
                continue;
            Folded input = Fold(scope, node.Input[i], depth);
            if (input.Constant is null && node.OpType == "ConstantOfShape")
                return IsZero(where, attributes) ? Folded.Zeros : Folded.Not($"{NodeText.Of(node)} has a shape that is not constant");
            if (input.Constant is null)
                return input;
            inputs[i] = input.Constant;
        }

        if (inputs.Length == 0 || inputs[0] is not { } first)
            throw new ModelFormatException(where, "its first input is missing.");
        try
        {
            OnnxTensor result = node.OpType switch
            {
                "Identity" => first,
                "Transpose" => TensorMoves.Transpose(first, attributes.Integers("perm"), budget),
                "Squeeze" => TensorMoves.Squeeze(first, Axes(attributes, inputs)),
                "Unsqueeze" => TensorMoves.Unsqueeze(first, Axes(attributes, inputs) ?? throw new ArgumentException("axes are missing.")),
                "Slice" => Slice(first, attributes, inputs),
                "Reshape" => TensorMoves.Reshape(first, Integers(inputs, 1) ?? throw new ArgumentException("the shape is missing.")),
                "ConstantOfShape" => TensorMoves.Fill(first.ToIntegers() ?? throw new ArgumentException("its input is no list of whole numbers."), FillValue(where, attributes), budget),
                _ => TensorMoves.Concat([.. inputs.Select(i => i ?? throw new ArgumentException("an input is missing."))], attributes.Integer("axis") ?? throw new ArgumentException("axis is missing."), budget),
            };
            return Folded.Of(result);
        }
        catch (ArgumentException e)
        {
            throw new ModelFormatException(where, e.Message, e);
        }
    }

    private Folded Constant(string where, OperatorAttributes attributes)
    {
        if (attributes.Tensor("value") is { } tensor)
            return Folded.Of(TensorReader.Read(where, tensor, external));
        if (attributes.Floats("value_floats") is { } floats)
            return Folded.Of(OnnxTensor.Of(floats));
        if (attributes.Integers("value_ints") is { } integers)
            return Folded.Of(OnnxTensor.Of(integers));
        if (attributes.Float("value_float") is { } real)
            return Folded.Of(OnnxTensor.Of(real) with { Shape = [] });
        if (attributes.Integer("value_int") is { } integer)
            return Folded.Of(OnnxTensor.Of(integer) with { Shape = [] });
        return Folded.Not($"a Constant of the kind {string.Join(", ", attributes.Names.Select(NodeText.Short))} is not read");
    }

    private OnnxTensor FillValue(string where, OperatorAttributes attributes)
    {
        OnnxTensor value = attributes.Tensor("value") is { } tensor ? TensorReader.Read(where, tensor, external) : OnnxTensor.Of(0f);
        return value.Count == 1 ? value : throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"value has {value.Count} elements; it is one."));
    }

    private bool IsZero(string where, OperatorAttributes attributes) =>
        attributes.Tensor("value") is not { } tensor || TensorReader.Read(where, tensor, external).Data.Span.IndexOfAnyExcept((byte)0) < 0;

    private static long[]? Axes(OperatorAttributes attributes, OnnxTensor?[] inputs) => attributes.Integers("axes") ?? Integers(inputs, 1);

    private OnnxTensor Slice(OnnxTensor first, OperatorAttributes attributes, OnnxTensor?[] inputs)
    {
        long[]? starts = attributes.Integers("starts") ?? Integers(inputs, 1), ends = attributes.Integers("ends") ?? Integers(inputs, 2);
        if (starts is null || ends is null)
            throw new ArgumentException("starts and ends are missing.");
        return TensorMoves.Slice(first, starts, ends, attributes.Integers("axes") ?? Integers(inputs, 3), Integers(inputs, 4), budget);
    }

    private static long[]? Integers(OnnxTensor?[] inputs, int index) =>
        index >= inputs.Length || inputs[index] is not { } tensor ? null
            : tensor.ToIntegers() ?? throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"input {index} is {tensor.Type.Text()}; whole numbers were expected."));
}
