namespace FastRecurrence.GpuCheck.Results;

/// <summary>What samples of a duration come to, in microseconds.</summary>
/// <param name="Median">The middle one.</param>
/// <param name="Minimum">The fastest.</param>
/// <param name="Maximum">The slowest.</param>
/// <param name="Samples">How many.</param>
internal sealed record Spread(double Median, double Minimum, double Maximum, int Samples)
{
    /// <summary>Of samples, each divided by what it consists of; null where there is none.</summary>
    public static Spread? Of(IReadOnlyCollection<double> microseconds, double parts = 1) => microseconds.Count == 0 ? null
        : new(Measurement.MedianOf(microseconds) / parts, microseconds.Min() / parts, microseconds.Max() / parts, microseconds.Count);
}

/// <summary>What calls timed one by one come to, in microseconds.</summary>
/// <param name="P50">The median.</param>
/// <param name="P99">Null where too few calls stand behind it.</param>
/// <param name="Maximum">The slowest.</param>
/// <param name="Calls">How many.</param>
internal sealed record CallTimes(double P50, double? P99, double Maximum, int Calls)
{
    public static CallTimes Of(Latency latency) => new(latency.P50 * 1e6, latency.P99 * 1e6, latency.Max * 1e6, latency.Calls);
}
