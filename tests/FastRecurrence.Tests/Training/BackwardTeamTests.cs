using FastRecurrence.Cpu;

namespace FastRecurrence.Tests.Training;

/// <summary>Workers share the outputs of a backward pass, never a sum: no bit depends on them.</summary>
[Collection("teams")]
public sealed class BackwardTeamTests
{
    /// <summary>Large enough to be shared out: by rows, by units with one and several panels, ragged, and with more workers than rows or panels.</summary>
    private static IEnumerable<BackwardProblem> Shared()
    {
        foreach ((int I, int H, int T, int N) in ((int, int, int, int)[])[(40, 90, 30, 1), (96, 130, 20, 5), (30, 33, 20, 41), (0, 70, 40, 12), (70, 20, 70, 18)])
        {
            foreach (LayerShape shape in (LayerShape[])[LayerShape.Lstm(I, H), LayerShape.Gru(I, H), LayerShape.Elman(I, H), LayerShape.Lstm(I, H) with { Peepholes = true }, LayerShape.Gru(I, H, linearBeforeReset: false), LayerShape.Lstm(I, H) with { ProjectionSize = H / 3 }])
            {
                yield return new BackwardProblem(shape, T, N);
                yield return new BackwardProblem(shape, T, N, ragged: true, Direction.Reverse);
            }
        }
    }

    [Theory]
    [InlineData("simd-512")]
    [InlineData("simd-128")]
    public void Any_number_of_workers_gives_the_bits_of_one_thread(string name)
    {
        Backend backend = Backend.All.Single(b => b.Name == name);
        WorkerTeam[] teams = [.. ((int[])[1, 2, 3, 8]).Select(workers => new WorkerTeam(workers))];
        foreach (BackwardProblem p in Shared())
        {
            Dictionary<string, float[]> expected = p.Run(backend);
            foreach (WorkerTeam team in teams)
                BackwardTests.AssertSameBits(p, $"{team.Workers} workers", expected, p.Run(backend, team));
        }

        Array.ForEach(teams, team => team.Dispose());
    }

    [Fact]
    public void A_team_that_others_use_changes_nothing()
    {
        BackwardProblem p = Shared().First();
        Dictionary<string, float[]> expected = p.Run(Backend.Simd);
        using var team = new WorkerTeam(2);
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 4 }, _ => BackwardTests.AssertSameBits(p, "shared team", expected, p.Run(Backend.Simd, team)));
    }

    [Fact]
    public void A_warm_step_with_a_team_allocates_nothing()
    {
        var p = new BackwardProblem(LayerShape.Lstm(40, 90), 30, 9);
        using var team = new WorkerTeam(2);
        using RecurrentLayer layer = Backend.Simd.Prepare(p.Weights);
        using LayerState state = layer.CreateState(p.N, team);
        var tape = new TrainingTape(p.Shape, p.T, p.N);
        BackwardPass backward = Backend.Simd.CreateBackward(p.Weights, p.N, team);
        var gradients = new LayerGradients(p.Shape);
        float[] y = new float[p.T * p.N * 90], dx = new float[p.Input.Length];
        void Step()
        {
            layer.RunForTraining(state, tape, p.T, p.Input, y, default);
            backward.Run(tape, new BackwardCall { Input = p.Input, Output = y, OutputGradient = p.OutputGradient, InputGradient = dx }, gradients);
        }

        BackwardTests.AssertAllocatesNothing(Step);
    }
}
