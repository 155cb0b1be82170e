namespace FastRecurrence.Onnx.Operators;

/// <summary>A recurrent node as it is written, without its inputs.</summary>
/// <param name="Where">File and node, for errors.</param>
/// <param name="Name">RNN, GRU or LSTM.</param>
/// <param name="Opset">The version of the default domain.</param>
/// <param name="Attributes">The node's attributes.</param>
/// <param name="IsStrict">Whether what is otherwise a warning is refused.</param>
internal sealed record NodeHeader(string Where, string Name, long Opset, OperatorAttributes Attributes, bool IsStrict = false);

/// <summary>The shapes of a node's weights; null for one that it does not have.</summary>
internal readonly record struct WeightShapes(int[] W, int[] R, int[]? B, int[]? P);
