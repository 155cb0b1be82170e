using System.Numerics;

namespace FastRecurrence;

/// <summary>
/// Stochastic gradient descent, as PyTorch's: <c>g += weightDecay·w</c>, <c>m = momentum·m + g</c>, <c>w −= learningRate·m</c>.
/// </summary>
public sealed class Sgd : Optimizer
{
    /// <param name="learningRate">How far a step goes.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, NaN or infinite.</exception>
    public Sgd(double learningRate)
        : base(learningRate)
    {
    }

    /// <summary>How much of the step before goes on, from 0 to 1; 0 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is out of range.</exception>
    public double Momentum
    {
        get;
        init => field = Require(value, nameof(Momentum), upTo: 1);
    }

    /// <summary>How much of every weight adds to its gradient; 0 by default.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is negative, NaN or infinite.</exception>
    public double WeightDecay
    {
        get;
        init => field = Require(value, nameof(WeightDecay), upTo: double.MaxValue);
    }

    private protected override int Moments => Momentum == 0 ? 0 : 1;

    private protected override void Update(in ParameterRun run)
    {
        float rate = (float)LearningRate, momentum = (float)Momentum, decay = (float)WeightDecay;
        for (int i = 0; i < run.Weights.Length; i++)
        {
            Vector<float> w = run.Weights[i], g = run.Gradients[i] + w * decay;
            if (momentum != 0)
                g = run.First[i] = run.First[i] * momentum + g;
            run.Weights[i] = w - g * rate;
        }
    }
}
