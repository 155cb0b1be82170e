namespace FastRecurrence.Cli.Sweeping;

/// <summary>What the launches of a point say together: medians over launches, since samples of one process are not independent.</summary>
internal sealed record PointSummary
{
    /// <summary>Of a device without transfers where that was measured, else from end to end.</summary>
    public required double StepMicroseconds { get; init; }

    /// <summary>Of a device, from the caller's memory to the caller's; null on a CPU.</summary>
    public double? WithTransfersMicroseconds { get; init; }

    /// <summary>Of calls of one step each.</summary>
    public double? StreamingMicroseconds { get; init; }

    /// <summary>The fastest sample of any launch.</summary>
    public required double MinimumMicroseconds { get; init; }

    /// <summary>From the fastest launch's median to the slowest's, in percent of the median.</summary>
    public required double SpreadPercent { get; init; }

    /// <summary>The median of the launches' own noise.</summary>
    public required double NoisePercent { get; init; }

    /// <summary>How many measured the point.</summary>
    public required int Launches { get; init; }

    /// <summary>How many launches gave up at the timeout.</summary>
    public required int Missed { get; init; }

    /// <summary>By the median.</summary>
    public required double Gflops { get; init; }

    /// <summary>GB/s of the traffic that the roofline's model counts.</summary>
    public required double Gigabytes { get; init; }

    /// <summary>Of the FMA peak of so many threads in this run; null on devices.</summary>
    public double? PeakPercent { get; init; }

    /// <summary>Of the roof: the lower of that peak and intensity times the measured bandwidth of the level that holds R.</summary>
    public double? RoofPercent { get; init; }

    /// <summary><c>fma</c> or <c>memory</c>: which of the two the roof is.</summary>
    public string? Bound { get; init; }

    /// <summary>Preparing and the first call together.</summary>
    public required double FirstCallMilliseconds { get; init; }

    /// <summary>With nothing in any cache.</summary>
    public double? ColdStepMicroseconds { get; init; }

    /// <summary>Of single calls, per step.</summary>
    public double? P50 { get; init; }

    /// <summary>Null below 1,000 calls.</summary>
    public double? P99 { get; init; }

    /// <summary>Null below 10,000 calls.</summary>
    public double? P999 { get; init; }

    public static PointSummary? Of(PointRecord point, IReadOnlyList<LaunchRecord> launches)
    {
        TimeRecord[] times = [.. point.Launches.Select(l => l.Kernels ?? l.EndToEnd).OfType<TimeRecord>()];
        if (times.Length == 0)
            return null;
        double step = Measurement.MedianOf(times.Select(t => t.Median)), seconds = step * 1e-6;
        double gflops = point.FlopsPerStep / seconds / 1e9;
        Roof? roof = point.Device ? null : Roof.Of(point, launches);
        return new PointSummary
        {
            StepMicroseconds = step,
            WithTransfersMicroseconds = Middle(point.Launches.Select(l => point.Device ? l.EndToEnd?.Median : null)),
            StreamingMicroseconds = Middle(point.Launches.Select(l => l.Streaming?.Median)),
            MinimumMicroseconds = times.Min(t => t.Minimum),
            SpreadPercent = 100 * (times.Max(t => t.Median) - times.Min(t => t.Median)) / step,
            NoisePercent = Measurement.MedianOf(times.Select(t => t.NoisePercent)),
            Launches = times.Length,
            Missed = times.Count(t => t.Missed is not null),
            Gflops = gflops,
            Gigabytes = point.BytesPerStep / seconds / 1e9,
            PeakPercent = 100 * gflops / roof?.PeakGflops,
            RoofPercent = 100 * gflops / roof?.Gflops,
            Bound = roof?.Bound,
            FirstCallMilliseconds = Measurement.MedianOf(point.Launches.Select(l => l.PrepareMilliseconds + l.FirstCallMilliseconds)),
            ColdStepMicroseconds = Middle(point.Launches.Select(l => l.ColdStepMicroseconds)),
            P50 = Middle(point.Launches.Select(l => l.Latency?.P50)),
            P99 = Middle(point.Launches.Select(l => l.Latency?.P99)),
            P999 = Middle(point.Launches.Select(l => l.Latency?.P999)),
        };
    }

    private static double? Middle(IEnumerable<double?> values)
    {
        double[] known = [.. values.OfType<double>()];
        return known.Length == 0 ? null : Measurement.MedianOf(known);
    }
}

/// <summary>What a point could reach on this machine, by the best of all launches of the same run, since a shared machine only ever takes away.</summary>
internal sealed record Roof(double PeakGflops, double BandwidthGigabytes, double Gflops)
{
    public string Bound => Gflops < PeakGflops ? "memory" : "fma";

    /// <summary>Null when no launch measured that number of threads.</summary>
    public static Roof? Of(PointRecord point, IReadOnlyList<LaunchRecord> launches)
    {
        PeakRecord[] peaks = [.. launches.SelectMany(l => l.Peaks).Where(p => p.Threads == point.Threads)];
        if (peaks.Length == 0)
            return null;
        double peak = peaks.Max(p => p.Gflops);
        // The level that holds a thread's share of R: the smallest footprint measured that is no smaller.
        double share = point.RecurrentBytes / point.Threads;
        double bandwidth = peaks.Max(p => (p.Bandwidths.FirstOrDefault(b => b.BytesEach >= share) ?? p.Bandwidths[^1]).Gigabytes);
        return new Roof(peak, bandwidth, Math.Min(peak, point.FlopsPerStep / point.BytesPerStep * bandwidth));
    }
}
