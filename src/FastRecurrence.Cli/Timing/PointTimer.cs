using System.Diagnostics;
using FastRecurrence.Cli.Axes;
using FastRecurrence.Gpu;
using FastRecurrence.TestKit.Stacks;

namespace FastRecurrence.Cli.Timing;

/// <summary>Which of a device's times to take.</summary>
[Flags]
internal enum Transfers
{
    Excluded = 1,
    Included = 2,
    Both = Excluded | Included,
}

/// <summary>Runs one problem on backend after backend, in this process. Data and exact result are made once and shared by all.</summary>
internal sealed class PointTimer
{
    private readonly StackData _data;
    private readonly StackJudge _judge;

    public PointTimer(ProblemSize problem, int seed = 1)
    {
        _data = new StackData(problem, seed);
        _judge = new StackJudge(_data);
    }

    /// <param name="backend">What runs it.</param>
    /// <param name="team">Threads, or null for this one.</param>
    /// <param name="rule">When a measurement ends.</param>
    /// <param name="transfers">Which of a device's times.</param>
    /// <param name="streaming">Whether to time steps one call each too; only forward.</param>
    /// <param name="cancellation">Looked at between samples.</param>
    /// <exception cref="NotSupportedException">The backend does not run such a problem.</exception>
    public Point Measure(Backend backend, WorkerTeam? team, StopRule rule, Transfers transfers, bool streaming, CancellationToken cancellation)
    {
        ProblemSize problem = _data.Size;
        long start = Stopwatch.GetTimestamp();
        using var runner = new StackRunner(backend, _data, team);
        runner.Run(problem.SequenceLength);
        double firstCall = Stopwatch.GetElapsedTime(start).TotalSeconds;

        Checked verdict = _judge.Judge(runner, deviation => Tolerance.Of(backend, deviation), before: null);
        var point = new Point(problem, backend, firstCall, verdict.MaxError, verdict.Ok, EndToEnd: null, Kernels: null) { Threads = team?.Workers ?? 1 };
        if (!verdict.Ok)
            return point;

        if (runner.Kernels is { } kernels && transfers.HasFlag(Transfers.Excluded))
            point = point with { Kernels = Measurement.Take(kernels, rule, cancellation) };
        if (runner.Kernels is null || transfers.HasFlag(Transfers.Included))
            point = point with { EndToEnd = Measurement.Take(repeats => Run(runner, problem.SequenceLength, repeats), rule, cancellation) };
        if (streaming && problem.Walk == Walk.Forward)
            point = point with { Streaming = Measurement.Take(repeats => Run(runner, 1, repeats), rule, cancellation) };
        return point;
    }

    private static double Run(StackRunner runner, int steps, int repeats)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeats; i++)
            runner.Run(steps);
        return Stopwatch.GetElapsedTime(start).TotalSeconds / repeats;
    }
}
