namespace FastRecurrence;

/// <summary>The function an Elman cell applies to its preactivation. NaN stays NaN in all of them.</summary>
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
}
