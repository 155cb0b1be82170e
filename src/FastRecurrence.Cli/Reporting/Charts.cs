using FastRecurrence.Cli.Sweeping;

namespace FastRecurrence.Cli.Reporting;

/// <summary>Which charts a set of points gives. A chart without something to show is left out.</summary>
internal static class Charts
{
    public static IReadOnlyList<Chart> Of(IReadOnlyList<ReportPoint> points) =>
    [
        .. Along(points, "Time per step", "µs", p => p.Step, _ => null),
        .. Along(points, "Throughput", "GFLOP/s", Gflops, PeakLine).Select(chart => chart with { IsLinear = true }),
        .. Roofline(points),
        .. Crossovers(points, ChartAxis.For(points)),
        .. Peers(points, ChartAxis.For(points)),
        .. Latencies(points),
    ];

    /// <summary>A value against the axis with the most values; a chart for each cell, more when there are too many series.</summary>
    private static IEnumerable<Chart> Along(
        IReadOnlyList<ReportPoint> points, string title, string unit, Func<ReportPoint, Spread> value, Func<IReadOnlyList<ReportPoint>, ChartSeries?> limit)
    {
        foreach (IGrouping<string, ReportPoint> cell in points.GroupBy(p => p.Point.Cell))
        {
            ReportPoint[] all = [.. cell];
            ChartAxis axis = ChartAxis.For(all);
            ChartSeries[] series = [.. all.GroupBy(p => axis.Series(p, all)).Select(g => Line(g.Key, g, axis, value, unit))];
            foreach (Chart chart in Parts($"{title}, {cell.Key} {Sizes(all[0], all, same: true)}".TrimEnd(), axis.Title, 2, unit, series, limit(all)))
                yield return chart;
        }
    }

    private static ChartSeries Line(string name, IEnumerable<ReportPoint> points, ChartAxis axis, Func<ReportPoint, Spread?> value, string unit) =>
        new(name, [.. from p in points let v = value(p) where v is not null orderby axis.Of(p.Point) select Mark(p, axis.Of(p.Point), v, unit)]);

    private static ChartPoint Mark(ReportPoint p, double x, Spread value, string unit, string label = "")
    {
        string range = p.Point.Launches.Count == 1 ? "1 launch"
            : $"{Digits.Significant(value.Least)} to {Digits.Significant(value.Most)} in {Words.Count(p.Point.Launches.Count, "launch")}";
        string note = $"{p.Point.Problem} {p.Who}: {Digits.Significant(value.Median)} {unit}, {range}";
        return new ChartPoint(x, value.Median, value.Least, value.Most, note, label);
    }

    private static Spread Gflops(ReportPoint p) => p.Step.Rate(p.Point.FlopsPerStep / 1e3);

    private static IEnumerable<Chart> Parts(string title, string xTitle, double xBase, string yTitle, ChartSeries[] series, ChartSeries? limit)
    {
        ChartSeries[][] parts = [.. series.Chunk(Chart.MostSeries)];
        for (int i = 0; i < parts.Length; i++)
        {
            string which = parts.Length == 1 ? "" : $" ({i + 1} of {parts.Length})";
            yield return new Chart(title + which, xTitle, xBase, yTitle, limit is null ? parts[i] : [.. parts[i], limit]);
        }
    }

    /// <summary>The sizes of a point that are the same in all of a chart, or those that are not.</summary>
    private static string Sizes(ReportPoint point, IEnumerable<ReportPoint> all, bool same) => string.Join(' ',
        from size in new (string Symbol, Func<PointRecord, int> Of)[] { ("H", p => p.Hidden), ("T", p => p.Length), ("N", p => p.Batch) }
        where all.All(p => size.Of(p.Point) == size.Of(point.Point)) == same
        select $"{size.Symbol}{size.Of(point.Point)}");

    private static ChartSeries? PeakLine(IReadOnlyList<ReportPoint> points)
    {
        ReportPoint[] cpu = [.. points.Where(p => !p.Point.Device)];
        if (cpu.Length == 0)
            return null;
        int threads = cpu.Min(p => p.Point.Threads);
        PeakRecord? peak = cpu.SelectMany(p => EnvironmentText.Best(p.Run)).Where(p => p.Threads == threads).MaxBy(p => p.Gflops);
        ChartAxis axis = ChartAxis.For(points);
        return peak is null ? null : new ChartSeries($"FMA peak, {Words.Count(threads, "thread")}",
            [new(points.Min(p => axis.Of(p.Point)), peak.Gflops), new(points.Max(p => axis.Of(p.Point)), peak.Gflops)], IsLimit: true);
    }

    private static IEnumerable<Chart> Roofline(IReadOnlyList<ReportPoint> points)
    {
        ReportPoint[] cpu = [.. points.Where(p => !p.Point.Device)];
        foreach (IGrouping<int, ReportPoint> group in cpu.GroupBy(p => p.Point.Threads).OrderBy(g => g.Key))
        {
            PeakRecord? peak = group.SelectMany(p => EnvironmentText.Best(p.Run)).Where(p => p.Threads == group.Key).MaxBy(p => p.Gflops);
            if (peak is null)
                continue;
            double Intensity(ReportPoint p) => p.Point.FlopsPerStep / p.Point.BytesPerStep;
            double low = group.Min(Intensity) / 2, high = Math.Max(group.Max(Intensity) * 2, low * 4);
            ChartSeries Cloud(IGrouping<string, ReportPoint> g) =>
                new(g.Key, [.. g.OrderBy(Intensity).Select(p => Mark(p, Intensity(p), Gflops(p), "GFLOP/s", Sizes(p, group, same: false)))], Joined: false);

            List<ChartSeries> series = [.. group.GroupBy(p => $"{p.Point.Cell} {p.Who}").Take(Chart.MostSeries).Select(Cloud)];
            foreach (BandwidthRecord level in Levels(peak))
            {
                double knee = Math.Clamp(peak.Gflops / level.Gigabytes, low, high);
                series.Add(new ChartSeries(
                    $"{EnvironmentText.Bytes(level.BytesEach)}: {Digits.Significant(level.Gigabytes, 3)} GB/s",
                    [.. new[] { low, knee, high }.Select(x => new ChartPoint(x, Math.Min(peak.Gflops, x * level.Gigabytes)))], IsLimit: true));
            }

            string title = $"Roofline, {Words.Count(group.Key, "thread")}, FMA peak {Digits.Places(peak.Gflops, 0)} GFLOP/s";
            yield return new Chart(title, "flop per byte", 2, "GFLOP/s", series);
        }
    }

    /// <summary>One footprint for each level that differs: the first, and each that is a fifth slower than the last one drawn.</summary>
    private static List<BandwidthRecord> Levels(PeakRecord peak)
    {
        var levels = new List<BandwidthRecord>();
        foreach (BandwidthRecord b in peak.Bandwidths)
        {
            if (levels.Count == 0 || b.Gigabytes < 0.8 * levels[^1].Gigabytes)
                levels.Add(b);
        }

        return levels;
    }

    /// <summary>The best CPU time over the device's time: above 1 the device is ahead.</summary>
    private static IEnumerable<Chart> Crossovers(IReadOnlyList<ReportPoint> points, ChartAxis axis) =>
        Ratios("Crossover: a device against the best CPU time", "times as fast as the CPU", axis,
            from device in points.Where(p => p.Point.Device).GroupBy(p => axis.Series(p, points) + (p.Point.CpuDevice ? " (a CPU)" : ""))
            from kind in new (string Name, Func<ReportPoint, Spread?> Time)[] { ("kernels", p => p.Step), ("with transfers", p => p.WithTransfers) }
            select Line($"{device.Key}, {kind.Name}", device, axis,
                p => kind.Time(p) is { } time ? p.BestOnCpu(points, threads: null)?.Over(time) : null, "times as fast"));

    /// <summary>A peer's time over the fastest time of this library on the CPU with as many threads: above 1 this library is ahead.</summary>
    private static IEnumerable<Chart> Peers(IReadOnlyList<ReportPoint> points, ChartAxis axis) =>
        Ratios("Peers: this library against others", "times as fast", axis,
            from peer in points.Where(p => p.Point.Peer).GroupBy(p => axis.Series(p, points))
            select Line($"over {peer.Key}", peer, axis,
                p => p.BestOnCpu(points, p.Point.Threads) is { } ours ? p.Step.Over(ours) : null, "times as fast"));

    private static IEnumerable<Chart> Ratios(string title, string unit, ChartAxis axis, IEnumerable<ChartSeries> all)
    {
        ChartSeries[] series = [.. all.Where(s => s.Points.Count > 0)];
        double[] along = [.. series.SelectMany(s => s.Points).Select(p => p.X)];
        return series.Length == 0 ? []
            : Parts(title, axis.Title, 2, unit, series, new ChartSeries("even", [new(along.Min(), 1), new(along.Max(), 1)], IsLimit: true));
    }

    private static IEnumerable<Chart> Latencies(IReadOnlyList<ReportPoint> points)
    {
        ReportPoint[] timed = [.. points.Where(p => p.Point.Launches.Any(l => l.Latency is not null))];
        ChartSeries[] series = [.. timed.Select(p => new ChartSeries($"{p.Point.Problem} {p.Who}", Curve(p.Point)))];
        return series.Length == 0 ? [] : Parts("Latency of single calls", "1 call in …", 10, "µs per step", series, null);
    }

    /// <summary>Level by level the median over launches, up to the rarest call that enough calls stand behind.</summary>
    private static ChartPoint[] Curve(PointRecord point)
    {
        LatencyRecord[] all = [.. point.Launches.Select(l => l.Latency).OfType<LatencyRecord>()];
        int calls = all.Min(l => l.Calls);
        return
        [
            .. from k in Enumerable.Range(0, all[0].Curve.Count - 1)
               let oneIn = 1 / (1 - Latency.Level(k))
               where oneIn <= calls / 10.0
               let step = Measurement.MedianOf(all.Select(l => l.Curve[k]))
               select new ChartPoint(oneIn, step, step, step, $"1 call in {oneIn:0} takes {Digits.Significant(step)} µs a step or more"),
        ];
    }
}
