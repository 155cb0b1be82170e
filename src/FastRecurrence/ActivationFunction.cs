using System.Globalization;

namespace FastRecurrence;

/// <summary>
/// An activation with its parameters. A plain <see cref="Activation"/> converts to one with the α and β that ONNX gives it.
/// </summary>
public readonly record struct ActivationFunction
{
    /// <summary>An activation with explicit α and β; a kind that does not use one ignores it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The kind is unknown, or a parameter is NaN or infinite.</exception>
    public ActivationFunction(Activation kind, float alpha, float beta = 0)
    {
        Defined.Require(kind);
        if (!float.IsFinite(alpha))
            throw new ArgumentOutOfRangeException(nameof(alpha), alpha, "alpha must be finite.");
        if (!float.IsFinite(beta))
            throw new ArgumentOutOfRangeException(nameof(beta), beta, "beta must be finite.");
        Kind = kind;
        Alpha = UsesAlpha(kind) ? alpha : 0;
        Beta = UsesBeta(kind) ? beta : 0;
    }

    /// <summary>The function.</summary>
    public Activation Kind { get; }

    /// <summary>α; 0 where the function has none.</summary>
    public float Alpha { get; }

    /// <summary>β; 0 where the function has none.</summary>
    public float Beta { get; }

    /// <summary>Whether a kind has a parameter α.</summary>
    public static bool UsesAlpha(Activation kind) => kind is Activation.Affine or Activation.LeakyRelu or Activation.ThresholdedRelu
        or Activation.ScaledTanh or Activation.HardSigmoid or Activation.Elu;

    /// <summary>Whether a kind has a parameter β.</summary>
    public static bool UsesBeta(Activation kind) => kind is Activation.Affine or Activation.ScaledTanh or Activation.HardSigmoid;

    /// <summary>The activation with ONNX's default α and β.</summary>
    /// <exception cref="ArgumentException">Affine and ScaledTanh have no defaults: give α and β.</exception>
    public static ActivationFunction From(Activation kind) => kind switch
    {
        Activation.Affine or Activation.ScaledTanh =>
            throw new ArgumentException($"{kind} has no default alpha and beta: use new ActivationFunction(Activation.{kind}, alpha, beta).", nameof(kind)),
        Activation.LeakyRelu => new(kind, 0.01f),
        Activation.HardSigmoid => new(kind, 0.2f, 0.5f),
        Activation.ThresholdedRelu or Activation.Elu => new(kind, 1f),
        _ => new(kind, 0f),
    };

    /// <summary>As <see cref="From"/>.</summary>
    public static implicit operator ActivationFunction(Activation kind) => From(kind);

    /// <summary>Such as <c>tanh</c> or <c>hardsigmoid(0.2,0.5)</c>.</summary>
    public override string ToString()
    {
        string name = Kind.ToString().ToLowerInvariant();
        return UsesBeta(Kind) ? string.Create(CultureInfo.InvariantCulture, $"{name}({Alpha},{Beta})")
            : UsesAlpha(Kind) ? string.Create(CultureInfo.InvariantCulture, $"{name}({Alpha})")
            : name;
    }
}
