namespace FastRecurrence.Onnx;

/// <summary>An RNN, GRU or LSTM node of a model: taken as a layer, or refused with the reason.</summary>
public sealed class OnnxRecurrentNode
{
    internal OnnxRecurrentNode(string path, string name, string operatorType, long opset, IReadOnlyList<string> inputs, IReadOnlyList<string> outputs)
    {
        (Path, Name, OperatorType, Opset, Inputs, Outputs) = (path, name, operatorType, opset, inputs, outputs);
    }

    /// <summary>The way to the node through nodes that hold graphs, such as <c>If_0.then_branch/LSTM_12</c>.</summary>
    public string Path { get; }

    /// <summary>The node's own name; may be empty.</summary>
    public string Name { get; }

    /// <summary><c>LSTM</c>, <c>GRU</c> or <c>RNN</c>.</summary>
    public string OperatorType { get; }

    /// <summary>The version of the operator set.</summary>
    public long Opset { get; }

    /// <summary>Names of X, W, R, B, sequence_lens, initial_h, initial_c, P, as many as the node writes; empty where absent.</summary>
    public IReadOnlyList<string> Inputs { get; }

    /// <summary>Names of Y, Y_h, Y_c, as many as the node writes; empty where absent.</summary>
    public IReadOnlyList<string> Outputs { get; }

    /// <summary>The If nodes on the way, each with a number of its own, and in which branch of each the node is.</summary>
    internal IReadOnlyList<(int If, string Branch)> Branches { get; init; } = [];

    /// <summary>The layer; null when the node is refused.</summary>
    public OnnxLayer? Layer { get; private set; }

    /// <summary>Why the node is not taken; null when it is.</summary>
    public string? Refusal { get; private set; }

    /// <summary>The layer.</summary>
    /// <exception cref="NotSupportedException">The node is refused; the message says why.</exception>
    public OnnxLayer RequireLayer() => Layer ?? throw new NotSupportedException($"{OperatorType} node '{Path}': {Refusal}");

    internal void Take(OnnxLayer layer) => Layer = layer;

    internal void Refuse(string reason) => Refusal = reason;
}
