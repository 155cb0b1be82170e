using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Simd;

/// <summary>Worker threads change no bit, never deadlock, and leave nothing behind.</summary>
[Collection("teams")]
public sealed class TeamTests
{
    /// <summary>Problems large enough to be shared out: 24 to 130 units, with every kind of step.</summary>
    private static readonly Problem[] Shared =
    [
        new(LayerShape.Lstm(96, 130), 20, 5), new(LayerShape.Lstm(130, 96), 40, 1), new(LayerShape.Elman(200, 200), 30, 3),
        new(LayerShape.Gru(96, 130), 20, 5), new(LayerShape.Gru(96, 130, linearBeforeReset: false), 20, 5),
        new(LayerShape.Lstm(96, 130) with { ProjectionSize = 70, Peepholes = true }, 20, 5), new(LayerShape.Lstm(64, 96), 6, 40),
    ];

    [Theory]
    [InlineData("simd-512")]
    [InlineData("simd-256")]
    public void Any_number_of_workers_gives_the_bits_of_one_thread(string name)
    {
        Backend backend = Named.Core(name);
        foreach (Problem p in Shared)
        {
            using RecurrentLayer layer = backend.Prepare(p.Weights);
            float[] expected = Run(layer, p, null);
            foreach (int workers in (int[])[1, 2, 3, 4, 8])
            {
                using var team = new WorkerTeam(workers);
                for (int repeat = 0; repeat < 3; repeat++)
                    BackendContract.AssertSameBits(p, $"{workers} workers", expected, Run(layer, p, team));
            }
        }
    }

    [Fact]
    public void A_team_serves_many_layers_and_threads_at_once()
    {
        using var team = new WorkerTeam(4);
        RecurrentLayer[] layers = [.. Shared.Select(p => Backend.Simd.Prepare(p.Weights))];
        float[][] expected = [.. Shared.Select((p, i) => Run(layers[i], p, null))];
        Parallel.For(0, 60, new ParallelOptions { MaxDegreeOfParallelism = 6 },
            i => BackendContract.AssertSameBits(Shared[i % Shared.Length], "shared team", expected[i % Shared.Length], Run(layers[i % Shared.Length], Shared[i % Shared.Length], team)));
        foreach (RecurrentLayer layer in layers)
            layer.Dispose();
    }

    [Fact]
    public void More_workers_than_processors_beside_a_busy_neighbour_still_finish()
    {
        using var stop = new CancellationTokenSource();
        Thread[] neighbours = [.. Enumerable.Range(0, Environment.ProcessorCount).Select(_ => new Thread(() =>
        {
            while (!stop.IsCancellationRequested)
                Thread.SpinWait(100);
        })
        { IsBackground = true })];
        Array.ForEach(neighbours, t => t.Start());
        using var team = new WorkerTeam(4 * Environment.ProcessorCount);
        Problem p = Shared[0];
        using RecurrentLayer layer = Backend.Simd.Prepare(p.Weights);
        BackendContract.AssertSameBits(p, "oversubscribed", Run(layer, p, null), Run(layer, p, team));
        stop.Cancel();
        Array.ForEach(neighbours, t => t.Join());
    }

    [Fact]
    public void A_sleeping_team_wakes()
    {
        using var team = new WorkerTeam(3);
        Problem p = Shared[0];
        using RecurrentLayer layer = Backend.Simd.Prepare(p.Weights);
        float[] expected = Run(layer, p, null);
        for (int i = 0; i < 3; i++)
        {
            Thread.Sleep(50);
            BackendContract.AssertSameBits(p, "after a sleep", expected, Run(layer, p, team));
        }
    }

    [Fact]
    public void A_disposed_team_leaves_its_states_running_on_their_own_thread()
    {
        Problem p = Shared[0];
        using RecurrentLayer layer = Backend.Simd.Prepare(p.Weights);
        var team = new WorkerTeam(2);
        using LayerState state = layer.CreateState(p.N, team);
        team.Dispose();
        team.Dispose();
        layer.Run(state, p.T, p.Input, new float[p.Exact.Output.Length]);
    }

    [Fact]
    public void Teams_are_refused_where_they_would_be_ignored()
    {
        using var team = new WorkerTeam(2);
        using RecurrentLayer layer = Backend.Reference.Prepare(LayerWeights.Random(LayerShape.Lstm(2, 3), 1));
        Assert.Contains("reference", Assert.Throws<NotSupportedException>(() => layer.CreateState(1, team)).Message);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1_000_000)]
    public void A_team_of_impossible_size_is_refused(int workers) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => new WorkerTeam(workers));

    [Fact]
    public void Calls_with_a_team_allocate_nothing()
    {
        using var team = new WorkerTeam(2);
        Problem p = Shared[0];
        using RecurrentLayer layer = Backend.Simd.Prepare(p.Weights);
        using LayerState state = layer.CreateState(p.N, team);
        var output = new float[p.Exact.Output.Length];
        for (int i = 0; i < 20; i++)
            layer.Run(state, p.T, p.Input, output);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            layer.Run(state, p.T, p.Input, output);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static float[] Run(RecurrentLayer layer, Problem p, WorkerTeam? team)
    {
        using LayerState state = layer.CreateState(p.N, team);
        state.SetHidden(p.Hidden);
        if (p.Shape.HasCellState)
            state.SetCell(p.Cell);
        var output = new float[p.Exact.Output.Length];
        layer.Run(state, p.T, p.Input, output);
        return output;
    }
}
