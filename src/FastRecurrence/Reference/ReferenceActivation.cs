namespace FastRecurrence.Reference;

/// <summary>The activations in double, as their definitions read.</summary>
public static class ReferenceActivation
{
    /// <summary>f(x).</summary>
    public static double Apply(ActivationFunction function, double x)
    {
        (double α, double β) = (function.Alpha, function.Beta);
        return function.Kind switch
        {
            Activation.Linear => x,
            Activation.Sigmoid => 1 / (1 + Math.Exp(-x)),
            Activation.Tanh => Math.Tanh(x),
            Activation.Relu => x < 0 ? 0 : x,
            Activation.Affine => α * x + β,
            Activation.LeakyRelu => x < 0 ? α * x : x,
            Activation.ThresholdedRelu => x < α ? 0 : x,
            Activation.ScaledTanh => α * Math.Tanh(β * x),
            Activation.HardSigmoid => Math.Min(Math.Max(α * x + β, 0), 1),
            Activation.Elu => x < 0 ? α * ExpMinusOne(x) : x,
            Activation.Softsign => double.IsInfinity(x) ? Math.Sign(x) : x / (1 + Math.Abs(x)),
            Activation.Softplus => Math.Max(x, 0) + LogOnePlus(Math.Exp(-Math.Abs(x))),
            _ => throw new ArgumentOutOfRangeException(nameof(function), function, "unknown activation"),
        };
    }

    /// <summary>
    /// f′(x), from x itself: it keeps its digits where f(x) has lost them, as near ±1 of tanh. At a kink: 0 for Relu and HardSigmoid,
    /// α for LeakyRelu and Elu, 1 for ThresholdedRelu unless its α is 0. NaN where x is NaN, but for Linear and Affine.
    /// </summary>
    internal static double Derivative(ActivationFunction function, double x)
    {
        if (double.IsNaN(x) && function.Kind is not (Activation.Linear or Activation.Affine))
            return x;
        (double α, double β) = (function.Alpha, function.Beta);
        double y = Apply(function, x);
        return function.Kind switch
        {
            Activation.Linear => 1,
            Activation.Sigmoid => Bell(x),
            Activation.Tanh => 4 * Bell(2 * x), // tanh x = 2σ(2x) − 1
            Activation.Relu => x > 0 ? 1 : 0,
            Activation.Affine => α,
            Activation.LeakyRelu => x > 0 ? 1 : α,
            Activation.ThresholdedRelu => y != 0 ? 1 : 0,
            Activation.ScaledTanh => 4 * α * β * Bell(2 * β * x),
            Activation.HardSigmoid => y is > 0 and < 1 ? α : 0,
            Activation.Elu => x > 0 ? 1 : α * Math.Exp(x),
            Activation.Softsign => 1 / ((1 + Math.Abs(x)) * (1 + Math.Abs(x))),
            Activation.Softplus => 1 / (1 + Math.Exp(-x)),
            _ => throw new ArgumentOutOfRangeException(nameof(function), function, "unknown activation"),
        };
    }

    // σ′(x) = σ(x)·σ(−x) = e^−|x| / (1 + e^−|x|)²
    private static double Bell(double x)
    {
        double e = Math.Exp(-Math.Abs(x));
        return e / ((1 + e) * (1 + e));
    }

    // eˣ − 1 and ln(1 + u) without the loss of digits near 0 (Kahan's corrections).
    private static double ExpMinusOne(double x)
    {
        double e = Math.Exp(x);
        return e == 1 ? x : e - 1 == -1 ? -1 : (e - 1) * x / Math.Log(e);
    }

    private static double LogOnePlus(double u)
    {
        double sum = 1 + u;
        return sum == 1 ? u : Math.Log(sum) * u / (sum - 1);
    }
}
