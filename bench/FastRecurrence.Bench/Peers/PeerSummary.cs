using System.Globalization;
using System.Text;
using FastRecurrence.Measuring;

namespace FastRecurrence.Bench.Peers;

/// <summary>The report in markdown: geomeans per group, the worst cells, and every cell.</summary>
internal static class PeerSummary
{
    private sealed record Cell(PeerRow Own, PeerRow Onnx, PeerRow? Vector, PeerRow? Bf16, double? TorchUs)
    {
        public double OverOnnx => Onnx.MedianUs / Own.MedianUs;

        public double OverBetter => Math.Min(Onnx.MedianUs, TorchUs ?? double.PositiveInfinity) / Own.MedianUs;

        public string Name => string.Create(CultureInfo.InvariantCulture, $"{Own.Cell} H{Own.Hidden} N{Own.Batch} T{Own.Steps} {Own.Threads}t");
    }

    public static string Write(PeerReport report)
    {
        var text = new StringBuilder();
        void Line(FormattableString line) => text.AppendLine(FormattableString.Invariant(line));
        Line($"");
        Line($"`{report.Command}`");
        Line($"");
        Line($"{report.Machine}; FMA peak of one thread in this run {report.PeakGflops:F1} GFLOP/s (median of one measurement before each cell, best {report.BestPeakGflops:F1}); workers {(report.Pinned ? "pinned" : "not pinned")}; medians of interleaved samples.");
        Line($"torch is {report.Torch}.");
        Cell[] cells = [.. from own in report.Rows where own.Engine == "fastrecurrence"
                           let peers = report.Rows.Where(r => Same(r, own)).ToDictionary(r => r.Engine)
                           where peers.ContainsKey("onnxruntime")
                           let onnx = peers["onnxruntime"]
                           select new Cell(own, onnx, peers.GetValueOrDefault("fastrecurrence-vector"), peers.GetValueOrDefault("fastrecurrence-bf16"), peers.GetValueOrDefault("torch")?.MedianUs ?? TorchRatios.Of(own) * onnx.MedianUs)];
        if (cells.Length == 0)
            return text.ToString();

        Line($"");
        Line($"| group | cells | over ONNX Runtime | worst | over the better of it and torch | worst | Vector<float> over ONNX Runtime |");
        Line($"|-|-|-|-|-|-|-|");
        foreach (IGrouping<string, Cell> group in cells.GroupBy(c => FormattableString.Invariant($"{c.Own.Cell} T={c.Own.Steps} {c.Own.Threads}t")))
        {
            double vector = Measurement.GeometricMeanOf(group.Where(c => c.Vector is not null).Select(c => c.Onnx.MedianUs / c.Vector!.MedianUs));
            Line($"| {group.Key} | {group.Count()} | {Measurement.GeometricMeanOf(group.Select(c => c.OverOnnx)):F2} | {group.Min(c => c.OverOnnx):F2} {group.MinBy(c => c.OverOnnx)!.Name} | {Measurement.GeometricMeanOf(group.Select(c => c.OverBetter)):F2} | {group.Min(c => c.OverBetter):F2} {group.MinBy(c => c.OverBetter)!.Name} | {vector:F2} |");
        }

        Cell[] bf16 = [.. cells.Where(c => c.Bf16 is not null)];
        foreach (IGrouping<string, Cell> group in bf16.GroupBy(c => FormattableString.Invariant($"{c.Own.Cell} T={c.Own.Steps} N={c.Own.Batch} {c.Own.Threads}t")))
            Line($"| bf16 {group.Key} | {group.Count()} | {Measurement.GeometricMeanOf(group.Select(c => c.Onnx.MedianUs / c.Bf16!.MedianUs)):F2} | {group.Min(c => c.Onnx.MedianUs / c.Bf16!.MedianUs):F2} | | | |");

        if (cells.Where(c => c.Own is { Batch: >= 16, Hidden: >= 128, Steps: > 1 }).ToArray() is { Length: > 0 } large)
        {
            Line($"");
            foreach (IGrouping<string, Cell> group in large.GroupBy(c => FormattableString.Invariant($"{c.Own.Cell} T={c.Own.Steps} {c.Own.Threads}t")))
                Line($"{group.Key}, N >= 16, H >= 128: {group.Min(c => Share(c, report)):F0} to {group.Max(c => Share(c, report)):F0} % of peak, median {Measurement.MedianOf(group.Select(c => Share(c, report))):F0} %.  ");
        }

        Line($"");
        Line($"| cell | fastrecurrence µs | ONNX Runtime | torch | over ONNX | over better | % of peak | Vector<float> µs | bf16 µs | max error | ONNX error |");
        Line($"|-|-|-|-|-|-|-|-|-|-|-|");
        foreach (Cell c in cells)
        {
            Line($"| {c.Name} | {c.Own.MedianUs:G4} | {c.Onnx.MedianUs:G4} | {c.TorchUs:G4} | {c.OverOnnx:F2} | {c.OverBetter:F2} | {Share(c, report):F0} | {c.Vector?.MedianUs:G4} | {c.Bf16?.MedianUs:G4} | {c.Own.MaxError:E1} | {c.Onnx.MaxError:E1} |");
        }

        return text.ToString();
    }

    private static double Share(Cell c, PeerReport report)
    {
        LayerShape shape = c.Own.Cell == "lstm" ? LayerShape.Lstm(c.Own.Input, c.Own.Hidden) : LayerShape.Elman(c.Own.Input, c.Own.Hidden);
        return 100 * shape.FlopsPerStep(c.Own.Batch) * c.Own.Steps / c.Own.MedianUs / 1e3 / (report.PeakGflops * c.Own.Threads);
    }

    private static bool Same(PeerRow a, PeerRow b) => (a.Cell, a.Hidden, a.Batch, a.Steps, a.Threads) == (b.Cell, b.Hidden, b.Batch, b.Steps, b.Threads);
}
