namespace FastRecurrence.Cli.Tests.Readme;

/// <summary>The README's first example between the two marks, word for word (ReadmeTests compares).</summary>
public sealed class EmbeddingExample
{
    [Fact]
    public void Runs_and_a_step_goes_on_where_the_sequence_ended()
    {
        // README example 1
        // A trained layer's numbers, row-major: W [4·H, I], R [4·H, H], b [4·H], gate blocks in the order i, f, g, o.
        LayerShape shape = LayerShape.Lstm(inputSize: 3, hiddenSize: 5);
        LayerWeights weights = LayerWeights.Random(shape, seed: 1); // or new LayerWeights(shape, w, r, b)

        using RecurrentLayer layer = Backend.Simd.Prepare(weights); // packed once, immutable: share it between threads
        using LayerState state = layer.CreateState(batchSize: 2);   // one for each stream; a step allocates nothing

        // A whole sequence, time-major: x [T, N, I] in, h [T, N, H] out.
        float[] x = new float[4 * 2 * 3], h = new float[4 * 2 * 5];
        layer.Run(state, sequenceLength: 4, x, h);

        // Or step by step: the state carries h and c from call to call.
        layer.Step(state, x.AsSpan(0, 2 * 3), h.AsSpan(0, 2 * 5));
        // end of README example 1

        using LayerState other = layer.CreateState(2);
        float[] five = new float[5 * 2 * 5];
        layer.Run(other, 5, new float[5 * 2 * 3], five);
        Assert.Equal(five[(4 * 2 * 5)..], h[..(2 * 5)]);
        Assert.NotEqual(0, h[0]);
    }
}
