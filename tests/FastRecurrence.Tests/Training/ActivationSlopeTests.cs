using FastRecurrence.Reference;

namespace FastRecurrence.Tests.Training;

/// <summary>f′ of the reference against central differences, at its limits and at kinks.</summary>
public sealed class ActivationSlopeTests
{
    public static TheoryData<Activation> Kinds => [.. Enum.GetValues<Activation>()];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Agrees_with_central_differences(Activation kind)
    {
        ActivationFunction f = Default(kind);
        for (int i = -8000; i <= 8000; i++)
        {
            double x = i * 1e-3 + 4e-4; // never within 1e-4 of a kink, which all lie on multiples of 0.001
            double difference = (ReferenceActivation.Apply(f, x + 1e-5) - ReferenceActivation.Apply(f, x - 1e-5)) / 2e-5;
            Assert.Equal(difference, ReferenceActivation.Derivative(f, x), 1e-9);
        }
    }

    /// <summary>Where f(x) itself is saturated the slope keeps its digits: (ln f′)′ = −1 or −2 there.</summary>
    [Fact]
    public void Keeps_its_digits_near_saturation()
    {
        foreach (double x in (double[])[20, 50, 100, 300])
        {
            Assert.Equal(1, ReferenceActivation.Derivative(Activation.Sigmoid, x) / Math.Exp(-x), 1e-8);
            Assert.Equal(1, ReferenceActivation.Derivative(Activation.Sigmoid, -x) / Math.Exp(-x), 1e-8);
            Assert.Equal(1, ReferenceActivation.Derivative(Activation.Tanh, x) / (4 * Math.Exp(-2 * x)), 1e-8);
        }
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Is_finite_at_infinity(Activation kind)
    {
        ActivationFunction f = Default(kind);
        Assert.True(double.IsFinite(ReferenceActivation.Derivative(f, double.PositiveInfinity)));
        Assert.True(double.IsFinite(ReferenceActivation.Derivative(f, double.NegativeInfinity)));
    }

    /// <summary>At a kink: the side that PyTorch takes, where it has the function.</summary>
    [Fact]
    public void Takes_a_side_at_kinks()
    {
        Assert.Equal(0, ReferenceActivation.Derivative(Activation.Relu, 0));
        Assert.Equal(0.01f, ReferenceActivation.Derivative(Activation.LeakyRelu, 0));
        Assert.Equal(1, ReferenceActivation.Derivative(Activation.Elu, 0));
        Assert.Equal(0.5f, ReferenceActivation.Derivative(new ActivationFunction(Activation.Elu, 0.5f), 0));
        Assert.Equal(0, ReferenceActivation.Derivative(new ActivationFunction(Activation.HardSigmoid, 0.5f, 0.5f), 1));
        Assert.Equal(0, ReferenceActivation.Derivative(new ActivationFunction(Activation.HardSigmoid, 0.5f, 0.5f), -1));
        Assert.Equal(1, ReferenceActivation.Derivative(Activation.ThresholdedRelu, 1));
        Assert.Equal(0, ReferenceActivation.Derivative(new ActivationFunction(Activation.ThresholdedRelu, 0), 0));
    }

    private static ActivationFunction Default(Activation kind) =>
        kind is Activation.Affine or Activation.ScaledTanh ? new ActivationFunction(kind, 0.75f, 0.5f) : kind;
}
