namespace FastRecurrence.Tests.Arguments;

/// <summary>F# and Visual Basic set every option: <c>tests/Languages</c> holds what their users write, and here it runs.</summary>
public sealed class LanguageTests
{
    private static readonly LayerShape s_shape = LayerShape.Lstm(3, 5) with
    {
        GateActivation = Activation.HardSigmoid,
        CandidateActivation = Activation.Softsign,
        CellActivation = new ActivationFunction(Activation.Elu, 0.7f),
        Peepholes = true,
        CoupledInputForget = true,
        ProjectionSize = 2,
        Clip = 3,
    };

    [Fact]
    public void Both_make_every_shape()
    {
        Assert.Equal(s_shape, FSharpUse.Use.shape());
        Assert.Equal(LayerShape.Gru(3, 5, linearBeforeReset: false), FSharpUse.Use.gru());
        Assert.Equal(s_shape, VisualBasicUse.Use.Shape());
    }

    [Fact]
    public void Both_run_with_every_setting()
    {
        float[] x = [.. Enumerable.Range(0, 4 * 2 * 3).Select(i => i / 24f)], y = new float[4 * 2 * 5];
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Lstm(3, 5), 1));
        using LayerState state = layer.CreateState(2);
        layer.Run(state, 4, x, y, new SequenceOptions
        {
            Lengths = [4, 2],
            Direction = Direction.Reverse,
            Padding = Padding.Left,
            Layout = SequenceLayout.BatchMajor,
        });
        Assert.Equal(y, FSharpUse.Use.run(Backend.Simd));
        Assert.Equal(y, VisualBasicUse.Use.Run(Backend.Simd));
    }

    [Fact]
    public void FSharp_makes_stacks()
    {
        using var stack = new RecurrentStack(Backend.Simd, StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(3, 5), 1)),
            StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Gru(5, 4), 2)));
        using StackState state = stack.CreateState(1);
        float[] y = new float[2 * 4];
        stack.Run(state, 2, [0.1f, 0.2f, 0.3f, 0.4f, 0.5f, 0.6f], y);
        Assert.Equal(y[4..], FSharpUse.Use.last(Backend.Simd));
    }
}
