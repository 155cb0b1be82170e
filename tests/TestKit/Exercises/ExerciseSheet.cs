namespace FastRecurrence.TestKit.Exercises;

/// <summary>"Advanced Human Language Technologies, Exercises on Recurrent Neural Networks": seven exercises, the project's first oracle.</summary>
internal static class ExerciseSheet
{
    /// <summary>The exercises in the sheet's order.</summary>
    public static IReadOnlyList<Exercise> All { get; } =
    [
        new VanishingGradients(),
        new RunningSum(),
        new SigmoidOutput(),
        new SigmoidHidden(),
        new TanhCell(),
        new LstmStep(),
        new GateTrace(),
    ];

    /// <summary>Every number of the sheet, computed by one backend.</summary>
    /// <exception cref="BackendUnavailableException">The backend cannot run here.</exception>
    public static IReadOnlyList<ExerciseResult> Run(Backend backend) => Run(backend, All);

    /// <summary>The numbers of some exercises.</summary>
    public static IReadOnlyList<ExerciseResult> Run(Backend backend, IEnumerable<Exercise> exercises)
    {
        ExerciseMachine machine = ExerciseMachine.On(backend);
        return [.. exercises.SelectMany(e => e.Run(machine))];
    }

    /// <summary>How many of the exercises in <paramref name="results"/> are right in all their numbers.</summary>
    public static (int Right, int Of) Score(IEnumerable<ExerciseResult> results)
    {
        bool[] right = [.. results.GroupBy(r => r.Exercise).Select(exercise => exercise.All(r => r.Ok))];
        return (right.Count(ok => ok), right.Length);
    }
}
