using System.Text;
using FastRecurrence.Measuring;

namespace FastRecurrence.Bench.Peers.Training;

/// <summary>The report in markdown: for each group the geometric mean and the least cell over both torches, then every cell.</summary>
internal static class TrainingSummary
{
    public const string Own = "fastrecurrence", Torch = "torch", Kept = "torch-kept-heap";

    private sealed record Cell(TrainingRow Own, TrainingRow? Torch, TrainingRow? Kept)
    {
        public string Name => FormattableString.Invariant($"H{Own.Hidden} N{Own.Batch} T{Own.Steps}");

        public double? OverTorch => Torch?.ComparedUs / Own.ComparedUs;

        public double? OverKept => Kept?.ComparedUs / Own.ComparedUs;
    }

    public static string Write(TrainingReport report)
    {
        var text = new StringBuilder();
        void Line(FormattableString line) => text.AppendLine(FormattableString.Invariant(line));
        double Share(TrainingRow row, double flops, double microseconds) => 100 * flops / microseconds / 1e3 / (report.PeakGflops * row.Threads);
        Line($"");
        Line($"`{report.Command}`");
        Line($"");
        Line($"{report.Machine}; FMA peak of one thread in this run {report.PeakGflops:F1} GFLOP/s (median of one measurement before each cell, best {report.BestPeakGflops:F1}); workers {(report.Pinned ? "pinned" : "not pinned")}; medians of samples taken in turns.");
        Line($"{report.Step}");
        Line($"torch: {report.Torch}, in processes of its own. {string.Join("; ", report.Allocators.Select(a => $"**{a.Key}**: {a.Value}"))}.");
        Line($"Ratios compare processor time with one thread and the clock's with more. Share of peak: 3 times the forward pass's multiplications.");
        foreach (string lost in report.Lost)
            Line($"Lost: {lost}");

        Cell[] cells = [.. from own in report.Rows where own.Engine == Own
                           let same = report.Rows.Where(r => Key(r) == Key(own)).ToDictionary(r => r.Engine)
                           select new Cell(own, same.GetValueOrDefault(Torch), same.GetValueOrDefault(Kept))];
        Line($"");
        Line($"| group | cells | over torch | least cell | over torch with a kept heap | least cell | share of peak, % | of torch with a kept heap |");
        Line($"|-|-|-|-|-|-|-|-|");
        foreach (IGrouping<string, Cell> group in cells.GroupBy(c => Group(c.Own)))
        {
            string shares = Range(group.Select(c => Share(c.Own, c.Own.Flops, c.Own.ComparedUs)));
            string kept = Range(group.Where(c => c.Kept is not null).Select(c => Share(c.Kept!, c.Own.Flops, c.Kept!.ComparedUs)));
            Line($"| {group.Key} | {group.Count()} | {Ratios(group, c => c.OverTorch)} | {Ratios(group, c => c.OverKept)} | {shares} | {kept} |");
        }

        Line($"");
        Line($"| cell | µs, processor | µs, clock | forward, backward, update µs | their share of peak, % | torch µs, processor | clock | kept heap µs, processor | clock | over torch | over kept heap | torch's forward, backward, update µs (kept) | error | gradients' difference |");
        Line($"|-|-|-|-|-|-|-|-|-|-|-|-|-|-|");
        foreach (Cell c in cells)
        {
            TrainingRow own = c.Own;
            string phases = FormattableString.Invariant($"{Share(own, own.Flops / 3, own.ForwardUs):F0}, {Share(own, own.Flops * 2 / 3, own.BackwardUs):F0}, all {Share(own, own.Flops, own.ComparedUs):F0}");
            Line($"| {own.Cell} {c.Name} {own.Threads}t{(own.IsRagged ? " ragged" : "")} | {own.CpuMedianUs:G4} | {own.MedianUs:G4} | {Phases(own)} | {phases} | {c.Torch?.CpuMedianUs:G4} | {c.Torch?.MedianUs:G4} | {c.Kept?.CpuMedianUs:G4} | {c.Kept?.MedianUs:G4} | {c.OverTorch:F2} | {c.OverKept:F2} | {Phases(c.Kept)} | {own.MaxError:E1} | {(c.Kept ?? c.Torch)?.GradientDifference:E1} |");
        }

        return text.ToString();
    }

    private static string Ratios(IEnumerable<Cell> group, Func<Cell, double?> ratio)
    {
        Cell[] measured = [.. group.Where(c => ratio(c) is not null)];
        if (measured.Length == 0)
            return "| ";
        Cell least = measured.MinBy(ratio)!;
        return FormattableString.Invariant($"{Measurement.GeometricMeanOf(measured.Select(c => ratio(c)!.Value)):F2} | {ratio(least):F2} {least.Name}");
    }

    private static string Range(IEnumerable<double> shares)
    {
        double[] all = [.. shares];
        return all.Length == 0 ? "" : FormattableString.Invariant($"{all.Min():F0}–{all.Max():F0}, median {Measurement.MedianOf(all):F0}");
    }

    private static string Phases(TrainingRow? row) =>
        row is null ? "" : FormattableString.Invariant($"{row.ForwardUs:G4}, {row.BackwardUs:G4}, {row.UpdateUs:G4}");

    private static string Group(TrainingRow r) =>
        FormattableString.Invariant($"{(r.IsRagged ? "packed ragged " : "")}{r.Cell} N={r.Batch}, {r.Threads} {(r.Threads == 1 ? "thread" : "threads")}");

    private static (string, int, int, int, int, bool) Key(TrainingRow r) => (r.Cell, r.Hidden, r.Batch, r.Steps, r.Threads, r.IsRagged);
}
