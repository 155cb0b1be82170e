using FastRecurrence.Cli.Sweeping;

namespace FastRecurrence.Cli.Reporting;

/// <summary>A measured point of one of the files of a report.</summary>
/// <param name="File">The file's name, empty when there is only one.</param>
/// <param name="Point">What was measured.</param>
/// <param name="Run">The run it belongs to.</param>
internal sealed record ReportPoint(string File, PointRecord Point, RunFile Run)
{
    /// <summary>Such as <c>simd-512 2t</c>.</summary>
    public string Who => (File.Length == 0 ? "" : $"{File}: ") + Point.Who;

    /// <summary>Time per step, in µs: on a device without transfers where that was measured.</summary>
    public Spread Step => Spread.Of(Point.Medians(l => l.Kernels ?? l.EndToEnd))!;

    /// <summary>Of a device, from the caller's memory to the caller's; null where that was not measured.</summary>
    public Spread? WithTransfers => Spread.Of(Point.Medians(l => l.EndToEnd));

    /// <summary>The fastest of this library's CPU backends on the same problem of the same file; null when none was measured.</summary>
    /// <param name="all">All points.</param>
    /// <param name="threads">Of a team of so many; null for any.</param>
    public Spread? BestOnCpu(IEnumerable<ReportPoint> all, int? threads) => all
        .Where(q => q.Point is { Device: false, Peer: false } && q.Point.Problem == Point.Problem && q.File == File)
        .Where(q => threads is null || q.Point.Threads == threads)
        .MinBy(q => q.Step.Median)?.Step;

    /// <summary>Every measured point, the first of each file before the second ones, so that runs of one plan stay side by side.</summary>
    public static IReadOnlyList<ReportPoint> From(IReadOnlyList<(string Name, RunFile Run)> files) =>
        [.. from file in files from p in file.Run.Points.Index() where p.Item.Summary is not null orderby p.Index
            select new ReportPoint(files.Count == 1 ? "" : file.Name, p.Item, file.Run)];
}

/// <summary>What the launches say of one value: their median, and the least and the most.</summary>
internal sealed record Spread(double Median, double Least, double Most)
{
    public static Spread? Of(IEnumerable<double> launches)
    {
        double[] all = [.. launches];
        return all.Length == 0 ? null : new Spread(Measurement.MedianOf(all), all.Min(), all.Max());
    }

    /// <summary>This over another one, from the least that any two launches give to the most.</summary>
    public Spread Over(Spread other) => new(Median / other.Median, Least / other.Most, Most / other.Least);

    /// <summary>The rate of so much work in this time.</summary>
    public Spread Rate(double work) => new(work / Median, work / Most, work / Least);
}

/// <summary>The axis along which charts are drawn: the one with the most values, the batch if in doubt.</summary>
internal sealed record ChartAxis(string Title, Func<PointRecord, int> Of)
{
    private static readonly ChartAxis[] s_all =
    [
        new("batch N", p => p.Batch), new("hidden size H", p => p.Hidden), new("steps T", p => p.Length), new("threads", p => p.Threads),
        new("layers", p => p.Layers),
    ];

    public static ChartAxis For(IReadOnlyList<ReportPoint> points) => s_all.MaxBy(a => points.Select(p => a.Of(p.Point)).Distinct().Count())!;

    /// <summary>What tells a series from others: every size but the axis's own that has more than one value here.</summary>
    public string Series(ReportPoint point, IReadOnlyList<ReportPoint> all)
    {
        string name = "";
        void Part(string title, Func<PointRecord, object> of, string text)
        {
            if (title != Title && all.Select(p => of(p.Point)).Distinct().Skip(1).Any())
                name += text + " ";
        }

        PointRecord p = point.Point;
        Part("cell", x => x.Cell, p.Cell);
        Part("hidden size H", x => x.Hidden, $"H{p.Hidden}");
        Part("input", x => x.Input == x.Hidden ? -1 : x.Input, p.Input == p.Hidden ? "I=H" : $"I{p.Input}");
        Part("steps T", x => x.Length, $"T{p.Length}");
        Part("batch N", x => x.Batch, $"N{p.Batch}");
        Part("layers", x => x.Layers, $"{p.Layers} layers");
        Part("direction", x => x.Direction, p.Direction);
        return name + (Title == "threads" ? (point.File.Length == 0 ? "" : $"{point.File}: ") + p.Backend : point.Who);
    }
}
