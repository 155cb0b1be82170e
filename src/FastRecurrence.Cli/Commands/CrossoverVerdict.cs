using FastRecurrence.Cli.Timing;
using FastRecurrence.Gpu;

namespace FastRecurrence.Cli.Commands;

/// <summary>From which batch a device pays: how <c>crossover</c> reads it off its points, and how it says so.</summary>
internal static class CrossoverVerdict
{
    /// <summary>Holds a device against the fastest CPU backend of each batch. Null when the points have no time of either.</summary>
    /// <param name="points">The points of one sweep, batches ascending.</param>
    /// <param name="device">The device.</param>
    /// <param name="transfers">Which of its times: exactly one flag.</param>
    public static VerdictEntry? Of(IReadOnlyList<Point> points, Backend device, Transfers transfers) => transfers == Transfers.Excluded
        ? Of(points, device, "excluded", p => p.Kernels, p => p.EndToEnd)
        : Of(points, device, "included", p => p.EndToEnd, p => p.EndToEnd);

    /// <summary>The same for calls of one step each.</summary>
    public static VerdictEntry? OfStreaming(IReadOnlyList<Point> points, Backend device) => Of(points, device, "streaming", p => p.Streaming, p => p.Streaming);

    private static VerdictEntry? Of(
        IReadOnlyList<Point> points, Backend device, string which, Func<Point, Measurement?> timeOf, Func<Point, Measurement?> cpuTime)
    {
        (ProblemSize Problem, Point Cpu, Measurement Device)[] times = [..
            from p in points
            where p.Backend == device && timeOf(p) is not null
            let rival = points.Where(q => q.Problem == p.Problem && q.Backend is not GpuBackend && cpuTime(q) is not null).MinBy(q => cpuTime(q)!.Median)
            where rival is not null
            select (p.Problem, rival, timeOf(p)!)];
        if (times.Length == 0)
            return null;

        var found = Crossover.Find([.. times.Select(t => (t.Problem.BatchSize, cpuTime(t.Cpu)!, t.Device))]);
        string cpu = string.Join('/', times.Select(t => t.Cpu.Who).Distinct());
        return new VerdictEntry(times[0].Problem, found, cpu, device.Name, which, times[^1].Problem.BatchSize);
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
