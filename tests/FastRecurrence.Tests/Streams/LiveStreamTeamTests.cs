namespace FastRecurrence.Tests.Streams;

/// <summary>Live streams whose calls a team shares.</summary>
[Collection("teams")]
public sealed class LiveStreamTeamTests
{
    [Theory]
    [InlineData(2)]
    [InlineData(3)]
    public void A_team_does_not_change_a_bit(int workers)
    {
        using var team = new WorkerTeam(workers);
        using var stack = new RecurrentStack(Backend.Simd, StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(64, 200), 1)),
            StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Gru(200, 70, linearBeforeReset: false), 2)));
        for (int seed = 0; seed < 12; seed++)
        {
            using var world = new StreamWorld(stack, seed, team, most: 30);
            world.Live(60);
        }
    }
}
