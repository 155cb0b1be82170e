using System.Diagnostics;
using FastRecurrence.Gpu;
using FastRecurrence.Threading;

namespace FastRecurrence.Cli.Sweeping;

/// <summary>One launch: a process that measures every point of a plan once, each checked before it is timed.</summary>
internal sealed class Launch(LaunchPlan plan, Teams teams, Action<LaunchMessage> tell, CancellationToken cancellation)
{
    /// <summary>Points between two looks at the peak: a clock that changes meanwhile is then seen.</summary>
    private const int PeakEvery = 8;

    private readonly RunSettings _settings = plan.Settings;
    private readonly HashSet<(string Backend, string Cell)> _seen = [];
    private readonly ColdCaches? _cold = plan.Settings.Cold ? new ColdCaches(Machine.Here.LastLevelBytes()) : null;
    private IReadOnlyList<PeakRecord> _peaks = [];

    public void Run()
    {
        if (_settings.Pin)
            ProcessorAffinity.BindThisThread(ProcessorAffinity.Allowed()[0]); // worker 0, which a team leaves to its caller
        _peaks = [.. plan.Points.GroupBy(p => p.Threads).OrderBy(g => g.Key).Select(g => MeasurePeak(g.Key, g))];
        int index = 0;
        foreach (IGrouping<string, PlannedPoint> problem in plan.Points.GroupBy(p => p.Problem))
        {
            var data = new Lazy<StackData>(() => new StackData(ProblemSize.Parse(problem.Key), _settings.Seed));
            var verifier = new Lazy<StackVerifier>(() => new StackVerifier(data.Value));
            foreach (PlannedPoint point in problem)
            {
                tell(new LaunchMessage(Point: Measure(point, index, data, verifier)));
                if (++index % PeakEvery == 0)
                    _peaks = [.. _peaks.Select(p => p with { Gflops = Math.Max(p.Gflops, FmaPeak.MeasureGflops(p.Threads)) })];
            }
        }

        tell(new LaunchMessage(Peaks: _peaks));
    }

    /// <summary>The peak, and the bandwidth at the common footprints and at those of the points' own R.</summary>
    private static PeakRecord MeasurePeak(int threads, IEnumerable<PlannedPoint> points)
    {
        IEnumerable<double> shares = points.Select(p => WeightType.Find(p.Weights).Share * ProblemSize.Parse(p.Problem).RecurrentBytes / threads);
        return new PeakRecord(
            threads, FmaPeak.MeasureGflops(threads),
            [.. ReadBandwidth.With(shares.Distinct()).Select(bytes => new BandwidthRecord(bytes, ReadBandwidth.MeasureGigabytes(threads, bytes)))]);
    }

    private PointMessage Measure(PlannedPoint point, int index, Lazy<StackData> data, Lazy<StackVerifier> verifier)
    {
        cancellation.ThrowIfCancellationRequested();
        try
        {
            long start = Stopwatch.GetTimestamp();
            StackData numbers = data.Value;
            start = Stopwatch.GetTimestamp();
            using IRunner runner = Runners.Create(point, numbers, teams.Of);
            double prepare = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
            start = Stopwatch.GetTimestamp();
            runner.Run(numbers.Size.SequenceLength);
            double firstCall = Stopwatch.GetElapsedTime(start).TotalMilliseconds;

            Checked verdict = verifier.Value.Verify(runner, deviation => Runners.ToleranceOf(point, numbers.Size, deviation), point.Verified);
            LaunchTimes? times = verdict.Ok ? Time(runner, numbers.Size, point, Math.Round(prepare, 4), Math.Round(firstCall, 4)) : null;
            return new PointMessage(index, verdict, times, null, false);
        }
        catch (NotSupportedException e)
        {
            return new PointMessage(index, null, null, e.Message, Failed: false);
        }
        catch (Exception e) when (e is DeviceException or BackendUnavailableException or OutOfMemoryException or ArgumentException)
        {
            return new PointMessage(index, null, null, e.Message, Failed: true);
        }
    }

    private LaunchTimes Time(IRunner runner, ProblemSize size, PlannedPoint point, double prepare, double firstCall)
    {
        int T = size.SequenceLength;
        StopRule rule = _settings.Rule();
        bool first = _seen.Add((point.Backend, size.Cell.Name));
        var budget = TimeSpan.FromSeconds(Math.Max(1, rule.Timeout.TotalSeconds));
        TimeRecord? kernels = runner.Kernels is { } sample && _settings.Transfers != "included"
            ? TimeRecord.Of(Measurement.Take(sample, rule, cancellation), T) : null;
        TimeRecord? endToEnd = runner.Kernels is null || _settings.Transfers != "excluded"
            ? TimeRecord.Of(Measurement.Take(Call, rule, cancellation), T) : null;
        LatencyRecord? latency = _settings.Latency ? LatencyRecord.Of(Latency.Take(Call, budget, cancellation), T) : null;
        double? cold = _cold is null ? null : TimeRecord.Rounded(_cold.Median(Call, rule.Timeout, cancellation) / T);
        TimeRecord? streaming = _settings.Streaming && size.Direction == LayerDirection.Forward
            ? TimeRecord.Of(Measurement.Take(() => runner.Run(1), rule, cancellation), 1) : null;
        return new LaunchTimes(plan.Launch, first, prepare, firstCall, endToEnd, kernels, cold, latency) { Streaming = streaming };

        void Call() => runner.Run(T);
    }
}
