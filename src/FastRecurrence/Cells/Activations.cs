using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cells;

/// <summary>
/// The activations, once for every width and every device. Errors are measured over bit-spaced floats in the tests and
/// listed in kernels.md, "Numerics". Coefficients: <c>scripts/fit-activations.cs</c>.
/// </summary>
internal static class Activations<V, L>
    where V : struct
    where L : ILanes<V>
{
    // Adding 1.5·2²³ rounds a float of magnitude below 2²² to an integer, left in the low mantissa bits.
    private const float Magic = 12582912f;
    private const float Log2E = 1.44269504f;

    // ln 2 in two parts; the first has 9 trailing zero bits, so that n·Ln2High is exact for |n| ≤ 256.
    private const float Ln2High = 0.693145751953125f;
    private const float Ln2Low = 1.42860677e-6f;

    // expm1(r) = r + r²·q(r) on |r| ≤ ln 2 / 2: scripts/fit-activations.cs.
    private const float Q0 = 0.49999994f;
    private const float Q1 = 0.166665211f;
    private const float Q2 = 0.041668389f;
    private const float Q3 = 0.00836871658f;
    private const float Q4 = 0.00138145988f;

    // eʸ = 0 from here down: n = −127, a power of two of 0.
    private const float Vanishing = -88.03f;

    /// <summary>
    /// <c>1/(1 + e⁻ˣ)</c>: the same form on both sides of 0, with full relative precision down to 2⁻¹²⁶, below which it is 0.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid(V x) => L.Divide(UnlessVanished(x, L.Broadcast(1f)), SigmoidDenominator(x));

    /// <summary>
    /// <c>|E/(E + 2)|</c> with <c>E = expm1(−2|x|)</c>, and the sign of x: odd to the bit, never beyond ±1, exact for
    /// denormals, ±0 kept.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh(V x)
    {
        V e = TanhNumerator(x);
        return L.CopySign(L.Divide(e, L.Add(e, L.Broadcast(2f))), x);
    }

    /// <summary><c>σ(x)·tanh(y)</c>, a gate and what it lets through: the product of the two fractions, with one division.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V SigmoidTimesTanh(V x, V y)
    {
        V e = TanhNumerator(y);
        return L.CopySign(L.Divide(UnlessVanished(x, e), L.Multiply(SigmoidDenominator(x), L.Add(e, L.Broadcast(2f)))), y);
    }

    /// <summary>Any activation. Callers pass a constant kind where speed matters: the others leave no code behind.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Apply(V x, Activation kind, V alpha, V beta) => kind switch
    {
        Activation.Sigmoid => Sigmoid(x),
        Activation.Tanh => Tanh(x),
        Activation.Relu => Relu(x),
        Activation.Affine => L.MultiplyAdd(alpha, x, beta),
        Activation.LeakyRelu => L.MultiplyAdd(alpha, Negative(x), Relu(x)),
        Activation.ThresholdedRelu => L.WhereNegative(L.Subtract(x, alpha), L.Broadcast(0f), x),
        Activation.ScaledTanh => L.Multiply(alpha, Tanh(L.Multiply(beta, x))),
        Activation.HardSigmoid => L.AtMost(L.AtLeast(L.MultiplyAdd(alpha, x, beta), L.Broadcast(0f)), L.Broadcast(1f)),
        Activation.Elu => L.MultiplyAdd(alpha, NegativeExponential(Negative(x)), Relu(x)),
        Activation.Softsign => Softsign(x),
        Activation.Softplus => Softplus(x),
        _ => x,
    };

    /// <summary><c>max(0, x)</c>; NaN stays NaN, −0 stays −0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Relu(V x) => L.AtLeast(x, L.Broadcast(0f));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Negative(V x) => L.AtMost(x, L.Broadcast(0f));

    /// <summary><c>eˣ − 1</c> for x ≤ 0, without the loss of digits near 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V NegativeExponential(V x)
    {
        V t = ExpMinusOne(L.AtLeast(x, L.Broadcast(Vanishing)), out V power);
        return L.MultiplyAdd(power, t, L.Subtract(power, L.Broadcast(1f)));
    }

    /// <summary><c>x/(1 + |x|)</c>; ±∞ give ±1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Softsign(V x)
    {
        V a = L.AtMost(L.Abs(x), L.Broadcast(float.MaxValue));
        return L.CopySign(L.Divide(a, L.Add(a, L.Broadcast(1f))), x);
    }

    /// <summary>
    /// <c>max(x, 0) + ln(1 + u)</c> with <c>u = e^−|x|</c>: <c>ln(1 + u) = 2 artanh(s)</c>, s = u/(2 + u) ≤ 1/3, by its series.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Softplus(V x)
    {
        V y = L.AtLeast(L.NegativeAbs(x), L.Broadcast(Vanishing));
        V t = ExpMinusOne(y, out V power);
        V u = L.MultiplyAdd(power, t, power);
        V s = L.Divide(u, L.Add(u, L.Broadcast(2f)));
        V z = L.Multiply(s, s);
        V series = L.MultiplyAdd(L.Broadcast(1f / 15), z, L.Broadcast(1f / 13));
        series = L.MultiplyAdd(series, z, L.Broadcast(1f / 11));
        series = L.MultiplyAdd(series, z, L.Broadcast(1f / 9));
        series = L.MultiplyAdd(series, z, L.Broadcast(1f / 7));
        series = L.MultiplyAdd(series, z, L.Broadcast(1f / 5));
        series = L.MultiplyAdd(series, z, L.Broadcast(1f / 3));
        V artanh = L.MultiplyAdd(L.Multiply(s, z), series, s);
        return L.Add(Relu(x), L.Add(artanh, artanh));
    }

    /// <summary><c>1 + e⁻ˣ</c>, at most e^87.5.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SigmoidDenominator(V x)
    {
        V one = L.Broadcast(1f);
        // At the upper clamp 2ⁿ is still finite; at the lower the result is 1 to the last bit.
        V y = L.AtMost(L.AtLeast(L.Subtract(L.Broadcast(-0f), x), L.Broadcast(-30f)), L.Broadcast(87.5f));
        V t = ExpMinusOne(y, out V power);
        // 1 + 2ⁿ + 2ⁿt, rounded once where 1 + 2ⁿ is exact; from n = 24 on the 1 is lost there and joins 2ⁿt instead.
        V whole = L.Add(power, one);
        V lost = L.Subtract(one, L.Subtract(whole, power));
        return L.Add(whole, L.MultiplyAdd(power, t, lost));
    }

    /// <summary>0 where σ(x) is below 2⁻¹²⁶, else the value.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V UnlessVanished(V x, V value) => L.WhereNegative(L.Add(x, L.Broadcast(87.33655f)), L.Broadcast(0f), value);

    /// <summary><c>E = expm1(−2|x|)</c>, in −1..0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V TanhNumerator(V x)
    {
        V y = L.NegativeAbs(x);
        V t = ExpMinusOne(L.AtLeast(L.Add(y, y), L.Broadcast(Vanishing)), out V power);
        return L.MultiplyAdd(power, t, L.Subtract(power, L.Broadcast(1f)));
    }

    /// <summary><c>eʸ = power·(1 + t)</c> with <c>power = 2ⁿ</c> and |t| ≤ √2 − 1: the caller adds what it needs before rounding.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V ExpMinusOne(V y, out V power)
    {
        V shifted = L.MultiplyAdd(y, L.Broadcast(Log2E), L.Broadcast(Magic));
        V n = L.Subtract(shifted, L.Broadcast(Magic));
        V r = L.MultiplyAdd(n, L.Broadcast(-Ln2High), y);
        r = L.MultiplyAdd(n, L.Broadcast(-Ln2Low), r);
        // Estrin's order: shorter chains than Horner's from the same five operations.
        V r2 = L.Multiply(r, r);
        V q = L.MultiplyAdd(L.Broadcast(Q4), r2, L.MultiplyAdd(L.Broadcast(Q3), r, L.Broadcast(Q2)));
        q = L.MultiplyAdd(q, r2, L.MultiplyAdd(L.Broadcast(Q1), r, L.Broadcast(Q0)));
        power = L.PowerOfTwo(shifted);
        return L.MultiplyAdd(r2, q, r);
    }
}
