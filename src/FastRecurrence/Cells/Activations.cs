using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cells;

/// <summary>
/// The activations, once for every width and every device. Errors are measured over bit-spaced floats in the tests and
/// listed in docs/numerics.md. Coefficients: <c>scripts/fit-activations.cs</c>.
/// </summary>
internal static class Activations<V, L>
    where V : struct
    where L : ILanes<V>
{
    // Adding 1.5·2²³ rounds a float of magnitude below 2²² to an integer, left in the low mantissa bits; the exponent's bias joins it.
    private const float Magic = 12582912f + 127;
    private const float Log2E = 1.44269504f;
    private const float Ln2 = 0.693147182f;

    // ln 2 in two parts; the first has 9 trailing zero bits, so that n·Ln2High is exact for |n| ≤ 256.
    private const float Ln2High = 0.693145751953125f;
    private const float Ln2Low = 1.42860677e-6f;

    // expm1(r) = r + r²·(Q0 + Q1 r + …) on |r| ≤ ln 2 / 2: scripts/fit-activations.cs.
    private const float Q0 = 0.49999994f;
    private const float Q1 = 0.166665211f;
    private const float Q2 = 0.041668389f;
    private const float Q3 = 0.00836871658f;
    private const float Q4 = 0.00138145988f;

    // From here down 2ⁿ is 0: n = −127.
    private const float Vanishing = -88.03f;

    /// <summary>
    /// <c>1/(1 + e⁻ˣ) = q/(q + 1 − w)</c>: the same form on both sides of 0, with full relative precision down to 2⁻¹²⁶, and 0 below
    /// x = −87.68.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Sigmoid(V x) => L.Divide(SigmoidFraction(x, out V denominator), denominator);

    /// <summary><c>(e²ˣ − 1)/(e²ˣ + 1)</c> of |x|, and the sign of x: odd to the bit, never beyond ±1, exact for denormals, ±0 kept.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Tanh(V x) => L.CopySign(L.Divide(TanhFraction(x, out V denominator), denominator), x);

    /// <summary><c>σ(x)·tanh(y)</c>, a gate and what it lets through: the product of the two fractions, with one division.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V SigmoidTimesTanh(V x, V y)
    {
        V tanh = TanhFraction(y, out V tanhDenominator), sigmoid = SigmoidFraction(x, out V denominator);
        return L.CopySign(L.Divide(L.Multiply(sigmoid, tanh), L.Multiply(denominator, tanhDenominator)), y);
    }

    /// <summary>The same bits, with <c>σ(x)</c> and <c>tanh(y)</c> beside them: two divisions more.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V SigmoidTimesTanh(V x, V y, out V sigmoid, out V tanh)
    {
        V t = TanhFraction(y, out V tanhDenominator), s = SigmoidFraction(x, out V denominator);
        sigmoid = L.Divide(s, denominator);
        tanh = L.CopySign(L.Divide(t, tanhDenominator), y);
        return L.CopySign(L.Divide(L.Multiply(s, t), L.Multiply(denominator, tanhDenominator)), y);
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
        V w = Exponential(L.AtMost(L.Abs(x), L.Broadcast(-Vanishing)), out V q);
        V one = L.Broadcast(1f), inverse = L.Divide(one, q);
        return L.Subtract(L.Subtract(inverse, one), L.Multiply(inverse, w));
    }

    /// <summary><c>x/(1 + |x|)</c>; ±∞ give ±1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Softsign(V x)
    {
        V a = L.AtMost(L.Abs(x), L.Broadcast(1e30f)); // from 2²⁵ on the quotient is 1; a reciprocal of more could vanish on a device
        return L.CopySign(L.Divide(a, L.Add(a, L.Broadcast(1f))), x);
    }

    /// <summary>
    /// <c>max(x, 0) + ln(1 + u)</c> with <c>u = e^−|x|</c>: <c>ln(1 + u) = 2 artanh(s)</c>, s = u/(2 + u) ≤ 1/3, by its series.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Softplus(V x)
    {
        V w = Exponential(L.AtMost(L.Abs(x), L.Broadcast(-Vanishing)), out V q);
        V u = L.Divide(L.Subtract(L.Broadcast(1f), w), q);
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

    /// <summary>σ's numerator q = 2ⁿ and its denominator; their ratio is 1 to the last bit from the upper clamp on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V SigmoidFraction(V x, out V denominator)
    {
        V w = Exponential(L.AtMost(L.AtLeast(x, L.Broadcast(Vanishing)), L.Broadcast(30f)), out V q);
        // The smaller of q and 1 joins w first: in the larger one either could be lost.
        V one = L.Broadcast(1f);
        denominator = L.Add(L.AtLeast(q, one), L.Subtract(L.AtMost(q, one), w));
        return q;
    }

    /// <summary>
    /// Numerator <c>p − ½ + v</c> and denominator <c>p + ½ − v</c> of tanh |x|, with <c>e^−2|x| = (1 − 2v)/2p</c>; halved, so that |x| need not be doubled.
    /// One ln 2 is enough: what it lacks is multiplied by n, and by 2ⁿ where n is large.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V TanhFraction(V x, out V denominator)
    {
        V y = L.AtMost(L.Abs(x), L.Broadcast(20f)); // tanh is 1 to the last bit there
        V shifted = L.MultiplyAdd(y, L.Broadcast(2 * Log2E), L.Broadcast(Magic - 1));
        V n = L.Subtract(shifted, L.Broadcast(Magic - 1));
        V v = OneMinusExp(L.MultiplyAdd(n, L.Broadcast(-Ln2 / 2), y), 2f);
        V p = L.PowerOfTwo(shifted), half = L.Broadcast(0.5f);
        denominator = L.Subtract(L.Add(p, half), v);
        return L.Add(v, L.Subtract(p, half));
    }

    /// <summary>
    /// <c>e⁻ˣ = (1 − w)/q</c> with q = 2ⁿ, n the integer nearest to x/ln 2 and in −127..127, |w| ≤ √2 − 1: the caller adds what it needs before
    /// rounding.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Exponential(V x, out V q)
    {
        V shifted = L.MultiplyAdd(x, L.Broadcast(Log2E), L.Broadcast(Magic));
        V n = L.Subtract(shifted, L.Broadcast(Magic));
        V r = L.MultiplyAdd(n, L.Broadcast(-Ln2Low), L.MultiplyAdd(n, L.Broadcast(-Ln2High), x));
        q = L.PowerOfTwo(shifted);
        return OneMinusExp(r, 1f);
    }

    /// <summary>
    /// <c>(1 − e^−sr)/s</c> for s a power of two, |sr| ≤ ln 2 / 2. Estrin's order: shorter chains than Horner's from the same five operations.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V OneMinusExp(V r, float s)
    {
        V r2 = L.Multiply(r, r);
        V q = L.MultiplyAdd(L.Broadcast(-Q4 * s * s * s * s * s), r2, L.MultiplyAdd(L.Broadcast(Q3 * s * s * s * s), r, L.Broadcast(-Q2 * s * s * s)));
        q = L.MultiplyAdd(q, r2, L.MultiplyAdd(L.Broadcast(Q1 * s * s), r, L.Broadcast(-Q0 * s)));
        return L.MultiplyAdd(r2, q, r);
    }
}
