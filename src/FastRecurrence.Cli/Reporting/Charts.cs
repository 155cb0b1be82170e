using FastRecurrence.Cli.Sweeping;

namespace FastRecurrence.Cli.Reporting;

/// <summary>Which charts a set of points gives. A chart without something to show is left out.</summary>
internal static class Charts
{
    public static IReadOnlyList<Chart> Of(IReadOnlyList<ReportPoint> points) =>
    [
        .. Along(points, "Time per step", "µs", p => p.Summary.StepMicroseconds, _ => null),
        .. Along(points, "Throughput", "GFLOP/s", p => p.Summary.Gflops, PeakLine),
        .. Roofline(points),
        .. Crossovers(points),
        .. Peers(points),
        .. Latencies(points),
    ];

    /// <summary>A value against the axis with the most values; a chart for each cell, more when there are too many series.</summary>
    private static IEnumerable<Chart> Along(
        IReadOnlyList<ReportPoint> points, string title, string unit, Func<ReportPoint, double> value, Func<IReadOnlyList<ReportPoint>, ChartSeries?> limit)
    {
        foreach (IGrouping<string, ReportPoint> cell in points.GroupBy(p => p.Point.Cell))
        {
            ReportPoint[] all = [.. cell];
            ChartAxis axis = ChartAxis.For(all);
            ChartSeries[] series = [.. all.GroupBy(p => axis.Series(p, all)).Select(g => Line(g.Key, g, axis, value))];
            foreach (Chart chart in Parts($"{title}, {cell.Key}{Constant(all, axis)}", axis.Title, 2, unit, series, limit(all)))
                yield return chart;
        }
    }

    private static ChartSeries Line(string name, IEnumerable<ReportPoint> points, ChartAxis axis, Func<ReportPoint, double> value) =>
        new(name, [.. points.OrderBy(p => axis.Of(p.Point)).Select(p => ((double)axis.Of(p.Point), value(p)))]);

    private static IEnumerable<Chart> Parts(string title, string xTitle, double xBase, string yTitle, ChartSeries[] series, ChartSeries? limit)
    {
        ChartSeries[][] parts = [.. series.Chunk(Chart.MostSeries)];
        for (int i = 0; i < parts.Length; i++)
        {
            string which = parts.Length == 1 ? "" : $" ({i + 1} of {parts.Length})";
            yield return new Chart(title + which, xTitle, xBase, yTitle, limit is null ? parts[i] : [.. parts[i], limit]);
        }
    }

    /// <summary>The sizes that are the same in all of a chart.</summary>
    private static string Constant(ReportPoint[] all, ChartAxis axis)
    {
        var parts = new List<string>();
        void Part(string title, Func<Sweeping.PointRecord, int> of, string symbol)
        {
            if (title != axis.Title && all.Select(p => of(p.Point)).Distinct().Count() == 1)
                parts.Add($"{symbol}{of(all[0].Point)}");
        }

        Part("hidden size H", p => p.Hidden, "H");
        Part("steps T", p => p.Length, "T");
        Part("batch N", p => p.Batch, "N");
        return parts.Count == 0 ? "" : $" {string.Join(' ', parts)}";
    }

    private static ChartSeries? PeakLine(IReadOnlyList<ReportPoint> points)
    {
        ReportPoint[] cpu = [.. points.Where(p => !p.Point.Device)];
        if (cpu.Length == 0)
            return null;
        int threads = cpu.Min(p => p.Point.Threads);
        PeakRecord? peak = cpu.SelectMany(p => EnvironmentText.Best(p.Run)).Where(p => p.Threads == threads).MaxBy(p => p.Gflops);
        ChartAxis axis = ChartAxis.For(points);
        return peak is null ? null : new ChartSeries($"FMA peak, {Words.Count(threads, "thread")}",
            [(points.Min(p => axis.Of(p.Point)), peak.Gflops), (points.Max(p => axis.Of(p.Point)), peak.Gflops)], IsLimit: true);
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
                new(g.Key, [.. g.OrderBy(Intensity).Select(p => (Intensity(p), p.Summary.Gflops))], Joined: false);

            List<ChartSeries> series = [.. group.GroupBy(p => $"{p.Point.Cell} {p.Who}").Take(Chart.MostSeries).Select(Cloud)];
            foreach (BandwidthRecord level in Levels(peak))
            {
                double knee = Math.Clamp(peak.Gflops / level.Gigabytes, low, high);
                series.Add(new ChartSeries(
                    $"{EnvironmentText.Bytes(level.BytesEach)}: {Digits.Significant(level.Gigabytes, 3)} GB/s",
                    [.. new[] { low, knee, high }.Select(x => (x, Math.Min(peak.Gflops, x * level.Gigabytes)))], IsLimit: true));
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
    private static IEnumerable<Chart> Crossovers(IReadOnlyList<ReportPoint> points)
    {
        var series = new List<ChartSeries>();
        ReportPoint[] devices = [.. points.Where(p => p.Point.Device)];
        ChartAxis axis = ChartAxis.For(points);
        foreach (IGrouping<string, ReportPoint> device in devices.GroupBy(p => axis.Series(p, points)))
        {
            foreach ((string what, Func<ReportPoint, double?> time) in (IEnumerable<(string, Func<ReportPoint, double?>)>)[
                ("kernels", p => p.Summary.StepMicroseconds), ("with transfers", p => p.Summary.WithTransfersMicroseconds)])
            {
                (double, double)[] ratios = [..
                    from p in device
                    let t = time(p)
                    let cpu = p.BestOnCpu(points, threads: null)
                    where t is not null && cpu is not null
                    orderby axis.Of(p.Point)
                    select ((double)axis.Of(p.Point), cpu.Value / t.Value)];
                if (ratios.Length > 0)
                    series.Add(new ChartSeries($"{device.Key}{(device.First().Point.CpuDevice ? " (a CPU)" : "")}, {what}", ratios));
            }
        }

        return series.Count == 0 ? []
            : Parts("Crossover: a device against the best CPU time", axis.Title, 2, "times as fast as the CPU", [.. series], Even(series));
    }

    /// <summary>A peer's time over the fastest time of this library on the CPU with as many threads: above 1 this library is ahead.</summary>
    private static IEnumerable<Chart> Peers(IReadOnlyList<ReportPoint> points)
    {
        var series = new List<ChartSeries>();
        ChartAxis axis = ChartAxis.For(points);
        foreach (IGrouping<string, ReportPoint> peer in points.Where(p => p.Point.Peer).GroupBy(p => axis.Series(p, points)))
        {
            (double, double)[] ratios = [..
                from p in peer
                let ours = p.BestOnCpu(points, p.Point.Threads)
                where ours is not null
                orderby axis.Of(p.Point)
                select ((double)axis.Of(p.Point), p.Summary.StepMicroseconds / ours.Value)];
            if (ratios.Length > 0)
                series.Add(new ChartSeries($"over {peer.Key}", ratios));
        }

        return series.Count == 0 ? [] : Parts("Peers: this library against others", axis.Title, 2, "times as fast", [.. series], Even(series));
    }

    private static IEnumerable<Chart> Latencies(IReadOnlyList<ReportPoint> points)
    {
        ReportPoint[] timed = [.. points.Where(p => p.Point.Launches.Any(l => l.Latency is not null))];
        ChartSeries[] series = [.. timed.Select(p => new ChartSeries($"{p.Point.Problem} {p.Who}", Curve(p.Point)))];
        return series.Length == 0 ? [] : Parts("Latency of single calls", "1 call in …", 10, "µs per step", series, null);
    }

    /// <summary>Level by level the median over launches, up to the rarest call that enough calls stand behind.</summary>
    private static (double, double)[] Curve(PointRecord point)
    {
        LatencyRecord[] all = [.. point.Launches.Select(l => l.Latency).OfType<LatencyRecord>()];
        int calls = all.Min(l => l.Calls);
        return
        [
            .. from k in Enumerable.Range(0, all[0].Curve.Count - 1)
               let oneIn = 1 / (1 - Latency.Level(k))
               where oneIn <= calls / 10.0
               select (oneIn, Measurement.MedianOf(all.Select(l => l.Curve[k]))),
        ];
    }

    private static ChartSeries Even(IReadOnlyList<ChartSeries> series) =>
        new("even", [(series.Min(s => s.Points.Min(p => p.X)), 1), (series.Max(s => s.Points.Max(p => p.X)), 1)], IsLimit: true);
}
