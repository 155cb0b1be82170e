namespace FastRecurrence.Cli.Tests.Readme;

/// <summary>The README's first example between the two marks, word for word (ReadmeTests compares).</summary>
public sealed class EmbeddingExample
{
    [Fact]
    public void Runs_and_a_step_goes_on_where_the_sequence_ended()
    {
        // README example 1
        // W [4·H, I], R [4·H, H] and b [4·H], row-major, gates in the order i, f, g, o; here random ones.
        LayerWeights weights = LayerWeights.Random(LayerShape.Lstm(inputSize: 3, hiddenSize: 5), seed: 1);

        using RecurrentLayer layer = Backend.Simd.Prepare(weights); // packed once; threads may share it
        using LayerState state = layer.CreateState(batchSize: 2);   // h and c, one for each stream

        float[] x = new float[4 * 2 * 3], h = new float[4 * 2 * 5];
        layer.Run(state, sequenceLength: 4, x, h);                  // x [T, N, I] in, h [T, N, H] out
        layer.Step(state, x.AsSpan(0, 2 * 3), h.AsSpan(0, 2 * 5));  // one more step: the state goes on
        // end of README example 1

        using LayerState other = layer.CreateState(2);
        float[] five = new float[5 * 2 * 5];
        layer.Run(other, 5, new float[5 * 2 * 3], five);
        Assert.Equal(five[(4 * 2 * 5)..], h[..(2 * 5)]);
        Assert.NotEqual(0, h[0]);
    }
}
