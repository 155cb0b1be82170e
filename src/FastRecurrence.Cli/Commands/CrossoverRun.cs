using FastRecurrence.Cli.Timing;
using FastRecurrence.TestKit.Exercises;

namespace FastRecurrence.Cli.Commands;

/// <summary>What a <c>crossover</c> compares.</summary>
/// <param name="Names">Backends by name; empty for those that the machine suggests.</param>
/// <param name="Problems">Ascending in their batch.</param>
/// <param name="Threads">Of CPU backends; empty for what the machine suggests.</param>
internal sealed record CrossoverRequest(string[] Names, IReadOnlyList<ProblemSize> Problems, IReadOnlyList<int> Threads);

/// <summary>One run of <c>crossover</c>, in the order in which it happens.</summary>
internal sealed class CrossoverRun(
    Session session, CrossoverRequest request, CrossoverTimes times, Teams teams, bool explainDispatch, OutputFormat format)
{
    private readonly List<ExerciseResult> _exercises = [];
    private readonly List<Point> _points = [];
    private readonly List<VerdictEntry> _verdicts = [];
    private readonly HashSet<string> _skipped = [];
    private readonly TextTable _table = new(
        new("N", 4), new("backend", 11, Left: true), new("time/step"), new("with transfers"), new("streaming"), new("± noise"),
        new("GFLOP/s", 8), new("% of peak"), new("first call"), new("max error"));

    /// <summary>Timed beside the widest where there is no device to compare it with; they get another table.</summary>
    private Backend[] _widths = [];
    private double _peak;
    private bool _streaming;

    public int Run()
    {
        var selection = new BackendSelection(request.Names, [.. BackendList.All.Union([Backend.Simd])]);
        Backend[] timed = [.. Timed(selection.Backends)];
        Backend[] examined = [.. selection.Backends.Where(b => request.Names.Length == 0 || timed.Contains(b))];
        CheckExercises(examined, selection);

        Backend[] right = [.. timed.Where(b => selection.ReasonOf(b) is null && IsRight(b))];
        bool anyAccelerator = right.Any(BackendList.IsAccelerator);
        _streaming = times.Streaming || anyAccelerator;
        int[] threads = request.Threads.Count > 0 ? [.. request.Threads] : anyAccelerator ? [.. new[] { 1, Environment.ProcessorCount }.Distinct()] : [1];
        (Backend Backend, int Threads)[] contenders =
            [.. from b in right from t in Sweeping.Runners.TakesThreads(b) && !_widths.Contains(b) ? threads : [1] select (b, t)];
        session.Progress("measuring the FMA peak");
        _peak = FmaPeak.MeasureGflops();
        Line();
        Line(Machine.Here.Summary);
        string streaming = _streaming ? "; streaming: a call for each step" : "";
        Line($"peak {Digits.Places(_peak, 1)} GFLOP/s per thread (FMA, best of 12); T steps a call, times are per step{streaming}");

        int done = 0;
        foreach (IGrouping<ProblemSize, ProblemSize> sweep in request.Problems.Where(_ => right.Length > 0).GroupBy(p => p with { BatchSize = 1 }))
        {
            ProblemSize first = sweep.First();
            Line();
            string direction = first.Direction == LayerDirection.Forward ? "" : $", {DirectionName.Of(first.Direction)}";
            Line($"{first.Shape} T={first.SequenceLength}{(first.Layers == 1 ? "" : $", {first.Layers} layers")}{direction}");
            Lines(_table.Head());
            foreach (ProblemSize problem in sweep)
            {
                session.Progress($"{problem.Id}: exact result");
                var timer = new PointTimer(problem);
                foreach ((Backend backend, int team) in contenders.Where(c => selection.ReasonOf(c.Backend) is null))
                {
                    session.Progress($"{problem.Id} on {backend.Name}, {++done} of {request.Problems.Count * contenders.Length}");
                    selection.Let(backend, () => Measure(timer, backend, team));
                }
            }

            if (explainDispatch)
                ExplainDispatch([.. _points.Where(p => sweep.Contains(p.Problem))]);
            SayVerdicts([.. _points.Where(p => sweep.Contains(p.Problem))], right);
        }

        session.ClearProgress();
        if (format == OutputFormat.Json)
        {
            session.WriteJson(new CrossoverDocument(
                [.. examined.Where(b => _exercises.Any(r => r.Backend == b.Name)).Select(Score)], _peak, [.. _points.Select(p => new PointEntry(p, _peak))],
                _verdicts, [.. _skipped], selection.Unavailable, times.Rule, Machine.Here));
        }

        return _exercises.Any(r => !r.Ok) || _points.Any(p => !p.Ok) ? ExitCode.WrongResult
            : selection.Report(session);
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
            Point point = timer.Measure(backend, teams.Of(threads), times with { Streaming = _streaming }, session.Cancellation);
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

    /// <summary>The widest SIMD backend and every device; where no device is a GPU, the other widths too.</summary>
    private IEnumerable<Backend> Timed(IReadOnlyList<Backend> selected)
    {
        if (request.Names.Length > 0)
        {
            Backend? emulator = selected.FirstOrDefault(BackendList.IsEmulator);
            bool byKind = request.Names.Contains("all", StringComparer.OrdinalIgnoreCase);
            return emulator is null || byKind ? selected.Where(b => !BackendList.IsEmulator(b))
                : throw CommandException.Usage($"'{emulator.Name}' checks kernels and is never timed; 'exercises' and 'verify' run it.");
        }

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

            Line($"exercises  {ExercisesCommand.ScoreLine(backend, selection.ReasonOf(backend), _exercises)}");
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
    private void SayVerdicts(Point[] points, Backend[] backends)
    {
        Backend[] devices = [.. backends.Where(b => b is Gpu.GpuBackend)];
        bool gaveUp = points.Any(p => p.Best?.Missed is not null && !_widths.Contains(p.Backend));
        if (gaveUp || devices.Length > 0)
            Line();
        if (gaveUp)
        {
            StopRule rule = times.Rule;
            Line($"! the timeout of {rule.Timeout.TotalSeconds}s came before {rule.MinTime.TotalMilliseconds} ms of samples or {rule.MaxNoisePercent}% noise");
        }

        foreach (Backend device in devices)
        {
            if (BackendList.IsCpuDevice(device))
            {
                Line($"{device.Name} is this machine's CPU behind a device driver ({device.Description}): no verdict");
                continue;
            }

            foreach (Transfers which in (Transfers[])[Transfers.Excluded, Transfers.Included])
            {
                if (!times.Transfers.HasFlag(which) || CrossoverVerdict.Of(points, device, which) is not { } verdict)
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
            points.FirstOrDefault(p => p.Backend == backend && p.Problem == problem) is { EndToEnd: { } time } point
                ? point.StepMicroseconds(time) : double.NaN;

        ProblemSize[] swept = [.. points.Select(p => p.Problem).Distinct()];
        var rows = swept.Select(problem => (string[])[$"{problem.BatchSize}", .. widths.Select(b => $"{Digits.Significant(Step(b, problem))} us")]).ToList();
        if (widths.FirstOrDefault(b => b.Name == "scalar") is { } scalar)
        {
            // Ratios are averaged as ratios: by the geometric mean.
            double Gain(Backend width) => Math.Exp(swept.Average(p => Math.Log(Step(scalar, p) / Step(width, p))));
            rows.Add(["gain", .. widths.Select(b => $"{Digits.Significant(Gain(b), 3)}x")]);
        }

        Line();
        string why = request.Names.Length == 0 ? "no GPU here: " : "";
        Line($"{why}SIMD widths against each other, time/step, and the gain over scalar (geometric mean)");
        Lines(TextTable.Render([new("N"), .. widths.Select(b => new TextTable.Column(b.Name))], rows));
    }

    private void Line(string line = "") => Lines([line]);

    private void Lines(IEnumerable<string> lines)
    {
        if (format == OutputFormat.Table)
            session.WriteLines(lines);
    }
}
