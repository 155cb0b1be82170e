using System.Text.Json.Serialization;

namespace FastRecurrence.Cli.Sweeping;

/// <summary>
/// From which batch a device pays; <c>batch</c> is null when it does not within the sweep. <c>transfers</c> is excluded, included or streaming (a call
/// for each step).
/// </summary>
/// <param name="Sweep">The problem of the smallest batch.</param>
/// <param name="Found">Where the times cross.</param>
/// <param name="Cpu">The fastest backends on the CPU, as the table calls them.</param>
/// <param name="Device">The device's backend.</param>
/// <param name="Transfers">Which times.</param>
/// <param name="LastBatch">The largest batch.</param>
internal sealed record VerdictEntry(
    [property: JsonIgnore] ProblemSize Sweep, [property: JsonIgnore] Crossover Found, string Cpu, string Device, string Transfers, int LastBatch)
{
    public string Cell => Sweep.Cell.Name;
    public int Hidden => Sweep.HiddenSize;
    public int Input => Sweep.InputSize;
    public int Length => Sweep.SequenceLength;
    public int Layers => Sweep.Layers;
    public string Direction => DirectionName.Of(Sweep.Direction);
    public int? Batch => Found.Batch;
    public int? SlowerAt => Found.SlowerAt;
    public double? Estimate => Found.Estimate;
    public int? Earliest => Found.Earliest;
    public int? Latest => Found.Latest;
    public int FirstBatch => Sweep.BatchSize;
    public double FirstRatio => Found.FirstRatio;
    public double LastRatio => Found.LastRatio;
    public bool Certain => Found.Certain;
}

/// <summary>From which batch a device pays: how it is read off the points of a run, and how it is said.</summary>
internal static class CrossoverVerdict
{
    private static readonly (string Name, Func<LaunchTimes, TimeRecord?> Device, Func<LaunchTimes, TimeRecord?> Cpu)[] s_times =
    [
        ("excluded", l => l.Kernels, l => l.EndToEnd), ("included", l => l.EndToEnd, l => l.EndToEnd), ("streaming", l => l.Streaming, l => l.Streaming),
    ];

    /// <summary>Holds every device, in every kind of times, against the fastest CPU backend of each batch. A device that is the CPU gets no verdict.</summary>
    public static IReadOnlyList<VerdictEntry> Of(IEnumerable<PointRecord> points) =>
    [
        .. from sweep in points.GroupBy(p => ProblemSize.Parse(p.Problem) with { BatchSize = 1 })
           from device in sweep.Where(p => p is { Device: true, CpuDevice: false }).GroupBy(p => p.Who)
           from times in s_times
           let verdict = Of(device.Key, [.. device], [.. sweep.Where(p => p is { Device: false, Peer: false })], times)
           where verdict is not null
           select verdict,
    ];

    private static VerdictEntry? Of(
        string who, PointRecord[] device, PointRecord[] cpus, (string Name, Func<LaunchTimes, TimeRecord?> Device, Func<LaunchTimes, TimeRecord?> Cpu) of)
    {
        (ProblemSize Problem, string Who, Measurement Cpu, Measurement Device)[] times = [..
            from p in device
            let time = Time(p, of.Device)
            let rivals = cpus.Where(q => q.Problem == p.Problem).Select(q => (q.Who, Time: Time(q, of.Cpu))).Where(q => q.Time is not null)
            let rival = rivals.OrderBy(q => q.Time!.Median).FirstOrDefault()
            where time is not null && rival.Time is not null
            let problem = ProblemSize.Parse(p.Problem)
            orderby problem.BatchSize
            select (problem, rival.Who, rival.Time, time)];
        if (times.Length == 0)
            return null;
        var found = Crossover.Find([.. times.Select(t => (t.Problem.BatchSize, t.Cpu, t.Device))]);
        return new VerdictEntry(times[0].Problem, found, string.Join('/', times.Select(t => t.Who).Distinct()), who, of.Name, times[^1].Problem.BatchSize);
    }

    /// <summary>The launches' median; its noise is that within a launch or that between launches, whichever is more.</summary>
    private static Measurement? Time(PointRecord point, Func<LaunchTimes, TimeRecord?> of)
    {
        TimeRecord[] times = [.. point.Launches.Select(of).OfType<TimeRecord>()];
        if (times.Length == 0)
            return null;
        double median = Measurement.MedianOf(times.Select(t => t.Median)), range = times.Max(t => t.Median) - times.Min(t => t.Median);
        double within = Measurement.MedianOf(times.Select(t => t.NoisePercent < 0 ? double.PositiveInfinity : t.NoisePercent));
        return new Measurement(median, Math.Max(within, 100 * range / 2 / Math.Sqrt(times.Length) / median), times.Length, Missed: null);
    }

    /// <summary>The verdict in one line.</summary>
    public static string Sentence(VerdictEntry verdict)
    {
        string pays = verdict switch
        {
            { Batch: null } => $"does not pay up to batch {verdict.LastBatch}",
            { SlowerAt: null } => $"pays from batch {verdict.Batch} on, the smallest measured",
            _ => $"pays from batch {verdict.Batch} on, not yet at {verdict.SlowerAt}",
        };
        string which = verdict.Transfers == "streaming" ? "streaming (a call a step)" : $"transfers {verdict.Transfers}";
        string ends = $"{Lead(verdict.FirstBatch, verdict.FirstRatio)}; {Lead(verdict.LastBatch, verdict.LastRatio)}";
        return $"{verdict.Device}, {which}: {pays}{Range(verdict)} ({ends}){(verdict.Certain ? "" : "; within noise")}";
    }

    /// <summary>Where the lines cross, and between which swept batches the crossover lies for certain.</summary>
    private static string Range(VerdictEntry verdict)
    {
        if (verdict.Batch is null)
            return verdict.Earliest is { } may ? $", perhaps from {may} on" : "";
        string from = verdict.Earliest is { } earliest && earliest != verdict.Batch ? $"perhaps from {earliest}" : "";
        string surely = verdict.Latest is { } latest ? (latest == verdict.Batch ? "" : $"certainly from {latest}") : "certainly nowhere yet";
        string about = verdict.SlowerAt is null ? "" : $"the lines cross at {Digits.Significant(verdict.Estimate!.Value, 2)}";
        string all = string.Join(", ", new[] { about, from, surely }.Where(t => t.Length > 0));
        return all.Length == 0 ? "" : $": {all}";
    }

    private static string Lead(int batch, double ratio) => ratio >= 1
        ? $"at {batch} the device is {Digits.Significant(ratio, 3)}x as fast"
        : $"at {batch} the CPU is {Digits.Significant(1 / ratio, 3)}x as fast";
}
