namespace FastRecurrence;

/// <summary>
/// The kinds of function a gate may apply to its preactivation: the identity and the eleven of ONNX. NaN stays NaN in all
/// of them, and infinities go to the limits. α and β: <see cref="ActivationFunction"/>.
/// </summary>
public enum Activation
{
    /// <summary><c>x</c>, unchanged.</summary>
    Linear,

    /// <summary><c>1 / (1 + exp(-x))</c>; at most 2 ulp from exact where the result is a normal number, 0 below.</summary>
    Sigmoid,

    /// <summary><c>tanh x</c>; odd to the bit, at most 3 ulp from exact, never beyond ±1.</summary>
    Tanh,

    /// <summary><c>max(0, x)</c>.</summary>
    Relu,

    /// <summary><c>αx + β</c>; has no default α and β.</summary>
    Affine,

    /// <summary><c>x</c> where x ≥ 0, else <c>αx</c>; α = 0.01.</summary>
    LeakyRelu,

    /// <summary><c>x</c> where x ≥ α, else 0; α = 1.</summary>
    ThresholdedRelu,

    /// <summary><c>α tanh(βx)</c>; has no default α and β.</summary>
    ScaledTanh,

    /// <summary><c>min(max(αx + β, 0), 1)</c>; α = 0.2, β = 0.5.</summary>
    HardSigmoid,

    /// <summary><c>x</c> where x ≥ 0, else <c>α(exp(x) − 1)</c>; α = 1.</summary>
    Elu,

    /// <summary><c>x / (1 + |x|)</c>.</summary>
    Softsign,

    /// <summary><c>ln(1 + exp(x))</c>.</summary>
    Softplus,
}
