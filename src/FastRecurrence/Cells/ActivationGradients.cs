using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cells;

/// <summary>
/// The slopes of the activations from the activated value alone, once for every width and every device: a backward pass keeps y
/// and no preactivation. NaN stays NaN where the slope depends on y. Equations: docs/equations.md, "Activations and their slopes".
/// </summary>
internal static class ActivationGradients<V, L>
    where V : struct
    where L : ILanes<V>
{
    /// <summary>
    /// φ′(a) from y = φ(a), for a function that <see cref="ActivationGradients.AreKnownFromOutput"/>. Callers pass a constant kind where
    /// speed matters.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V FromOutput(V y, Activation kind, V alpha, V beta) => kind switch
    {
        Activation.Sigmoid => Sigmoid(y),
        Activation.Tanh => Tanh(y),
        Activation.Relu => WherePositive(y, L.Broadcast(1f), y), // y is 0 or NaN where it is not positive
        Activation.Affine => alpha,
        Activation.LeakyRelu => WherePositive(y, L.Broadcast(1f), L.Multiply(alpha, L.AtLeast(y, L.Broadcast(1f)))), // 1 for y ≤ 0, NaN for NaN
        Activation.ThresholdedRelu => WherePositive(L.Abs(y), L.Broadcast(1f), y),
        Activation.ScaledTanh => ScaledTanh(y, alpha, beta),
        Activation.HardSigmoid => WherePositive(y, L.WhereNegative(L.Subtract(y, L.Broadcast(1f)), alpha, L.Broadcast(0f)), y),
        Activation.Elu => WherePositive(y, L.Broadcast(1f), L.Add(y, alpha)),
        Activation.Softsign => Softsign(y),
        Activation.Softplus => Softplus(y),
        _ => L.Broadcast(1f),
    };

    /// <summary><c>y(1 − y)</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid(V y) => L.Multiply(y, L.Subtract(L.Broadcast(1f), y));

    /// <summary><c>(1 − y)(1 + y)</c>: unlike 1 − y² it cancels nothing near ±1, where one factor is exact and the other near 2.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh(V y) => L.Multiply(L.Subtract(L.Broadcast(1f), y), L.Add(L.Broadcast(1f), y));

    /// <summary>
    /// <paramref name="slope"/>, or 0 where clip held the preactivation: there y is what the activation makes of a bound.
    /// </summary>
    /// <param name="slope">The slope without clip.</param>
    /// <param name="y">The activated value.</param>
    /// <param name="low">φ(−clip), of a finite clip and from the activation that y came from.</param>
    /// <param name="high">φ(clip).</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V WithClip(V slope, V y, V low, V high)
    {
        V fromLow = L.Subtract(y, low), fromHigh = L.Subtract(y, high);
        V above = WherePositive(L.Abs(fromLow), slope, fromLow); // the difference is 0 or NaN where it is not positive
        return WherePositive(L.Abs(fromHigh), above, fromHigh);
    }

    /// <summary><c>β(α − y)(α + y)/α</c>: α² could underflow. α = 0 makes the function 0, and its slope.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ScaledTanh(V y, V alpha, V beta)
    {
        V slope = L.Multiply(L.Multiply(beta, L.Subtract(alpha, y)), L.Divide(L.Add(alpha, y), alpha));
        return WherePositive(L.Abs(alpha), slope, y);
    }

    /// <summary><c>(1 − |y|)²</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Softsign(V y)
    {
        V rest = L.Subtract(L.Broadcast(1f), L.Abs(y));
        return L.Multiply(rest, rest);
    }

    /// <summary><c>1 − e⁻ʸ</c>, without the loss of digits near 0: minus what Elu makes of −y.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Softplus(V y)
    {
        V zero = L.Broadcast(0f);
        return L.Subtract(zero, Activations<V, L>.Apply(L.Subtract(zero, y), Activation.Elu, L.Broadcast(1f), zero));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V WherePositive(V x, V positive, V other) => L.WhereNegative(L.Subtract(L.Broadcast(0f), x), positive, other);
}

/// <summary>What holds for slopes at every width.</summary>
internal static class ActivationGradients
{
    /// <summary>Whether the activated value tells the slope: not for α below 0, where both sides of LeakyRelu and Elu end above 0.</summary>
    public static bool AreKnownFromOutput(ActivationFunction function) => !(function.Kind is Activation.LeakyRelu or Activation.Elu && function.Alpha < 0);
}
