namespace FastRecurrence.TestKit.Exercises;

/// <summary>One exercise: its numbers on any backend, its worked steps, and where the sheet itself errs.</summary>
internal abstract class Exercise(string number, string title)
{
    /// <summary><c>1</c> to <c>7</c>.</summary>
    public string Number { get; } = number;

    public string Title { get; } = title;

    /// <summary>The sheet's own mistakes and roundings, said instead of hidden.</summary>
    public virtual IReadOnlyList<string> Slips => [];

    /// <summary>Computes the exercise's numbers.</summary>
    public IReadOnlyList<ExerciseResult> Run(ExerciseMachine machine)
    {
        var numbers = new NumberList(Number, machine);
        Compute(machine, numbers);
        return numbers.Results;
    }

    /// <summary>The steps a student would write down, in the numbers of <paramref name="machine"/>.</summary>
    public abstract IEnumerable<string> Explain(ExerciseMachine machine);

    protected abstract void Compute(ExerciseMachine machine, NumberList numbers);

    /// <summary>Takes an exercise's numbers one by one and checks each.</summary>
    protected sealed class NumberList(string exercise, ExerciseMachine machine)
    {
        private readonly List<ExerciseResult> _results = [];

        public IReadOnlyList<ExerciseResult> Results => _results;

        public void Add(string quantity, double expected, double actual, decimal? printed = null) =>
            // A NaN fails: the comparison with it is false.
            _results.Add(new ExerciseResult(exercise, quantity, machine.Name, expected, actual, printed, Math.Abs(actual - expected) <= machine.Tolerance));
    }
}
