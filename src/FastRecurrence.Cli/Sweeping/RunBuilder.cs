using FastRecurrence.Gpu;

namespace FastRecurrence.Cli.Sweeping;

/// <summary>A run as it grows: points in the plan's order, launch after launch.</summary>
internal sealed class RunBuilder(string command, RunSettings settings, IReadOnlyList<PlannedPoint> plan, IReadOnlyList<UnavailableEntry> unavailable)
{
    private readonly DateTimeOffset _started = DateTimeOffset.UtcNow;
    private readonly List<LaunchRecord> _launches = [];
    private readonly List<LaunchTimes>[] _times = [.. plan.Select(_ => new List<LaunchTimes>())];
    private readonly PointMessage?[] _last = new PointMessage?[plan.Count];
    private (int Number, DateTimeOffset Started, string? Load) _current;

    /// <summary>What went before the run.</summary>
    public IReadOnlyList<ScoreEntry>? Exercises { get; init; }

    /// <summary>Whether points say which kernels a device chose.</summary>
    public bool NamesKernels { get; init; }

    /// <summary>Points still worth a launch, with what is known of them.</summary>
    public IReadOnlyList<PlannedPoint> Remaining => [.. Indices.Select(i => plan[i] with { Verified = _last[i]?.Verification })];

    /// <summary>Whether a device broke or a backend could not be had.</summary>
    public bool AnyFailed => _last.Any(m => m is { Failed: true });

    public bool AnyWrong => _last.Any(m => m is { Verification.Ok: false });

    /// <summary>Points of the plan.</summary>
    public int Planned => plan.Count;

    /// <summary>Why the first point that has no time has none; null when all have, or were not yet measured.</summary>
    public string? FirstReason => _last.FirstOrDefault(m => m?.Skipped is not null)?.Skipped;

    public bool AnyMeasured => _times.Any(t => t.Count > 0);

    private int[] Indices => [.. Enumerable.Range(0, plan.Count).Where(i => _last[i] is null or { Skipped: null, Verification.Ok: true })];

    /// <summary>Opens a launch: from here on <see cref="Hear"/> counts for it.</summary>
    /// <returns>What takes the launch's messages.</returns>
    public Action<LaunchMessage> Begin(int launch, string? load)
    {
        _current = (launch, DateTimeOffset.UtcNow, load);
        int[] indices = Indices;
        return message => Hear(message, indices);
    }

    /// <param name="partial">Whether the run was cut short.</param>
    public RunFile Build(bool partial) => new()
    {
        Partial = partial,
        Command = command,
        Started = _started,
        Seconds = Math.Round((DateTimeOffset.UtcNow - _started).TotalSeconds, 1),
        Machine = Peers.PeerAssembly.AddVersions(Machine.Here),
        Settings = settings,
        Launches = [.. _launches],
        Points = [.. Enumerable.Range(0, plan.Count).Where(i => _last[i]?.Verification is not null).Select(Point)],
        Skipped =
        [
            .. from pair in plan.Zip(_last, (planned, last) => (planned, last?.Skipped))
               where pair.Skipped is not null
               select new SkippedRecord(pair.planned.Problem, pair.planned.Backend, pair.planned.Threads, pair.planned.Weights, pair.Skipped),
        ],
        Unavailable = unavailable,
        Exercises = Exercises,
    };

    private void Hear(LaunchMessage message, int[] indices)
    {
        if (message.Peaks is { } peaks)
            _launches.Add(new LaunchRecord(_current.Number, _current.Started, _current.Load, [.. peaks.Select(Rounded)]));
        if (message.Point is not { } point)
            return;
        int index = indices[point.Index];
        _last[index] = point;
        if (point.Times is not null)
            _times[index].Add(point.Times);
    }

    private PointRecord Point(int index)
    {
        PlannedPoint planned = plan[index];
        ProblemSize size = ProblemSize.Parse(planned.Problem);
        double share = WeightType.Find(planned.Weights).Share;
        double saved = (1 - share) * (size.RecurrentBytes + (size.WeightBytes - size.RecurrentBytes) / size.SequenceLength);
        Backend? backend = BackendList.All.FirstOrDefault(b => b.Name == planned.Backend);
        var point = new PointRecord
        {
            Id = planned.Id,
            Problem = planned.Problem,
            Weights = planned.Weights,
            Backend = planned.Backend,
            Threads = planned.Threads,
            Device = backend is GpuBackend,
            CpuDevice = backend is GpuBackend { IsCpuDevice: true },
            Peer = backend is null,
            FlopsPerStep = size.FlopsPerStep,
            BytesPerStep = size.BytesPerStep - saved,
            RecurrentBytes = share * size.RecurrentBytes,
            TransferBytes = size.TransferBytes,
            Verification = _last[index]!.Verification!,
            Launches = [.. _times[index]],
            Dispatch = NamesKernels ? (backend as GpuBackend)?.Explain(size.Shape, size.BatchSize) : null,
        };
        return point with { Summary = PointSummary.Of(point, _launches) };
    }

    private static PeakRecord Rounded(PeakRecord peak) => peak with
    {
        Gflops = Math.Round(peak.Gflops, 2),
        Bandwidths = [.. peak.Bandwidths.Select(b => b with { Gigabytes = Math.Round(b.Gigabytes, 2) })],
    };
}
