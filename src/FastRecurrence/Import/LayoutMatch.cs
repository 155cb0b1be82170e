namespace FastRecurrence.Import;

/// <summary>One way to read a layer's arrays that reproduces the given output.</summary>
/// <param name="GateOrder">Where our gates stand among theirs: their blocks by our names, such as <c>i o f g</c> or <c>z r n</c>.</param>
/// <param name="InputTransposed">Whether W is <c>[I, G·H]</c>.</param>
/// <param name="RecurrentTransposed">Whether R is <c>[H, G·H]</c>.</param>
/// <param name="BiasRule">How the biases count.</param>
/// <param name="Framework">The framework whose order and orientation it is; null for none that is known.</param>
/// <param name="Error">The largest difference to the given output.</param>
/// <param name="Weights">The layer, in our order.</param>
public sealed record LayoutMatch(
    string GateOrder, bool InputTransposed, bool RecurrentTransposed, string BiasRule, string? Framework, double Error, LayerWeights Weights)
{
    /// <summary>Such as <c>gates i o f g, W as is, R as is, two biases added (ONNX), error 6e-08</c>.</summary>
    public override string ToString()
    {
        string w = Orientation(InputTransposed), r = Orientation(RecurrentTransposed), framework = Framework is null ? "" : $" ({Framework})";
        return FormattableString.Invariant($"gates {GateOrder}, W {w}, R {r}, {BiasRule}{framework}, error {Error:g2}");
    }

    private static string Orientation(bool transposed) => transposed ? "transposed" : "as is";
}
