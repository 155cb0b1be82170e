using System.Diagnostics;
using FastRecurrence.Gpu;

namespace FastRecurrence.Cli.Timing;

/// <summary>Which of a device's times to take.</summary>
[Flags]
internal enum Transfers
{
    Excluded = 1,
    Included = 2,
    Both = Excluded | Included,
}

/// <summary>Which times to take, and when each is good enough.</summary>
internal sealed record CrossoverTimes(Transfers Transfers, bool Streaming, StopRule Rule);

/// <summary>Runs one problem on backend after backend, in this process. Data and exact result are made once and shared by all.</summary>
internal sealed class PointTimer
{
    private readonly StackData _data;
    private readonly StackVerifier _verifier;

    public PointTimer(ProblemSize problem, int seed = 1)
    {
        _data = new StackData(problem, seed);
        _verifier = new StackVerifier(_data);
    }

    /// <param name="backend">What runs it.</param>
    /// <param name="team">Threads, or null for this one.</param>
    /// <param name="times">Which times, and when a measurement ends; steps of one call each only forward.</param>
    /// <param name="cancellation">Looked at between samples.</param>
    /// <exception cref="NotSupportedException">The backend does not run such a problem.</exception>
    public Point Measure(Backend backend, WorkerTeam? team, CrossoverTimes times, CancellationToken cancellation)
    {
        StopRule rule = times.Rule;
        ProblemSize problem = _data.Size;
        long start = Stopwatch.GetTimestamp();
        using var runner = new StackRunner(backend, _data, team);
        runner.Run(problem.SequenceLength);
        double firstCall = Stopwatch.GetElapsedTime(start).TotalSeconds;

        Checked verdict = _verifier.Verify(runner, deviation => Tolerance.Of(backend, deviation), before: null);
        var point = new Point(problem, backend, firstCall, verdict.MaxError, verdict.Ok, EndToEnd: null, Kernels: null) { Threads = team?.Workers ?? 1 };
        if (!verdict.Ok)
            return point;

        if (runner.Kernels is { } kernels && times.Transfers.HasFlag(Transfers.Excluded))
            point = point with { Kernels = Measurement.Take(kernels, rule, cancellation) };
        if (runner.Kernels is null || times.Transfers.HasFlag(Transfers.Included))
            point = point with { EndToEnd = Measurement.Take(() => runner.Run(problem.SequenceLength), rule, cancellation) };
        if (times.Streaming && problem.Direction == LayerDirection.Forward)
            point = point with { Streaming = Measurement.Take(() => runner.Run(1), rule, cancellation) };
        return point;
    }
}
