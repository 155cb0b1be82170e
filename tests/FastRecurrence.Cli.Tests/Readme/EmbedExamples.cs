namespace FastRecurrence.Cli.Tests.Readme;

/// <summary>What docs/embed.md quotes; DocumentationTests holds the quotations to these lines.</summary>
public sealed class EmbedExamples
{
    private const int T = 5;

    [Fact]
    public void Layers_one_after_another()
    {
        LayerShape shape = LayerShape.Lstm(inputSize: 40, hiddenSize: 64) with { ProjectionSize = 32 };
        LayerWeights first = LayerWeights.Random(shape, seed: 1), second = LayerWeights.Random(LayerShape.Gru(32, 16), seed: 2);
        using var stack = new RecurrentStack(Backend.Simd, StackLayer.Unidirectional(first), StackLayer.Unidirectional(second));
        using StackState state = stack.CreateState(batchSize: 3);
        float[] x = new float[T * 3 * stack.InputSize], y = new float[T * 3 * stack.OutputSize];
        stack.Run(state, T, x, y);

        Assert.Equal(16, stack.OutputSize);
        Assert.All(y, v => Assert.NotEqual(0, v));
    }

    [Fact]
    public void Rows_of_different_lengths_one_after_another()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Elman(2, 4), seed: 1));
        using LayerState state = layer.CreateState(batchSize: 3);
        float[] x = new float[3 * 5 * 2], h = new float[3 * 5 * 4];

        // Three rows of 5, 2 and 4 steps, one row after another in memory; padding is neither read nor paid for.
        int[] lengths = [5, 2, 4];
        layer.Run(state, 5, x, h, new SequenceOptions { Lengths = lengths, Layout = SequenceLayout.BatchMajor });

        for (int row = 0; row < 3; row++)
        {
            for (int t = 0; t < 5; t++)
                Assert.Equal(t < lengths[row], h[(row * 5 + t) * 4] != 0);
        }
    }

    [Fact]
    public void A_stream_is_saved_and_forked()
    {
        using var stack = new RecurrentStack(Backend.Simd, StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(2, 4), seed: 1)));
        float[] frame = [0.5f, -1], y = new float[4], z = new float[4];

        using var stream = new RecurrentStream(stack);
        stream.Step(frame, y);                     // a step as it arrives
        byte[] saved = stream.State.Save();        // h and c, checked when they come back
        using RecurrentStream other = stream.Fork();
        stream.Step(frame, y);
        other.State.Restore(saved);
        other.Step(frame, z);                      // the bits of the other one

        Assert.Equal(y, z);
    }

    [Fact]
    public void Threads_are_lent()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Lstm(16, 32), seed: 1));
        float[] x = new float[T * 8 * 16], h = new float[T * 8 * 32], alone = new float[T * 8 * 32];
        using LayerState single = layer.CreateState(batchSize: 8);
        layer.Run(single, T, x, alone);

        using var team = new WorkerTeam(2);
        using LayerState state = layer.CreateState(batchSize: 8, team);
        layer.Run(state, T, x, h);

        Assert.Equal(alone, h);
    }
}
