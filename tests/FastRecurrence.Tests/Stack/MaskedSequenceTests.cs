using FastRecurrence.Tests.Conformance;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Stack;

[Collection("devices")]
public sealed class MaskedSequenceTests
{
    public static TheoryData<string> Complete => TestBackends.CompleteNames;

    /// <summary>A masked row has the bits of the row without the steps left out, in both directions.</summary>
    [Theory]
    [MemberData(nameof(Complete))]
    public void Steps_left_out_are_not_there(string name)
    {
        const int T = 6, I = 3, H = 5;
        Backend backend = TestBackends.Named(name);
        using RecurrentLayer layer = backend.Prepare(LayerWeights.Random(LayerShape.Gru(I, H), 2));
        bool[] mask = [false, true, false, true, true, false];
        float[] x = Problem.Uniform(new Random(1), T * I);
        int[] kept = [1, 3, 4];
        foreach (Direction direction in Enum.GetValues<Direction>())
        {
            foreach (MaskedOutput masked in Enum.GetValues<MaskedOutput>())
            {
                using LayerState state = layer.CreateState(1), alone = layer.CreateState(1);
                float[] y = new float[T * H], own = new float[3 * H];
                float[] hidden = [.. x];
                foreach (int t in (int[])[0, 2, 5])
                    hidden.AsSpan(t * I, I).Fill(float.NaN); // a masked step is not read
                MaskedSequence.Run(layer, state, T, hidden, mask, y, direction, masked);
                layer.Run(alone, 3, [.. kept.SelectMany(t => x.AsSpan(t * I, I).ToArray())], own, new SequenceOptions { Direction = direction });
                int[] shows = direction == Direction.Forward ? [-1, 0, 0, 1, 2, 2] : [0, 0, 1, 1, 2, -1];
                for (int t = 0; t < T; t++)
                {
                    float[] expected = mask[t] || (masked == MaskedOutput.Previous && shows[t] >= 0) ? own[(shows[t] * H)..((shows[t] + 1) * H)] : new float[H];
                    Assert.Equal(expected, y[(t * H)..((t + 1) * H)]);
                }

                float[] h = new float[H], other = new float[H];
                state.CopyHiddenTo(h);
                alone.CopyHiddenTo(other);
                Assert.Equal(other, h);
            }
        }
    }

    [Fact]
    public void Wrong_lengths_are_refused()
    {
        using RecurrentLayer layer = Backend.Reference.Prepare(LayerWeights.Random(LayerShape.Lstm(2, 3), 2));
        using LayerState state = layer.CreateState(2);
        Assert.Throws<ArgumentException>("mask", () => MaskedSequence.Run(layer, state, 2, new float[8], new bool[3], new float[12]));
        Assert.Throws<ArgumentException>("input", () => MaskedSequence.Run(layer, state, 2, new float[7], new bool[4], new float[12]));
        Assert.Throws<ArgumentException>("output", () => MaskedSequence.Run(layer, state, 2, new float[8], new bool[4], new float[11]));
    }
}
