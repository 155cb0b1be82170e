using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>What folding found behind a name: a constant, zeros of a size only the caller knows, or why there is neither.</summary>
internal readonly record struct Folded(OnnxTensor? Constant, bool IsZero, string? Reason)
{
    public static Folded Of(OnnxTensor constant) => new(constant, false, null);

    /// <summary>Zeros whose shape depends on the input, as exporters write initial states.</summary>
    public static Folded Zeros { get; } = new(null, true, null);

    public static Folded Not(string reason) => new(null, false, reason);
}
