using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>What folding found behind a name: a constant, zeros of a size only the caller knows, or why there is neither.</summary>
/// <param name="Constant">The constant.</param>
/// <param name="IsOpenZero">Whether it is zeros of a size that only the caller knows.</param>
/// <param name="IsDefault">Whether a caller may give another value: a stored value of an input that has a default.</param>
/// <param name="Reason">Why there is neither.</param>
internal readonly record struct Folded(OnnxTensor? Constant, bool IsOpenZero, bool IsDefault, string? Reason)
{
    /// <summary>Zeros whose shape depends on the input, as exporters write initial states.</summary>
    public static Folded Zeros { get; } = new(null, true, false, null);

    /// <summary>Whether all elements are known to be zero, of whatever size.</summary>
    public bool IsZero => IsOpenZero || Constant is { } constant && constant.IsZero();

    public static Folded Of(OnnxTensor constant) => new(constant, false, false, null);

    public static Folded Not(string reason) => new(null, false, false, reason);
}
