using System.Diagnostics;
using FastRecurrence.Cli.Commands;

namespace FastRecurrence.Cli.Sweeping;

/// <summary>One side of a sweep: a build of the tool, and what it measured.</summary>
internal sealed record Side(string Name, LaunchProcess Process, RunBuilder Run, SaveFile? File);

/// <summary>
/// The launches of a sweep: launch is the outermost loop, so that a minute of disturbance hits one median of every point
/// and not all medians of one; two sides take turns.
/// </summary>
internal sealed class SweepRun(Session session, RunSettings settings, IReadOnlyList<Side> sides)
{
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private int _done;

    /// <summary>Measures all sides, writes the last one's run, and of a run that was cancelled what there is.</summary>
    /// <returns>The exit code.</returns>
    public static int Measure(Session session, RunSettings settings, IReadOnlyList<Side> sides, BackendSelection selection, Action<RunFile> write)
    {
        Side own = sides[^1];
        try
        {
            new SweepRun(session, settings, sides).Measure();
        }
        catch (OperationCanceledException)
        {
            return ShowPartial(session, own, write);
        }

        session.ClearProgress();
        write(own.Run.Build(partial: false));
        int absent = selection.Report(session);
        if (sides.Any(s => s.Run.AnyWrong))
            return ExitCode.WrongResult;
        if (sides.All(s => s.Run.AnyMeasured) && !sides.Any(s => s.Run.AnyFailed))
            return absent;
        if (absent == ExitCode.Ok)
        {
            string? reason = sides.Select(s => s.Run.FirstReason).OfType<string>().FirstOrDefault();
            session.Fail($"{(own.Run.AnyMeasured ? "a point failed" : "no point was measured")}: {reason}");
        }

        return ExitCode.Failure;
    }

    private static int ShowPartial(Session session, Side own, Action<RunFile> write)
    {
        session.ClearProgress();
        RunFile run = own.Run.Build(partial: true);
        int measured = run.Points.Count(p => p.Launches.Count > 0);
        if (measured > 0)
            write(run);
        string kept = own.File is null || measured == 0 ? "" : $"; {own.File.Path} keeps them";
        session.Fail($"cancelled with {measured} of {own.Run.Planned} points measured{kept}");
        return ExitCode.Cancelled;
    }

    private void Measure()
    {
        int total = settings.Launches * sides.Sum(s => s.Run.Remaining.Count);
        try
        {
            for (int launch = 1; launch <= settings.Launches; launch++)
            {
                foreach (Side side in sides)
                    Measure(launch, side, total);
                // A run that dies later leaves what it has.
                if (launch < settings.Launches)
                    Save(partial: true);
            }
        }
        catch
        {
            Save(partial: true);
            throw;
        }

        Save(partial: false);
    }

    private void Measure(int launch, Side side, int total)
    {
        IReadOnlyList<PlannedPoint> points = side.Run.Remaining;
        if (points.Count == 0)
            return;
        int begun = 0;
        string who = sides.Count == 1 ? "" : $" ({side.Name})";
        Show($"launch {launch} of {settings.Launches}{who}: peak and bandwidth");
        Action<LaunchMessage> hear = side.Run.Begin(launch, Load());
        side.Process.Run(new LaunchPlan(LaunchPlan.CurrentSchema, launch, settings, points), message =>
        {
            hear(message);
            if (message.Point is null)
                return;
            _done++;
            if (++begun < points.Count)
                Show($"launch {launch} of {settings.Launches}{who}: {points[begun].Problem} on {points[begun].Backend}");
        }, session.Cancellation);

        void Show(string what) => session.Progress($"{_done} of {total}, {Left(total)} · {what}");
    }

    private string Left(int total)
    {
        if (_done == 0)
            return "time left unknown";
        double seconds = _clock.Elapsed.TotalSeconds / _done * (total - _done);
        return $"{Duration.Text(seconds)} left";
    }

    private void Save(bool partial)
    {
        foreach (Side side in sides)
            side.File?.Save(Output.JsonOutput.Serialize(side.Run.Build(partial)));
    }

    private static string? Load()
    {
        try
        {
            return File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Trim() : null;
        }
        catch (IOException)
        {
            return null;
        }
    }
}
