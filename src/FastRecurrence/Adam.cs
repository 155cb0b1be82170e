using System.Numerics;

namespace FastRecurrence;

/// <summary>
/// Adam (Kingma and Ba 2015) as PyTorch's, ε outside the root: <c>m += (1 − β₁)(g − m)</c>, <c>v = β₂v + (1 − β₂)g²</c>,
/// <c>w −= learningRate·m̂ / (√v̂ + ε)</c>, m̂ and v̂ corrected for their start at 0. Weight decay is decoupled (AdamW, Loshchilov and Hutter 2019) unless
/// <see cref="DecoupledWeightDecay"/> is off.
/// </summary>
public sealed class Adam : Optimizer
{
    /// <param name="learningRate">How far a step goes.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, NaN or infinite.</exception>
    public Adam(double learningRate = 1e-3)
        : base(learningRate)
    {
    }

    /// <summary>β₁, how much of the mean of the gradients goes on; 0.9 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not in 0..1.</exception>
    public double Beta1
    {
        get;
        init => field = Require(value, nameof(Beta1), upTo: 1);
    } = 0.9;

    /// <summary>β₂, how much of the mean of their squares goes on; 0.999 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is not in 0..1.</exception>
    public double Beta2
    {
        get;
        init => field = Require(value, nameof(Beta2), upTo: 1);
    } = 0.999;

    /// <summary>ε; 1e-8 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, NaN or infinite.</exception>
    public double Epsilon
    {
        get;
        init => field = Require(value, nameof(Epsilon), upTo: double.MaxValue);
    } = 1e-8;

    /// <summary>0 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, NaN or infinite.</exception>
    public double WeightDecay
    {
        get;
        init => field = Require(value, nameof(WeightDecay), upTo: double.MaxValue);
    }

    /// <summary>Whether weights decay by themselves, <c>w −= learningRate·weightDecay·w</c> (the default), and not through their gradients.</summary>
    public bool DecoupledWeightDecay { get; init; } = true;

    private protected override int Moments => 2;

    private protected override void Update(in ParameterRun run)
    {
        double correction1 = 1 - Math.Pow(Beta1, run.Step), correction2 = Math.Sqrt(1 - Math.Pow(Beta2, run.Step));
        float keep = DecoupledWeightDecay ? (float)(1 - LearningRate * WeightDecay) : 1, decay = DecoupledWeightDecay ? 0 : (float)WeightDecay;
        float rest1 = (float)(1 - Beta1), beta2 = (float)Beta2, rest2 = (float)(1 - Beta2);
        float rate = (float)(LearningRate / correction1), inverse = (float)(1 / correction2);
        var epsilon = new Vector<float>((float)Epsilon);
        Span<Vector<float>> weights = run.Weights, first = run.First, second = run.Second;
        for (int i = 0; i < weights.Length; i++)
        {
            Vector<float> w = weights[i] * keep, g = run.Gradients[i] + w * decay;
            Vector<float> m = first[i] + (g - first[i]) * rest1, v = second[i] * beta2 + g * g * rest2;
            weights[i] = w - m / (Vector.SquareRoot(v) * inverse + epsilon) * rate;
            first[i] = m;
            second[i] = v;
        }
    }
}
