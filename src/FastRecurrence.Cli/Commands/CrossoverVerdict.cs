using FastRecurrence.Cli.Axes;
using FastRecurrence.Cli.Output;
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
    public static VerdictEntry? Of(IReadOnlyList<Point> points, Backend device, Transfers transfers)
    {
        Measurement? Time(Point p) => transfers == Transfers.Excluded ? p.Kernels : p.EndToEnd;
        (ProblemSize Problem, Point Cpu, Measurement Device)[] times = [..
            from p in points
            where p.Backend == device && Time(p) is not null
            let rival = points.Where(q => q.Problem == p.Problem && q.Backend is not GpuBackend && q.EndToEnd is not null).MinBy(q => q.EndToEnd!.Median)
            where rival is not null
            select (p.Problem, rival, Time(p)!)];
        if (times.Length == 0)
            return null;

        ProblemSize sweep = times[0].Problem;
        return new VerdictEntry(
            sweep.Cell.Name, sweep.HiddenSize, sweep.InputSize, sweep.SequenceLength,
            string.Join('/', times.Select(t => t.Cpu.Backend.Name).Distinct()), device.Name, transfers == Transfers.Excluded ? "excluded" : "included",
            sweep.BatchSize, times[^1].Problem.BatchSize,
            Crossover.Find([.. times.Select(t => (t.Problem.BatchSize, t.Cpu.EndToEnd!, t.Device))]));
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
        return $"{verdict.Device}, transfers {verdict.Transfers}: {pays} ({Lead(verdict.FirstBatch, verdict.FirstRatio)}; {Lead(verdict.LastBatch, verdict.LastRatio)}){(verdict.Certain ? "" : "; within noise")}";
    }

    private static string Lead(int batch, double ratio) => ratio >= 1
        ? $"at {batch} the device is {Digits.Significant(ratio, 3)}x as fast"
        : $"at {batch} the CPU is {Digits.Significant(1 / ratio, 3)}x as fast";
}
