using FastRecurrence.Cli.Axes;
using FastRecurrence.Cli.Output;
using FastRecurrence.Cli.Timing;
using FastRecurrence.TestKit.Exercises;

namespace FastRecurrence.Cli.Commands;

/// <summary>One run of <c>crossover</c>, in the order in which it happens.</summary>
internal sealed class CrossoverRun(
    Session session, string[] named, IReadOnlyList<ProblemSize> problems, IReadOnlyList<int> threadsAsked, Transfers transfers, bool streamingAsked, bool explainDispatch, StopRule rule, OutputFormat format)
{
    private readonly List<ExerciseResult> _exercises = [];
    private readonly List<Point> _points = [];
    private readonly List<VerdictEntry> _verdicts = [];
    private readonly HashSet<string> _skipped = [];
    private readonly Dictionary<int, WorkerTeam> _teams = [];
    private readonly TextTable _table = new(
        new("N", 4), new("backend", 11, Left: true), new("time/step"), new("with transfers"), new("streaming"), new("± noise"), new("GFLOP/s", 8), new("% of peak"), new("first call"), new("max error"));

    /// <summary>Timed beside the ladder's choice where there is no device to compare it with; they get a table of their own.</summary>
    private Backend[] _widths = [];
    private double _peak;
    private bool _streaming;

    public int Run()
    {
        try
        {
            return Measure();
        }
        finally
        {
            foreach (WorkerTeam team in _teams.Values)
                team.Dispose();
        }
    }

    private int Measure()
    {
        var attendance = new Attendance(named, [.. BackendList.All.Union([Backend.Simd])]);
        Backend[] timed = [.. Timed(attendance.Backends)];
        Backend[] examined = [.. attendance.Backends.Where(b => named.Length == 0 || timed.Contains(b))];
        CheckExercises(examined, attendance);

        Backend[] right = [.. timed.Where(b => attendance.ReasonOf(b) is null && IsRight(b))];
        bool anyAccelerator = right.Any(BackendList.IsAccelerator);
        _streaming = streamingAsked || anyAccelerator;
        int[] threads = threadsAsked.Count > 0 ? [.. threadsAsked] : anyAccelerator ? [.. new[] { 1, Environment.ProcessorCount }.Distinct()] : [1];
        (Backend Backend, int Threads)[] contenders = [.. from b in right from t in Sweeping.Runners.TakesThreads(b) && !_widths.Contains(b) ? threads : [1] select (b, t)];
        session.Progress("measuring the FMA peak");
        _peak = FmaPeak.MeasureGflops();
        Line();
        Line(Machine.Here.Summary);
        Line($"peak {Digits.Places(_peak, 1)} GFLOP/s per thread (FMA, best of 12); T steps a call, times are per step{(_streaming ? "; streaming: a call for each step" : "")}");

        int done = 0;
        foreach (IGrouping<ProblemSize, ProblemSize> sweep in problems.Where(_ => right.Length > 0).GroupBy(p => p with { BatchSize = 1 }))
        {
            ProblemSize first = sweep.First();
            Line();
            Line($"{first.Shape} T={first.SequenceLength}{(first.Layers == 1 ? "" : $", {first.Layers} layers")}{(first.Walk == Walk.Forward ? "" : $", {WalkName.Of(first.Walk)}")}");
            foreach (string line in _table.Head())
                Line(line);
            foreach (ProblemSize problem in sweep)
            {
                session.Progress($"{problem.Id}: exact result");
                var timer = new PointTimer(problem);
                foreach ((Backend backend, int team) in contenders.Where(c => attendance.ReasonOf(c.Backend) is null))
                {
                    session.Progress($"{problem.Id} on {backend.Name}, {++done} of {problems.Count * contenders.Length}");
                    attendance.Let(backend, () => Measure(timer, backend, team));
                }
            }

            if (explainDispatch)
                ExplainDispatch([.. _points.Where(p => sweep.Contains(p.Problem))]);
            Judge([.. _points.Where(p => sweep.Contains(p.Problem))], right);
        }

        session.ClearProgress();
        if (format == OutputFormat.Json)
        {
            session.WriteJson(new CrossoverDocument(
                [.. examined.Where(b => _exercises.Any(r => r.Backend == b.Name)).Select(Score)], _peak, [.. _points.Select(p => PointEntry.Of(p, _peak))], _verdicts,
                [.. _skipped], attendance.Unavailable, rule.MinTime.TotalMilliseconds, rule.MaxNoisePercent, rule.Timeout.TotalMilliseconds, Machine.Here));
        }

        return _exercises.Any(r => !r.Ok) || _points.Any(p => !p.Ok) ? ExitCode.WrongResult
            : attendance.Report(session);
    }

    private void ExplainDispatch(Point[] points)
    {
        Line();
        foreach (Point point in points)
        {
            if (PointEntry.DispatchOf(point) is { } dispatch)
                Line($"N={point.Problem.BatchSize} on {point.Backend.Name}: {dispatch}");
        }
    }

    private void Measure(PointTimer timer, Backend backend, int threads)
    {
        try
        {
            Point point = timer.Measure(backend, Team(threads), rule, transfers, _streaming, session.Cancellation);
            _points.Add(point);
            if (!_widths.Contains(backend))
                Line(Row(point));
        }
        catch (NotSupportedException e)
        {
            if (_skipped.Add($"{backend.Name} skipped: {e.Message}"))
                Line($"{backend.Name} skipped: {e.Message}");
        }
    }

    private WorkerTeam? Team(int threads)
    {
        if (threads == 1)
            return null;
        if (!_teams.TryGetValue(threads, out WorkerTeam? team))
            _teams[threads] = team = new WorkerTeam(threads);
        return team;
    }

    /// <summary>The ladder's choice and every device; without a device of its own, the other widths too.</summary>
    private IEnumerable<Backend> Timed(IReadOnlyList<Backend> selected)
    {
        if (named.Length > 0)
        {
            Backend? emulator = selected.FirstOrDefault(BackendList.IsEmulator);
            bool byKind = named.Contains("all", StringComparer.OrdinalIgnoreCase);
            return emulator is null || byKind ? selected.Where(b => !BackendList.IsEmulator(b))
                : throw CommandException.Usage($"'{emulator.Name}' checks kernels and is never timed; 'exercises' and 'verify' run it.");
        }

        Backend[] devices = [.. BackendList.All.Where(b => b is Gpu.GpuBackend && !BackendList.IsEmulator(b))];
        bool anyAccelerator = devices.Any(b => b.IsAvailable && BackendList.IsAccelerator(b));
        _widths = anyAccelerator ? [] : [.. Backend.All.Where(b => b != Backend.Reference && b != Backend.Simd)];
        return [Backend.Simd, .. devices, .. _widths];
    }

    private void CheckExercises(IReadOnlyList<Backend> backends, Attendance attendance)
    {
        foreach (Backend backend in backends)
        {
            if (backend.IsAvailable)
            {
                session.Progress($"exercises on {backend.Name}");
                attendance.Let(backend, () => _exercises.AddRange(ExerciseSheet.Run(backend)));
            }

            Line($"exercises  {ExercisesCommand.ScoreLine(backend, attendance.ReasonOf(backend), _exercises)}");
        }
    }

    private bool IsRight(Backend backend) => _exercises.Where(r => r.Backend == backend.Name).All(r => r.Ok);

    private ScoreEntry Score(Backend backend)
    {
        (int right, int of) = ExerciseSheet.Score(_exercises.Where(r => r.Backend == backend.Name));
        return new ScoreEntry(backend.Name, right, of);
    }

    private string Row(Point p)
    {
        Measurement? best = p.Best;
        string noise = best is null ? "" : double.IsFinite(best.NoisePercent) ? $"{Digits.Places(best.NoisePercent, 2)}%" : "";
        return _table.Row(
            $"{p.Problem.BatchSize}", p.Who,
            best is null ? "WRONG" : p.Kernels is null && p.Backend is Gpu.GpuBackend ? "-" : Microseconds(p, best),
            p.Backend is Gpu.GpuBackend && p.EndToEnd is { } all ? Microseconds(p, all) : "-",
            p.Streaming is { } step ? $"{Digits.Significant(1e6 * step.Median)} us" : "-",
            noise + (best?.Missed is null ? "" : "!"),
            best is null ? "" : Digits.Significant(p.Gflops(best), 3),
            p.PeakPercent(_peak) is { } share ? $"{Digits.Places(share, 1)}%" : "-",
            $"{Digits.Significant(1e3 * p.FirstCall, 3)} ms",
            Digits.Error(p.MaxError));
    }

    private static string Microseconds(Point p, Measurement time) => $"{Digits.Significant(p.StepMicroseconds(time))} us";

    /// <summary>A verdict for every device against the best CPU backend of each batch.</summary>
    private void Judge(Point[] points, Backend[] backends)
    {
        Backend[] devices = [.. backends.Where(b => b is Gpu.GpuBackend)];
        bool gaveUp = points.Any(p => p.Best?.Missed is not null && !_widths.Contains(p.Backend));
        if (gaveUp || devices.Length > 0)
            Line();
        if (gaveUp)
            Line($"! the timeout of {rule.Timeout.TotalSeconds}s came before {rule.MinTime.TotalMilliseconds} ms of samples or {rule.MaxNoisePercent}% noise");
        foreach (Backend device in devices)
        {
            if (BackendList.IsCpuDevice(device))
            {
                Line($"{device.Name} is this machine's CPU behind a device driver ({device.Description}): no verdict");
                continue;
            }

            foreach (Transfers which in (Transfers[])[Transfers.Excluded, Transfers.Included])
            {
                if (!transfers.HasFlag(which) || CrossoverVerdict.Of(points, device, which) is not { } verdict)
                    continue;
                Say(verdict);
            }

            if (CrossoverVerdict.OfStreaming(points, device) is { } streamed)
                Say(streamed);
        }

        if (!devices.Any(BackendList.IsAccelerator))
            CompareWidths(points);
    }

    private void Say(VerdictEntry verdict)
    {
        _verdicts.Add(verdict);
        Line(CrossoverVerdict.Sentence(verdict));
    }

    /// <summary>Every width's time per step, and what it gains over the scalar path.</summary>
    private void CompareWidths(Point[] points)
    {
        Backend[] widths = [.. Backend.All.Where(b => points.Any(p => p.Backend == b && p.EndToEnd is not null))];
        if (widths.Length < 2)
            return;
        double Step(Backend backend, ProblemSize problem) =>
            points.FirstOrDefault(p => p.Backend == backend && p.Problem == problem) is { EndToEnd: { } time } point ? point.StepMicroseconds(time) : double.NaN;

        ProblemSize[] swept = [.. points.Select(p => p.Problem).Distinct()];
        var rows = swept.Select(problem => (string[])[$"{problem.BatchSize}", .. widths.Select(b => $"{Digits.Significant(Step(b, problem))} us")]).ToList();
        if (widths.FirstOrDefault(b => b.Name == "scalar") is { } scalar)
        {
            // Ratios are averaged as ratios: by the geometric mean.
            rows.Add(["gain", .. widths.Select(b => $"{Digits.Significant(Math.Exp(swept.Average(p => Math.Log(Step(scalar, p) / Step(b, p)))), 3)}x")]);
        }

        Line();
        Line($"{(named.Length == 0 ? "no device of its own here: " : "")}SIMD widths against each other, time/step, and the gain over scalar (geometric mean)");
        foreach (string line in TextTable.Render([new("N"), .. widths.Select(b => new TextTable.Column(b.Name))], rows))
            Line(line);
    }

    private void Line(string line = "")
    {
        if (format == OutputFormat.Table)
            session.WriteLine(line);
    }
}
