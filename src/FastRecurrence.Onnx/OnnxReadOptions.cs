namespace FastRecurrence.Onnx;

/// <summary>How a model is read.</summary>
public sealed record OnnxReadOptions
{
    /// <summary>Whether what is only a warning (surplus activation_alpha or activation_beta) refuses the model.</summary>
    public bool Strict { get; init; }
}
