using FastRecurrence.Reference;

namespace FastRecurrence.Tests.Faults;

/// <summary>A number that a cast made into an enum, and that the enum does not have, is refused where it is given.</summary>
public sealed class UndefinedValueTests
{
    private static readonly LayerWeights Weights = LayerWeights.Random(LayerShape.Elman(2, 3), 1);

    private static void Refused(string name, Action call)
    {
        var e = Assert.Throws<ArgumentOutOfRangeException>(call);
        Assert.Equal(name, e.ParamName);
        Assert.Contains("is one of", e.Message);
    }

    [Theory]
    [InlineData(-1)]
    [InlineData(7)]
    public void Of_every_enum_that_a_call_takes(int value)
    {
        Refused("Direction", () => _ = new SequenceOptions { Direction = (Direction)value });
        Refused("Padding", () => _ = new SequenceOptions { Padding = (Padding)value });
        Refused("Layout", () => _ = new SequenceOptions { Layout = (SequenceLayout)value });
        Refused("Padding", () => _ = new StackOptions { Padding = (Padding)value });
        Refused("Layout", () => _ = new StackOptions { Layout = (SequenceLayout)value });
        Refused("direction", () => StackLayer.Unidirectional(Weights, (Direction)value));
        Refused("format", () => Backend.Simd.Prepare(Weights, (WeightFormat)value));
        Refused("direction", () => new ReferenceLayer(Weights).Run(new double[2], 1, 1, direction: (Direction)value));
        using RecurrentLayer layer = Backend.Simd.Prepare(Weights);
        using LayerState state = layer.CreateState(1);
        Refused("direction", () => MaskedSequence.Run(layer, state, 1, new float[2], [true], new float[3], (Direction)value));
        Refused("masked", () => MaskedSequence.Run(layer, state, 1, new float[2], [true], new float[3], masked: (MaskedOutput)value));
    }

    [Fact]
    public void Of_an_activation() => Refused("kind", () => _ = new ActivationFunction((Activation)99, 1));

    [Fact]
    public void The_reference_checks_lengths_and_states()
    {
        var layer = new ReferenceLayer(Weights);
        Assert.Throws<ArgumentOutOfRangeException>("lengths", () => layer.Run(new double[4], 2, 1, lengths: [3]));
        Assert.Throws<ArgumentException>("lengths", () => layer.Run(new double[4], 2, 1, lengths: [1, 1]));
        Assert.Throws<ArgumentException>("initialHidden", () => layer.Run(new double[4], 2, 1, new double[4]));
        Assert.Throws<ArgumentException>("initialCell", () => layer.Run(new double[4], 2, 1, null, new double[4]));
        Assert.Throws<ArgumentOutOfRangeException>("sequenceLength", () => layer.Run([], -1, 1));
    }
}
