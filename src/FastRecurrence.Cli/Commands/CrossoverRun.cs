using FastRecurrence.Cli.Sweeping;
using FastRecurrence.TestKit.Exercises;

namespace FastRecurrence.Cli.Commands;

/// <summary>What a <c>crossover</c> compares.</summary>
/// <param name="Command">As one would type it again.</param>
/// <param name="Names">Backends by name; empty for those that the machine suggests.</param>
/// <param name="Problems">Ascending in their batch.</param>
/// <param name="Threads">Of CPU backends; empty for what the machine suggests.</param>
/// <param name="ExplainDispatch">Whether to say which kernels a device takes.</param>
internal sealed record CrossoverRequest(
    string Command, string[] Names, IReadOnlyList<ProblemSize> Problems, IReadOnlyList<int> Threads, bool ExplainDispatch);

/// <summary>One run of <c>crossover</c>, in the order in which it happens.</summary>
internal sealed class CrossoverRun(Session session, CrossoverRequest request, OutputFormat format)
{
    private readonly List<ExerciseResult> _exercises = [];

    /// <summary>Timed beside the widest where there is no device to compare it with; they get another table.</summary>
    private Backend[] _widths = [];

    public int Run(RunSettings settings, string? save)
    {
        var selection = new BackendSelection(request.Names, [.. BackendList.All.Union([Backend.Simd])]);
        Backend[] timed = [.. Timed(selection.Backends)];
        Backend[] examined = [.. selection.Backends.Where(b => request.Names.Length == 0 || timed.Contains(b))];
        CheckExercises(examined, selection);
        bool anyWrong = _exercises.Any(r => !r.Ok);

        Backend[] right = [.. timed.Where(b => selection.ReasonOf(b) is null && IsRight(b))];
        bool anyAccelerator = right.Any(BackendList.IsAccelerator);
        settings = settings with { Streaming = settings.Streaming || anyAccelerator };
        int[] threads = request.Threads.Count > 0 ? [.. request.Threads] : anyAccelerator ? [.. new[] { 1, Environment.ProcessorCount }.Distinct()] : [1];
        PlannedPoint[] plan = [..
            from problem in request.Problems
            from backend in right
            from team in Runners.TakesThreads(backend) && !_widths.Contains(backend) ? threads : [1]
            select new PlannedPoint(problem.Id, backend.Name, team, "fp32")];
        if (plan.Length == 0)
            return anyWrong ? ExitCode.WrongResult : selection.Report(session);

        var run = new RunBuilder(request.Command, settings, plan, selection.Unavailable)
        {
            Exercises = [.. examined.Where(b => _exercises.Any(r => r.Backend == b.Name)).Select(Score)],
            NamesKernels = true,
        };
        using SaveFile? file = SaveFile.For(save, plan.Length, settings);
        int code = SweepRun.Measure(session, settings, [new Side("this build", LaunchProcess.Self, run, file)], selection, Write);
        return anyWrong && code != ExitCode.Cancelled ? ExitCode.WrongResult : code;
    }

    private void Write(RunFile run)
    {
        if (format != OutputFormat.Table)
        {
            SweepOutput.Write(session, run, format);
            return;
        }

        session.WriteLine();
        string[] apart = [.. _widths.Select(b => b.Name)];
        SweepOutput.Write(session, run with { Points = [.. run.Points.Where(p => !apart.Contains(p.Backend))] }, format);
        if (request.ExplainDispatch)
            session.WriteLines(run.Points.Where(p => p.Dispatch is not null).Select(p => $"N={p.Batch} on {p.Backend}: {p.Dispatch}"));
        if (!run.Points.Any(p => p is { Device: true, CpuDevice: false }))
            CompareWidths(run);
    }

    /// <summary>The widest SIMD backend and every device; where no device is a GPU, the other widths too.</summary>
    private IEnumerable<Backend> Timed(IReadOnlyList<Backend> selected)
    {
        if (request.Names.Length > 0)
            return BackendList.WithoutEmulator(selected, request.Names);
        Backend[] devices = [.. BackendList.All.Where(b => b is Gpu.GpuBackend && !BackendList.IsEmulator(b))];
        bool anyAccelerator = devices.Any(b => b.IsAvailable && BackendList.IsAccelerator(b));
        _widths = anyAccelerator ? [] : [.. Backend.All.Where(b => b != Backend.Reference && b != Backend.Simd)];
        return [Backend.Simd, .. devices, .. _widths];
    }

    private void CheckExercises(IReadOnlyList<Backend> backends, BackendSelection selection)
    {
        foreach (Backend backend in backends)
        {
            if (backend.IsAvailable)
            {
                session.Progress($"exercises on {backend.Name}");
                selection.Let(backend, () => _exercises.AddRange(ExerciseSheet.Run(backend)));
            }

            if (format == OutputFormat.Table)
                session.WriteLine($"exercises  {ExercisesCommand.ScoreLine(backend, selection.ReasonOf(backend), _exercises)}");
        }
    }

    private bool IsRight(Backend backend) => _exercises.Where(r => r.Backend == backend.Name).All(r => r.Ok);

    private ScoreEntry Score(Backend backend)
    {
        (int right, int of) = ExerciseSheet.Score(_exercises.Where(r => r.Backend == backend.Name));
        return new ScoreEntry(backend.Name, right, of);
    }

    /// <summary>Every width's time per step, and what it gains over the scalar path.</summary>
    private void CompareWidths(RunFile run)
    {
        PointRecord[] points = [.. run.Points.Where(p => p is { Summary: not null, Device: false, Threads: 1 } && p.Backend != Backend.Reference.Name)];
        string[] widths = [.. points.Select(p => p.Backend).Distinct()], swept = [.. points.Select(p => p.Problem).Distinct()];
        if (widths.Length < 2)
            return;
        double Step(string backend, string problem) =>
            points.FirstOrDefault(p => p.Backend == backend && p.Problem == problem)?.Summary!.StepMicroseconds ?? double.NaN;

        var rows = swept.Select(problem => (string[])[problem, .. widths.Select(b => SweepTable.Microseconds(Step(b, problem)))]).ToList();
        double Gain(string width) => Measurement.GeometricMeanOf(swept.Select(p => Step("scalar", p) / Step(width, p)));
        if (widths.Contains("scalar"))
            rows.Add(["gain", .. widths.Select(b => $"{Digits.Significant(Gain(b), 3)}x")]);
        session.WriteLine();
        string why = request.Names.Length == 0 ? "no GPU here: " : "";
        session.WriteLine($"{why}SIMD widths against each other, time/step, and the gain over scalar (geometric mean)");
        session.WriteLines(TextTable.Render([new("problem", Left: true), .. widths.Select(b => new TextTable.Column(b))], rows));
    }
}
