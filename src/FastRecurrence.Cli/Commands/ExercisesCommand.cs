using System.CommandLine;
using System.CommandLine.Parsing;
using FastRecurrence.TestKit.Exercises;

namespace FastRecurrence.Cli.Commands;

/// <summary><c>exercises</c>: the sheet's numbers on every backend, printed beside exact.</summary>
internal static class ExercisesCommand
{
    private sealed record Document(IReadOnlyList<ExerciseResult> Results, IReadOnlyList<UnavailableEntry> Unavailable, Machine Machine);

    public static Command Create(Session session)
    {
        var numbers = new Argument<string?>("n")
        {
            Description = "Which exercises: 6, or 1,6, or 2..7+1; all by default.",
            Arity = ArgumentArity.ZeroOrOne,
        };
        Option<string[]> backends = CommonOptions.Backends("every one that is available");
        Option<OutputFormat> output = CommonOptions.Output();
        Option<bool> explain = new("--explain") { Description = "Print the worked steps, in the numbers of the first backend." };
        var command = new Command("exercises", "Compute the exercise sheet on every backend: printed, exact, computed.") { numbers, backends, explain, output };
        command.SetAction(parsed =>
        {
            var selection = new BackendSelection(parsed.Get(backends) ?? [], BackendList.All);
            return Run(session, Select(parsed.GetValue(numbers)), selection, parsed.Get(explain), parsed.Get(output));
        });
        return command;
    }

    private static IReadOnlyList<Exercise> Select(string? numbers)
    {
        if (numbers is null)
            return ExerciseSheet.All;
        try
        {
            return [.. IntegerAxis.Parse(numbers, atLeast: 1).Select(n => ExerciseSheet.All.FirstOrDefault(e => e.Number == $"{n}")
                ?? throw new FormatException($"there is no exercise {n}; the sheet has 1 to {ExerciseSheet.All.Count}."))];
        }
        catch (FormatException e)
        {
            throw CommandException.Usage($"exercises: {e.Message}");
        }
    }

    private static int Run(Session session, IReadOnlyList<Exercise> exercises, BackendSelection selection, bool explain, OutputFormat format)
    {
        var results = new List<ExerciseResult>();
        foreach (Exercise exercise in exercises)
        {
            foreach (Backend backend in selection.Ready)
            {
                session.Progress($"exercise {exercise.Number} on {backend.Name}");
                selection.Let(backend, () => results.AddRange(exercise.Run(ExerciseMachine.On(backend))));
            }

            if (format == OutputFormat.Table && selection.Ready is [Backend explaining, ..])
                WriteExercise(session, exercise, [.. results.Where(r => r.Exercise == exercise.Number)], explain ? ExerciseMachine.On(explaining) : null);
        }

        session.ClearProgress();
        if (format == OutputFormat.Json)
            session.WriteJson(new Document(results, selection.Unavailable, Machine.Here));
        else
            WriteSummary(session, results, selection);

        // Right numbers elsewhere do not make up for a backend that was named and is absent.
        return results.Any(r => !r.Ok) ? ExitCode.WrongResult : selection.Report(session);
    }

    /// <summary>A row for each distinct value: backends that agree to the bit share it.</summary>
    private static void WriteExercise(Session session, Exercise exercise, IReadOnlyList<ExerciseResult> results, ExerciseMachine? explained)
    {
        session.WriteLine($"{exercise.Number}. {exercise.Title}");
        if (explained is not null)
        {
            session.WriteLine();
            session.WriteLines(exercise.Explain(explained));
            session.WriteLine();
        }

        var rows = new List<string[]>();
        foreach (IGrouping<string, ExerciseResult> quantity in results.GroupBy(r => r.Quantity))
        {
            bool first = true;
            foreach (IGrouping<double, ExerciseResult> same in quantity.GroupBy(r => r.Actual))
            {
                ExerciseResult r = same.First();
                rows.Add([
                    first ? r.Quantity : "", first ? $"{r.Printed}" : "", first ? Digits.Exact(r.Expected) : "",
                    Digits.Computed(r.Actual), Digits.Error(r.Error), r.Ok ? "ok" : "WRONG", string.Join(' ', same.Select(s => s.Backend))]);
                first = false;
            }
        }

        session.WriteLines(TextTable.Render(
            [new("quantity", Left: true), new("printed"), new("exact"), new("computed"), new("error"), new("", Left: true), new("by", Left: true)], rows));
        foreach (string slip in exercise.Slips)
            session.WriteLine($"Sheet's slip: {slip}");
        session.WriteLine();
    }

    private static void WriteSummary(Session session, IReadOnlyList<ExerciseResult> results, BackendSelection selection)
    {
        foreach (Backend backend in selection.Backends)
            session.WriteLine(ScoreLine(backend, selection.ReasonOf(backend), results));
    }

    /// <summary>Such as <c>simd-512     7/7   worst error 1.2E-07</c>.</summary>
    public static string ScoreLine(Backend backend, string? absence, IEnumerable<ExerciseResult> results)
    {
        if (absence is not null)
            return $"{backend.Name,-12} absent: {absence}";
        ExerciseResult[] own = [.. results.Where(r => r.Backend == backend.Name)];
        (int right, int of) = ExerciseSheet.Score(own);
        string wrong = string.Join(", ", own.Where(r => !r.Ok).Select(r => $"{r.Exercise} {r.Quantity}").Take(3));
        string worst = Digits.Error(own.Select(r => r.Error).DefaultIfEmpty().Max());
        return $"{backend.Name,-12} {right}/{of}   worst error {worst}{(wrong.Length == 0 ? "" : $"   WRONG: {wrong}")}";
    }
}
