using System.Text;
using FastRecurrence.Onnx.Proto;

namespace FastRecurrence.Onnx.Graph;

/// <summary>How nodes and names appear in messages: short, on one line.</summary>
internal static class NodeText
{
    /// <summary>Such as <c>LSTM node 'rnn/LSTM_3'</c>; a node without a name goes by its first output.</summary>
    public static string Of(NodeProto node)
    {
        string domain = IsDefault(node.Domain) ? "" : Short(node.Domain) + ".";
        string name = node.Name.Length != 0 ? $"'{Short(node.Name)}'" : node.Output.Count != 0 ? $"writing '{Short(node.Output[0])}'" : "without a name";
        return $"{domain}{Short(node.OpType)} node {name}";
    }

    /// <summary>Domain "" and "ai.onnx" are the same.</summary>
    public static bool IsDefault(string domain) => domain is "" or "ai.onnx";

    public static string Short(string text)
    {
        var clean = new StringBuilder();
        foreach (char c in text.AsSpan(0, Math.Min(80, text.Length)))
            clean.Append(char.IsControl(c) ? '?' : c);
        return clean.ToString();
    }
}
