using System.Globalization;
using FastRecurrence.Onnx.Proto;

namespace FastRecurrence.Onnx.Graph;

/// <summary>A node on the way to a recurrent node, or such a node itself (without a function and an inner graph).</summary>
/// <param name="Node">The node.</param>
/// <param name="Function">The function that it calls.</param>
/// <param name="Inner">A graph that it holds.</param>
/// <param name="Attribute">The attribute that holds it.</param>
internal readonly record struct Site(NodeProto Node, FunctionBody? Function = null, GraphBody? Inner = null, string Attribute = "");

/// <summary>A graph and what in it leads to recurrent nodes.</summary>
internal class GraphBody(GraphNames names)
{
    public GraphNames Names { get; } = names;

    /// <summary>In the order of the graph; empty when no recurrent node is in it, in graphs inside or in functions that it calls.</summary>
    public List<Site> Sites { get; } = [];
}

/// <summary>The body of a function.</summary>
internal sealed class FunctionBody(FunctionProto proto, GraphNames names, long? opset) : GraphBody(names)
{
    public FunctionProto Proto { get; } = proto;

    /// <summary>The version of the default domain that it imports; null when it imports none.</summary>
    public long? Opset { get; } = opset;

    /// <summary>How deep the functions that it calls call others.</summary>
    public int Height { get; set; }

    /// <summary>Whether its own calls are still being looked at: then a call of it closes a circle.</summary>
    public bool IsOpen { get; set; }
}

/// <summary>
/// Looks at every node of a model once, however often its functions are called: checks that names are defined, notes what leads to
/// recurrent nodes, and collects what looks recurrent but is none.
/// </summary>
internal sealed class GraphSurvey
{
    private const int MaxCallDepth = 32, MaxLookAlikes = 100;

    private readonly string _file;
    private readonly ModelProto _model;
    private readonly Dictionary<(string Domain, string Name, string Overload), FunctionProto> _functions = [];
    private readonly Dictionary<FunctionProto, FunctionBody> _bodies = new(ReferenceEqualityComparer.Instance);
    private readonly Stack<FunctionBody> _open = new();
    private readonly List<string> _lookAlikes = [];
    private int _moreLookAlikes;

    /// <exception cref="ModelFormatException">A name is undefined or has two writers, or functions call each other in a circle.</exception>
    public GraphSurvey(string file, ModelProto model)
    {
        (_file, _model) = (file, model);
        if (model.Graph is null)
            throw new ModelFormatException(file, "there is no graph.");
        foreach (FunctionProto function in model.Functions)
            _functions.TryAdd(Key(function.Domain, function.Name, function.Overload), function);
        Opset = DefaultOpset(model.OpsetImport);
        Main = new GraphBody(GraphNames.Of(file, model.Graph, model.IrVersion));
        Survey(Main, model.Graph.Node, [Main.Names], "");
        List<FunctionBody> uncalled = [];
        foreach (FunctionProto function in model.Functions)
        {
            if (!_bodies.ContainsKey(function))
                uncalled.Add(Body(function));
        }

        Uncalled = uncalled;
        if (_moreLookAlikes != 0)
            _lookAlikes.Add(string.Create(CultureInfo.InvariantCulture, $"{_moreLookAlikes} more of such nodes and graphs"));
    }

    public GraphBody Main { get; }

    /// <summary>Functions that were not called before they were come to, in the order of the file.</summary>
    public IReadOnlyList<FunctionBody> Uncalled { get; }

    /// <summary>The version of the default domain; null when the model names none.</summary>
    public long? Opset { get; }

    /// <summary>A line each; of very many the first ones and how many there are more.</summary>
    public IReadOnlyList<string> LookAlikes => _lookAlikes;

    /// <summary>The nodes of the file.</summary>
    public int NodeCount { get; private set; }

    private void Survey(GraphBody body, IEnumerable<NodeProto> nodes, GraphNames[] visible, string path)
    {
        bool multiplies = false, sigmoid = false, tanh = false;
        foreach (NodeProto node in nodes)
        {
            NodeCount++;
            RequireInputs(visible, node);
            multiplies |= node.OpType is "MatMul" or "Gemm" or "QLinearMatMul" or "QLinearConv" or "MatMulInteger" or "Conv";
            sigmoid |= node.OpType is "Sigmoid" or "HardSigmoid" or "QLinearSigmoid";
            tanh |= node.OpType == "Tanh";
            if (_functions.TryGetValue(Key(node.Domain, node.OpType, node.Overload), out FunctionProto? function))
                Call(body, node, function);
            else if (node.OpType is "LSTM" or "GRU" or "RNN")
                body.Sites.Add(new Site(node));
            else
                Note(node);

            foreach (AttributeProto attribute in node.Attribute)
            {
                foreach (GraphProto graph in attribute.G is null ? attribute.Graphs : attribute.Graphs.Prepend(attribute.G))
                {
                    string name = node.Name.Length != 0 ? NodeText.Short(node.Name) : NodeText.Short(node.OpType);
                    var inner = new GraphBody(GraphNames.Of(body.Names.Where, graph, _model.IrVersion));
                    Survey(inner, graph.Node, [inner.Names, .. visible], $"{path}{name}.{NodeText.Short(attribute.Name)}/");
                    if (inner.Sites.Count != 0)
                        body.Sites.Add(new Site(node, Inner: inner, Attribute: attribute.Name));
                }
            }
        }

        if (multiplies && sigmoid && tanh)
        {
            string where = path.Length == 0 ? "the main graph" : path.TrimEnd('/');
            AddLookAlike($"{where} has a matrix product, sigmoid and tanh as nodes of their own: perhaps a cell that was spelled out");
        }
    }

    private void Call(GraphBody body, NodeProto node, FunctionProto function)
    {
        FunctionBody called = Body(function);
        if (_open.TryPeek(out FunctionBody? caller))
            caller.Height = Math.Max(caller.Height, called.Height + 1);
        if (called.IsOpen || called.Height >= MaxCallDepth)
        {
            throw new ModelFormatException(_file, string.Create(CultureInfo.InvariantCulture,
                $"{NodeText.Of(node)} calls functions more than {MaxCallDepth} deep: they go in a circle, or the file is made to exhaust its reader."));
        }

        if (called.Sites.Count != 0)
            body.Sites.Add(new Site(node, Function: called));
    }

    private FunctionBody Body(FunctionProto function)
    {
        if (_bodies.TryGetValue(function, out FunctionBody? known))
            return known;
        string name = NodeText.Short(function.Name);
        var body = new FunctionBody(function, GraphNames.Of($"{_file}, function {name}", function), DefaultOpset(function.OpsetImport)) { IsOpen = true };
        _bodies.Add(function, body);
        _open.Push(body);
        if (_open.Count > MaxCallDepth)
            throw new ModelFormatException(_file, string.Create(CultureInfo.InvariantCulture, $"function {name} is called more than {MaxCallDepth} deep."));
        Survey(body, function.Node, [body.Names], $"function {name}/");
        body.IsOpen = false;
        _open.Pop();
        return body;
    }

    private void Note(NodeProto node)
    {
        if (node.OpType is "QLSTM" or "DynamicQuantizeLSTM" or "QLinearLSTM" or "QuantizeLSTM" or "QGRU" or "DynamicQuantizeGRU")
            AddLookAlike($"{NodeText.Of(node)} is quantised; only float layers are supported");
        else if (node.OpType is "Scan" or "Loop")
            AddLookAlike($"{NodeText.Of(node)} repeats a graph: perhaps a cell that was spelled out");
    }

    private void AddLookAlike(string line)
    {
        if (_lookAlikes.Count < MaxLookAlikes)
            _lookAlikes.Add(line);
        else
            _moreLookAlikes++;
    }

    private static void RequireInputs(GraphNames[] visible, NodeProto node)
    {
        foreach (string input in node.Input)
        {
            if (input.Length == 0)
                continue;
            Definition? definition = null;
            for (int i = 0; i < visible.Length && definition is null; i++)
                definition = visible[i].Find(input);
            if (definition is null)
                throw new ModelFormatException(visible[0].Where, $"{NodeText.Of(node)}: its input '{NodeText.Short(input)}' is defined nowhere.");
            if (ReferenceEquals(definition.Producer, node))
                throw new ModelFormatException(visible[0].Where, $"{NodeText.Of(node)}: its input '{NodeText.Short(input)}' is its own output.");
        }
    }

    private static (string, string, string) Key(string domain, string name, string overload) => (NodeText.IsDefault(domain) ? "" : domain, name, overload);

    private static long? DefaultOpset(IEnumerable<OperatorSetIdProto> imports)
    {
        foreach (OperatorSetIdProto import in imports)
        {
            if (NodeText.IsDefault(import.Domain))
                return import.Version;
        }

        return null;
    }
}
