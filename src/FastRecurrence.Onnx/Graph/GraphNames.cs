using FastRecurrence.Onnx.Proto;

namespace FastRecurrence.Onnx.Graph;

/// <summary>Where a name comes from in its own graph.</summary>
internal sealed class Definition
{
    /// <summary>The place among the inputs; −1 for a name that is no input.</summary>
    public int Input { get; private init; } = -1;

    /// <summary>A stored constant. With <see cref="Input"/> a default that a caller may replace.</summary>
    public TensorProto? Initializer { get; private init; }

    /// <summary>The node that computes it.</summary>
    public NodeProto? Producer { get; private init; }

    /// <summary>Whether it is stored as a sparse tensor, which is not read.</summary>
    public bool IsSparse { get; private init; }

    public static Definition OfInput(int index, TensorProto? initializer = null) => new() { Input = index, Initializer = initializer };

    public static Definition Stored(TensorProto initializer) => new() { Initializer = initializer };

    public static Definition Computed(NodeProto producer) => new() { Producer = producer };

    public static Definition Sparse() => new() { IsSparse = true };
}

/// <summary>The names that a graph or the body of a function defines; the same for every call, so worked out once.</summary>
internal sealed class GraphNames
{
    private const long FirstVersionWithDefaults = 4;

    private readonly Dictionary<string, Definition> _definitions = new(StringComparer.Ordinal);

    private GraphNames(string where) => Where = where;

    /// <summary>File and path of graphs, for errors and for people.</summary>
    public string Where { get; }

    /// <summary>The names of a graph, of the model or inside a node.</summary>
    /// <param name="where">File and path.</param>
    /// <param name="graph">The graph.</param>
    /// <param name="version">The model's ir_version: until 3, constants had to be listed as inputs too; since 4, one that is listed is a default.</param>
    public static GraphNames Of(string where, GraphProto graph, long version)
    {
        var names = new GraphNames(where);
        for (int i = 0; i < graph.Input.Count; i++)
            names.Define(graph.Input[i].Name, Definition.OfInput(i), "is an input twice");
        foreach (TensorProto initializer in graph.Initializer)
        {
            Definition stored = Definition.Stored(initializer);
            if (names._definitions.TryGetValue(initializer.Name, out Definition? input) && input is { Input: >= 0, Initializer: null })
            {
                names._definitions.Remove(initializer.Name);
                stored = version >= FirstVersionWithDefaults ? Definition.OfInput(input.Input, initializer) : stored;
            }

            names.Define(initializer.Name, stored, "is initialised twice");
        }

        foreach (SparseTensorProto sparse in graph.SparseInitializer)
        {
            if (sparse.Values is { Name.Length: > 0 } values && !names._definitions.ContainsKey(values.Name))
                names.Define(values.Name, Definition.Sparse(), "is initialised twice");
        }

        names.Define(graph.Node);
        return names;
    }

    /// <summary>The names of a function's body.</summary>
    public static GraphNames Of(string where, FunctionProto function)
    {
        var names = new GraphNames(where);
        for (int i = 0; i < function.Input.Count; i++)
            names.Define(function.Input[i], Definition.OfInput(i), "is an input twice");
        names.Define(function.Node);
        return names;
    }

    public Definition? Find(string name) => _definitions.GetValueOrDefault(name);

    private void Define(IEnumerable<NodeProto> nodes)
    {
        foreach (NodeProto node in nodes)
        {
            foreach (string output in node.Output)
            {
                if (output.Length == 0)
                    continue;
                if (!_definitions.TryAdd(output, Definition.Computed(node)))
                    throw Clash(output, $"is written again by {NodeText.Of(node)}: a name has one writer");
            }
        }
    }

    private void Define(string name, Definition definition, string clash)
    {
        if (!_definitions.TryAdd(name, definition))
            throw Clash(name, clash);
    }

    private ModelFormatException Clash(string name, string clash) => new(Where, $"'{NodeText.Short(name)}' {clash}.");
}
