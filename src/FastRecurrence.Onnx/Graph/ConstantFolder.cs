using FastRecurrence.Onnx.Operators;
using FastRecurrence.Onnx.Proto;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>
/// Follows a name back to constants through the operators that exporters, converters and quantisers put between their stored
/// weights and a node. What does not fold is named. Zeros are followed even where only the caller knows their size.
/// </summary>
/// <param name="external">Where external data may lie.</param>
/// <param name="budget">How much may be made.</param>
internal sealed class ConstantFolder(ExternalData external, FoldingBudget budget)
{
    private const int MaxDepth = 200;

    private readonly Dictionary<ValueSource, Folded> _known = [];
    private readonly Dictionary<TensorProto, OnnxTensor> _read = new(ReferenceEqualityComparer.Instance);

    public Folded Fold(Scope scope, string name) => Fold(scope, name, 0);

    /// <summary>Counts the reading of a node: one in a function is read at every call.</summary>
    public void Charge(string where, NodeProto node)
    {
        long entries = node.Input.Count + node.Output.Count;
        foreach (AttributeProto attribute in node.Attribute)
            entries += 4L + attribute.Floats.Count + attribute.Ints.Count + attribute.Strings.Count;
        Guard(where, () => budget.Take(8 * entries));
    }

    private Folded Fold(Scope scope, string name, int depth)
    {
        if (scope.Find(name) is not { } source)
            throw new ModelFormatException(scope.Where, $"'{NodeText.Short(name)}' is used but defined nowhere.");
        if (depth >= MaxDepth)
            return Folded.Not($"more than {MaxDepth} nodes stand between '{NodeText.Short(name)}' and its constants, or they go in a circle");

        // A circle ends at the depth limit.
        if (_known.TryGetValue(source, out Folded known))
            return known;
        Folded folded = Find(source, name, depth);
        Guard(scope.Where, budget.TakeResult);
        _known[source] = folded;
        return folded;
    }

    private Folded Find(ValueSource source, string name, int depth)
    {
        (Scope home, Definition definition) = (source.Home, source.Definition);
        if (definition.Producer is { } producer)
            return Fold(home, producer, name, depth + 1);
        if (definition.Input >= 0 && home.Bound(name) is { } bound)
            return Folded.Of(bound);
        if (definition.Initializer is { } initializer)
        {
            ElementType type = (ElementType)initializer.DataType;
            if (type.IsKnownButNotRead())
                return Folded.Not($"'{NodeText.Short(name)}' has elements of {type.Text()}, which are not read");
            return Folded.Of(Read($"{home.Where}, tensor '{NodeText.Short(name)}'", initializer)) with { IsDefault = definition.Input >= 0 };
        }

        if (definition.IsSparse)
            return Folded.Not($"'{NodeText.Short(name)}' is stored as a sparse tensor, which is not read");
        return home.Argument(definition) is ({ } caller, { } argument) ? Fold(caller, argument, depth + 1)
            : Folded.Not($"'{NodeText.Short(name)}' is an input of the graph");
    }

    private Folded Fold(Scope scope, NodeProto node, string output, int depth)
    {
        string where = $"{scope.Where}, {NodeText.Of(node)}";
        if (!NodeFolder.Folds(node))
            return Folded.Not($"it is computed by {NodeText.Of(node)}, which is not folded");
        Charge(where, node);
        OperatorAttributes attributes = OperatorAttributes.Of(where, node, scope.Attributes);
        var folder = new NodeFolder(node, attributes, budget, tensor => Read(where, tensor));
        if (node.OpType == "Constant")
            return folder.Constant();

        var inputs = new Folded?[node.Input.Count];
        bool isDefault = false;
        for (int i = 0; i < inputs.Length; i++)
        {
            if (node.Input[i].Length == 0)
                continue;
            inputs[i] = Fold(scope, node.Input[i], depth);
            isDefault |= inputs[i]!.Value.IsDefault;
        }

        if (inputs.Length == 0 || inputs[0] is null)
            throw new ModelFormatException(where, "its first input is missing.");
        Folded result = default;
        Guard(where, () => result = folder.Fold(inputs, node.Output.IndexOf(output)));
        return result with { IsDefault = isDefault };
    }

    // A tensor is read once, however often the graph or function that holds it is come to.
    private OnnxTensor Read(string where, TensorProto tensor)
    {
        if (!_read.TryGetValue(tensor, out OnnxTensor? read))
            _read.Add(tensor, read = TensorReader.Read(where, tensor, external));
        return read;
    }

    private static void Guard(string where, Action action)
    {
        try
        {
            action();
        }
        catch (ArgumentException e)
        {
            throw new ModelFormatException(where, e.Message, e);
        }
    }
}
