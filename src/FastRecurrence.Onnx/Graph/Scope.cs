using FastRecurrence.Onnx.Proto;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>What a name stands for.</summary>
/// <param name="Home">The scope whose names the meaning uses.</param>
/// <param name="Constant">A bound value.</param>
/// <param name="Initializer">A stored constant.</param>
/// <param name="Producer">The node that computes it.</param>
/// <param name="Alias">A function's input: a name of the caller's scope, <paramref name="Home"/>.</param>
internal sealed record ValueSource(Scope Home, OnnxTensor? Constant = null, TensorProto? Initializer = null, NodeProto? Producer = null, string? Alias = null)
{
    /// <summary>Whether only a caller can say.</summary>
    public bool IsInput => Constant is null && Initializer is null && Producer is null && Alias is null;
}

/// <summary>The names of one graph; a graph inside a node also sees those around it.</summary>
internal sealed class Scope
{
    private readonly Scope? _parent;
    private readonly Dictionary<string, ValueSource> _values = new(StringComparer.Ordinal);

    private Scope(string where, Scope? parent, long? opset, IReadOnlyDictionary<string, AttributeProto>? attributes)
    {
        (Where, _parent, Opset, Attributes) = (where, parent, opset, attributes);
    }

    /// <summary>File and path of graphs, for errors and for people.</summary>
    public string Where { get; }

    /// <summary>The version of the default domain; null when the model names none.</summary>
    public long? Opset { get; }

    /// <summary>Inside a function, the attributes of the call.</summary>
    public IReadOnlyDictionary<string, AttributeProto>? Attributes { get; }

    /// <summary>The names of a graph, of the model or inside a node.</summary>
    /// <param name="where">File and path.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="parent">The scope around it; null for the model's own.</param>
    /// <param name="opset">The version of the default domain.</param>
    /// <param name="bound">Values of the graph's inputs that are known.</param>
    public static Scope Of(string where, GraphProto graph, Scope? parent, long? opset, IReadOnlyDictionary<string, OnnxTensor>? bound = null)
    {
        var scope = new Scope(where, parent, opset, parent?.Attributes);
        foreach (ValueInfoProto input in graph.Input)
        {
            OnnxTensor? value = null;
            bound?.TryGetValue(input.Name, out value);
            scope.Define(input.Name, new ValueSource(scope, Constant: value), "is an input twice");
        }

        foreach (TensorProto initializer in graph.Initializer)
        {
            if (scope._values.TryGetValue(initializer.Name, out ValueSource? input) && input.IsInput)
                scope._values.Remove(initializer.Name); // old files list their initialisers as inputs too
            else if (input is { Constant: not null })
                continue; // the caller's value replaces the default
            scope.Define(initializer.Name, new ValueSource(scope, Initializer: initializer), "is initialised twice");
        }

        foreach (SparseTensorProto sparse in graph.SparseInitializer)
        {
            if (sparse.Values is { Name.Length: > 0 } values && !scope._values.ContainsKey(values.Name))
                scope.Define(values.Name, new ValueSource(scope), "is initialised twice");
        }

        scope.Define(graph.Node);
        return scope;
    }

    /// <summary>The names of a function's body for one call; without a caller its inputs stay open.</summary>
    public static Scope Of(string where, FunctionProto function, long? opset, Scope? caller, NodeProto? call)
    {
        var attributes = new Dictionary<string, AttributeProto>(StringComparer.Ordinal);
        foreach (AttributeProto attribute in call?.Attribute ?? [])
            attributes[attribute.Name] = attribute;
        var scope = new Scope(where, null, opset, attributes);
        for (int i = 0; i < function.Input.Count; i++)
        {
            string? outer = call is not null && i < call.Input.Count && call.Input[i].Length != 0 ? call.Input[i] : null;
            scope.Define(function.Input[i], outer is null ? new ValueSource(scope) : new ValueSource(caller!, Alias: outer), "is an input twice");
        }

        scope.Define(function.Node);
        return scope;
    }

    /// <summary>Looks a name up, from the inside out; null when it is defined nowhere.</summary>
    public ValueSource? Find(string name)
    {
        for (Scope? scope = this; scope is not null; scope = scope._parent)
        {
            if (scope._values.TryGetValue(name, out ValueSource? value))
                return value;
        }

        return null;
    }

    private void Define(IEnumerable<NodeProto> nodes)
    {
        foreach (NodeProto node in nodes)
        {
            foreach (string output in node.Output)
            {
                if (output.Length != 0)
                    Define(output, new ValueSource(this, Producer: node), $"is written again by {NodeText.Of(node)}: a name has one writer");
            }
        }
    }

    private void Define(string name, ValueSource value, string clash)
    {
        if (!_values.TryAdd(name, value))
            throw new ModelFormatException(Where, $"'{NodeText.Short(name)}' {clash}.");
    }
}
