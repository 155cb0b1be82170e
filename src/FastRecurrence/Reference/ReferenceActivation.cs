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
