using System.Globalization;
using FastRecurrence.Onnx.Operators;
using FastRecurrence.Onnx.Proto;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>
/// Finds the recurrent nodes of a model: in the main graph, in the graphs inside nodes (If, Loop, Scan), and in function bodies at
/// each call. Only what leads to a recurrent node is walked, so that the number of calls costs nothing.
/// </summary>
/// <param name="file">The file's name, for errors.</param>
/// <param name="survey">What the graphs and functions of the model hold.</param>
/// <param name="folder">Finds the constants behind names.</param>
/// <param name="strict">Whether warnings refuse the model.</param>
internal sealed class RecurrentFinder(string file, GraphSurvey survey, ConstantFolder folder, bool strict)
{
    private const int MaxFound = 2048, MaxOutputs = 3;

    private readonly List<(int If, string Branch)> _branches = [];
    private int _ifs;

    public List<OnnxRecurrentNode> Found { get; } = [];

    public void Walk(IReadOnlyDictionary<string, OnnxTensor>? bound)
    {
        Walk(survey.Main, Scope.OfModel(survey.Main.Names, survey.Opset, bound), "");
        foreach (FunctionBody function in survey.Uncalled)
        {
            Scope scope = Scope.OfCall(function.Names, function.Proto, function.Opset ?? survey.Opset, null, null);
            Walk(function, scope, $"function {NodeText.Short(function.Proto.Name)}/");
        }
    }

    private void Walk(GraphBody body, Scope scope, string path)
    {
        NodeProto? last = null;
        int number = 0;
        foreach (Site site in body.Sites)
        {
            NodeProto node = site.Node;
            if (!ReferenceEquals(node, last)) // the two branches of an If follow each other
                (last, number) = (node, ++_ifs);
            string here = path + (node.Name.Length != 0 ? NodeText.Short(node.Name) : NodeText.Short(node.OpType));
            if (site.Function is { } function)
                Walk(function, Scope.OfCall(function.Names, function.Proto, function.Opset ?? scope.Opset, scope, node), here + "/");
            else if (site.Inner is { } inner)
                WalkInner(inner, Scope.Inside(scope, inner.Names), here, site, number);
            else
                Add(scope, node, here);
        }
    }

    private void WalkInner(GraphBody inner, Scope scope, string here, Site site, int number)
    {
        bool isBranch = site.Node.OpType == "If" && NodeText.IsDefault(site.Node.Domain);
        if (isBranch)
            _branches.Add((number, site.Attribute));
        Walk(inner, scope, $"{here}.{NodeText.Short(site.Attribute)}/");
        if (isBranch)
            _branches.RemoveAt(_branches.Count - 1);
    }

    private void Add(Scope scope, NodeProto node, string path)
    {
        string where = $"{file}, {NodeText.Of(node)}";
        if (!NodeText.IsDefault(node.Domain))
            throw new NotSupportedException($"{where}: the domain {NodeText.Short(node.Domain)} is unknown; LSTM, GRU and RNN are those of ai.onnx.");
        if (scope.Opset is not { } opset)
            throw new ModelFormatException(where, "the model imports no operator set of ai.onnx (opset_import), so the node has no meaning.");
        if (Found.Count == MaxFound)
        {
            throw new ModelFormatException(file, string.Create(CultureInfo.InvariantCulture,
                $"there are more than {MaxFound} recurrent nodes, counting each call of a function."));
        }

        folder.Charge(where, node);
        Found.Add(Read(scope, node, path, new NodeHeader(where, node.OpType, opset, OperatorAttributes.Of(where, node, scope.Attributes), strict)));
    }

    private OnnxRecurrentNode Read(Scope scope, NodeProto node, string path, NodeHeader header)
    {
        string where = header.Where;
        int most = node.OpType == "LSTM" ? 8 : 6;
        if (node.Input.Count < 3 || node.Input.Count > most)
        {
            throw new ModelFormatException(where, string.Create(CultureInfo.InvariantCulture,
                $"it has {node.Input.Count} inputs; X, W and R are needed, and there are at most {most}."));
        }

        if (node.Output.Count > MaxOutputs)
            throw new ModelFormatException(where, FormattableString.Invariant($"it has {node.Output.Count} outputs; there are at most {MaxOutputs}."));
        RecurrentOperator.CheckAttributes(header);
        Folded? Input(int index) => index < node.Input.Count && node.Input[index].Length != 0 ? folder.Fold(scope, node.Input[index]) : null;
        if (node.Input[0].Length == 0)
            throw new ModelFormatException(where, "X is missing.");
        (Folded? w, Folded? r, Folded? b, Folded? p) = (Input(1), Input(2), Input(3), Input(7));
        var result = new OnnxRecurrentNode(path, node.Name, node.OpType, header.Opset, [.. node.Input], [.. node.Output]) { Branches = [.. _branches] };
        (Folded? Input, string Name, bool IsRequired)[] inputs = [(w, "W", true), (r, "R", true), (b, "B", false), (p, "P", false)];
        foreach ((Folded? input, string name, bool required) in inputs)
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

        var weights = new NodeWeights(w!.Value.Constant!, r!.Value.Constant!, b?.Constant, p?.Constant);
        var meaning = RecurrentOperator.Create(header, weights.Shapes);
        result.Take(new OnnxLayer(meaning, weights, new NodeStates(Input(4), Input(5), Input(6))));
        return result;
    }
}
