
namespace FastRecurrence.Cli.Sweeping;

/// <summary>What the launches of a point say together: medians over launches, since samples of one process are not independent.</summary>
/// <param name="StepMicroseconds">Of a device without transfers where that was measured, else from end to end.</param>
/// <param name="WithTransfersMicroseconds">Of a device, from the caller's memory to the caller's; null on a CPU.</param>
/// <param name="MinimumMicroseconds">The fastest sample of any launch.</param>
/// <param name="SpreadPercent">From the fastest launch's median to the slowest's, in percent of the median.</param>
/// <param name="NoisePercent">The median of the launches' own noise.</param>
/// <param name="Missed">How many launches gave up at the timeout.</param>
/// <param name="Gigabytes">GB/s of the traffic that the roofline's model counts.</param>
/// <param name="PeakPercent">Of the FMA peak of so many threads in this run; null on devices.</param>
/// <param name="RoofPercent">Of the roof: the lower of that peak and intensity times the measured bandwidth of the level that holds R.</param>
/// <param name="Bound"><c>fma</c> or <c>memory</c>: which of the two the roof is.</param>
/// <param name="FirstCallMilliseconds">Preparing and the first call together.</param>
/// <param name="Launches">How many measured the point.</param>
/// <param name="Gflops">By the median.</param>
/// <param name="ColdStepMicroseconds">With nothing in any cache.</param>
/// <param name="P50">Of single calls, per step.</param>
/// <param name="P99">Null below 1,000 calls.</param>
/// <param name="P999">Null below 10,000 calls.</param>
internal sealed record PointSummary(
    double StepMicroseconds, double? WithTransfersMicroseconds, double MinimumMicroseconds, double SpreadPercent, double NoisePercent, int Launches, int Missed,
    double Gflops, double Gigabytes, double? PeakPercent, double? RoofPercent, string? Bound, double FirstCallMilliseconds, double? ColdStepMicroseconds,
    double? P50, double? P99, double? P999)
{
    public static PointSummary? Of(PointRecord point, IReadOnlyList<LaunchRecord> launches)
    {
        TimeRecord[] times = [.. point.Launches.Select(l => l.Kernels ?? l.EndToEnd).OfType<TimeRecord>()];
        if (times.Length == 0)
            return null;
        double step = Measurement.MedianOf(times.Select(t => t.Median)), seconds = step * 1e-6;
        double gflops = point.FlopsPerStep / seconds / 1e9, gigabytes = point.BytesPerStep / seconds / 1e9;
        Roof? roof = point.Device ? null : Roof.Of(point, launches);
        double[] transfers = [.. point.Launches.Where(l => point.Device && l.EndToEnd is not null).Select(l => l.EndToEnd!.Median)];
        return new PointSummary(
            step, transfers.Length == 0 ? null : Measurement.MedianOf(transfers), times.Min(t => t.Minimum), 100 * (times.Max(t => t.Median) - times.Min(t => t.Median)) / step,
            Measurement.MedianOf(times.Select(t => t.NoisePercent)), times.Length, times.Count(t => t.Missed is not null), gflops, gigabytes,
            roof is null ? null : 100 * gflops / roof.PeakGflops, roof is null ? null : 100 * gflops / roof.Gflops, roof?.Bound,
            Measurement.MedianOf(point.Launches.Select(l => l.PrepareMilliseconds + l.FirstCallMilliseconds)),
            Middle(point.Launches.Select(l => l.ColdStepMicroseconds)),
            Middle(point.Launches.Select(l => l.Latency?.P50)), Middle(point.Launches.Select(l => l.Latency?.P99)), Middle(point.Launches.Select(l => l.Latency?.P999)));
    }

    private static double? Middle(IEnumerable<double?> values)
    {
        double[] known = [.. values.OfType<double>()];
        return known.Length == 0 ? null : Measurement.MedianOf(known);
    }
}

/// <summary>What a point could reach on this machine, measured in the same run: the best of all launches, since a shared machine only ever takes away.</summary>
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
