using System.Globalization;
using FastRecurrence.Onnx.Operators;
using FastRecurrence.Onnx.Proto;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>
/// Walks all graphs of a model: the main one, those inside nodes (If, Loop, Scan), and function bodies at each call. Collects
/// recurrent nodes with their constants, and what looks recurrent but is none.
/// </summary>
internal sealed class RecurrentFinder
{
    private const int MaxCalls = 10_000, MaxCallDepth = 32;

    private readonly string _file;
    private readonly ModelProto _model;
    private readonly ConstantFolder _folder;
    private readonly bool _strict;
    private readonly Dictionary<(string Domain, string Name), FunctionProto> _functions = [];
    private readonly HashSet<FunctionProto> _called = [];
    private int _calls;

    public RecurrentFinder(string file, ModelProto model, ConstantFolder folder, bool strict)
    {
        (_file, _model, _folder, _strict) = (file, model, folder, strict);
        foreach (FunctionProto function in model.Functions)
            _functions.TryAdd((function.Domain, function.Name), function);
    }

    public List<OnnxRecurrentNode> Found { get; } = [];

    public List<string> LookAlikes { get; } = [];

    public int NodeCount { get; private set; }

    public void Walk(IReadOnlyDictionary<string, OnnxTensor>? bound)
    {
        if (_model.Graph is null)
            throw new ModelFormatException(_file, "there is no graph.");
        Walk(Scope.Of(_file, _model.Graph, null, DefaultOpset(_model.OpsetImport), bound), _model.Graph.Node, "", 0);
        foreach (FunctionProto function in _model.Functions.Where(f => !_called.Contains(f)))
            Walk(Scope.Of($"{_file}, function {NodeText.Short(function.Name)}", function, DefaultOpset(function.OpsetImport), null, null), function.Node, $"function {NodeText.Short(function.Name)}/", MaxCallDepth - 1);
    }

    private void Walk(Scope scope, IEnumerable<NodeProto> nodes, string path, int depth)
    {
        bool multiplies = false, sigmoid = false, tanh = false;
        foreach (NodeProto node in nodes)
        {
            NodeCount++;
            RequireInputs(scope, node);
            multiplies |= node.OpType is "MatMul" or "Gemm" or "QLinearMatMul" or "QLinearConv" or "MatMulInteger" or "Conv";
            sigmoid |= node.OpType is "Sigmoid" or "HardSigmoid" or "QLinearSigmoid";
            tanh |= node.OpType == "Tanh";
            string here = path + (node.Name.Length != 0 ? NodeText.Short(node.Name) : NodeText.Short(node.OpType));
            if (_functions.TryGetValue((node.Domain, node.OpType), out FunctionProto? function))
                Call(scope, node, function, here, depth);
            else
                Look(scope, node, here);

            foreach (AttributeProto attribute in node.Attribute)
            {
                IEnumerable<GraphProto> inner = attribute.G is null ? attribute.Graphs : attribute.Graphs.Prepend(attribute.G);
                foreach (GraphProto graph in inner)
                    Walk(Scope.Of(scope.Where, graph, scope, scope.Opset), graph.Node, $"{here}.{NodeText.Short(attribute.Name)}/", depth);
            }
        }

        if (multiplies && sigmoid && tanh)
            LookAlikes.Add($"{(path.Length == 0 ? "the main graph" : path.TrimEnd('/'))} has a matrix product, sigmoid and tanh as nodes of their own: perhaps a cell that was spelled out");
    }

    private void Look(Scope scope, NodeProto node, string path)
    {
        if (node.OpType is "QLSTM" or "DynamicQuantizeLSTM" or "QLinearLSTM" or "QuantizeLSTM" or "QGRU" or "DynamicQuantizeGRU")
        {
            LookAlikes.Add($"{NodeText.Of(node)} is quantised; only float layers are supported");
            return;
        }

        if (node.OpType is not ("LSTM" or "GRU" or "RNN"))
        {
            if (node.OpType is "Scan" or "Loop")
                LookAlikes.Add($"{NodeText.Of(node)} repeats a graph: perhaps a cell that was spelled out");
            return;
        }

        string where = $"{_file}, {NodeText.Of(node)}";
        if (!NodeText.IsDefault(node.Domain))
            throw new NotSupportedException($"{where}: the domain {NodeText.Short(node.Domain)} is unknown; LSTM, GRU and RNN are those of ai.onnx.");
        if (scope.Opset is not { } opset)
            throw new ModelFormatException(where, "the model imports no operator set of ai.onnx (opset_import), so the node has no meaning.");
        Found.Add(Node(scope, node, path, where, opset));
    }

    private OnnxRecurrentNode Node(Scope scope, NodeProto node, string path, string where, long opset)
    {
        int most = node.OpType == "LSTM" ? 8 : 6;
        if (node.Input.Count < 3 || node.Input.Count > most)
            throw new ModelFormatException(where, string.Create(CultureInfo.InvariantCulture, $"it has {node.Input.Count} inputs; X, W and R are needed, and there are at most {most}."));
        OperatorAttributes attributes = OperatorAttributes.Of(where, node, scope.Attributes);
        RecurrentOperator.CheckAttributes(where, node.OpType, opset, attributes);

        Folded? Input(int index) => index < node.Input.Count && node.Input[index].Length != 0 ? _folder.Fold(scope, node.Input[index]) : null;
        if (node.Input[0].Length == 0)
            throw new ModelFormatException(where, "X is missing.");
        (Folded? w, Folded? r, Folded? b, Folded? p) = (Input(1), Input(2), Input(3), Input(7));
        var result = new OnnxRecurrentNode(path, node.Name, node.OpType, opset, [.. node.Input], [.. node.Output]);
        foreach ((Folded? input, string name, bool required) in (ReadOnlySpan<(Folded?, string, bool)>)[(w, "W", true), (r, "R", true), (b, "B", false), (p, "P", false)])
        {
            if (input is null && required)
                throw new ModelFormatException(where, $"{name} is missing.");
            if (input is { Constant: null } open)
            {
                result.Refuse($"{name} is not constant: {open.Reason ?? "it is zeros of a size only the caller knows"}.");
                return result;
            }

            if (input?.Constant is { } tensor && !tensor.Type.IsFloating())
                throw new ModelFormatException(where, $"{name} is {tensor.Type.Text()}; weights are float, double, float16 or bfloat16.");
        }

        var meaning = RecurrentOperator.Create(where, node.OpType, opset, attributes, w!.Value.Constant!.Shape, r!.Value.Constant!.Shape, b?.Constant!.Shape, p?.Constant!.Shape, _strict);
        result.Take(new OnnxLayer(meaning, w.Value.Constant, r.Value.Constant, b?.Constant, p?.Constant, Input(4), Input(5), Input(6)));
        return result;
    }

    private void Call(Scope scope, NodeProto node, FunctionProto function, string path, int depth)
    {
        if (depth >= MaxCallDepth || ++_calls > MaxCalls)
            throw new ModelFormatException(_file, $"{NodeText.Of(node)} calls functions more than {MaxCallDepth} deep or {MaxCalls} times: they go in a circle, or the file is made to exhaust its reader.");
        _called.Add(function);
        Walk(Scope.Of($"{_file}, {NodeText.Of(node)}", function, DefaultOpset(function.OpsetImport) ?? scope.Opset, scope, node), function.Node, path + "/", depth + 1);
    }

    private static void RequireInputs(Scope scope, NodeProto node)
    {
        foreach (string input in node.Input)
        {
            if (input.Length == 0)
                continue;
            if (scope.Find(input) is not { } source)
                throw new ModelFormatException(scope.Where, $"{NodeText.Of(node)}: its input '{NodeText.Short(input)}' is defined nowhere.");
            if (ReferenceEquals(source.Producer, node))
                throw new ModelFormatException(scope.Where, $"{NodeText.Of(node)}: its input '{NodeText.Short(input)}' is its own output.");
        }
    }

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
