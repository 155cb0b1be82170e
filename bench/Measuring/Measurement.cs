using System.Diagnostics;
using MathNet.Numerics.Statistics;

namespace FastRecurrence.Measuring;

/// <summary>What repeated samples say about a duration.</summary>
/// <param name="Median">Seconds.</param>
/// <param name="NoisePercent">The standard error of the median, in percent of it, from the samples' middle half (so that one interruption does not count).</param>
/// <param name="Samples">How many there were; each is at least a millisecond long.</param>
/// <param name="Missed">The rule that was not met before the timeout: <c>min-time</c>, <c>max-noise</c>, or null.</param>
internal sealed record Measurement(double Median, double NoisePercent, int Samples, string? Missed)
{
    /// <summary>Seconds of the fastest sample.</summary>
    public double Minimum { get; init; } = Median;

    /// <summary>Seconds spent before the first sample that counts.</summary>
    public double WarmUp { get; init; }

    /// <summary>Every sample, in seconds, in the order in which it was taken.</summary>
    public IReadOnlyList<double> Times { get; init; } = [];

    private const double ShortestSample = 1e-3;
    private const int FewestSamples = 3;

    /// <summary>Samples until the rule is met.</summary>
    /// <param name="sample">Does the work so many times and returns the seconds of one.</param>
    /// <param name="rule">When to stop.</param>
    /// <param name="cancellation">Looked at between samples.</param>
    public static Measurement Take(Func<int, double> sample, StopRule rule, CancellationToken cancellation)
    {
        // The first samples find the number of repeats, warm caches up, and are thrown away: never a sample that counts.
        // The very first may hold just-in-time compilation, and would pass for a long one; unless it is long indeed, it is taken again.
        int repeats = 1;
        double once = sample(1), spent = once;
        if (once < rule.Timeout.TotalSeconds / 4)
        {
            once = sample(1);
            spent += once;
        }

        while (once * repeats < ShortestSample && repeats < 1 << 20)
        {
            cancellation.ThrowIfCancellationRequested();
            repeats = (int)Math.Clamp(1.2 * ShortestSample / Math.Max(once, 1e-9), 2.0 * repeats, 1 << 20);
            once = sample(repeats);
            spent += once * repeats;
        }

        double warmUp = spent;
        var times = new List<double>();
        double total = 0;
        int looked = 0;
        while (true)
        {
            cancellation.ThrowIfCancellationRequested();
            double time = sample(repeats);
            times.Add(time);
            total += time * repeats;
            spent += time * repeats;
            // Looking costs a sort: rarely while the end is far, and each time one in sixteen more samples are there.
            bool last = spent >= rule.Timeout.TotalSeconds;
            if (!last && (total < rule.MinTime.TotalSeconds || times.Count < FewestSamples || times.Count < looked + looked / 16))
                continue;
            looked = times.Count;
            Measurement so = Of(times) with { WarmUp = warmUp, Times = times };
            bool enoughTime = total >= rule.MinTime.TotalSeconds && times.Count >= FewestSamples;
            if (enoughTime && so.NoisePercent <= rule.MaxNoisePercent)
                return so;
            if (last)
                return so with { Missed = enoughTime ? "max-noise" : "min-time" };
        }
    }

    /// <summary>Samples of a call.</summary>
    public static Measurement Take(Action call, StopRule rule, CancellationToken cancellation)
    {
        double Sample(int repeats)
        {
            long start = Stopwatch.GetTimestamp();
            for (int i = 0; i < repeats; i++)
                call();
            return Stopwatch.GetElapsedTime(start).TotalSeconds / repeats;
        }

        return Take(Sample, rule, cancellation);
    }

    private static Measurement Of(List<double> times)
    {
        double[] sorted = [.. times.Order()];
        double median = Quantile(sorted, 0.5);
        // A normal sample's middle half spans 1.349 standard deviations; its median wavers 1.2533 times as much as its mean.
        double deviation = (Quantile(sorted, 0.75) - Quantile(sorted, 0.25)) / 1.349;
        double noise = sorted.Length < FewestSamples ? double.PositiveInfinity : 100 * 1.2533 * deviation / Math.Sqrt(sorted.Length) / median;
        return new Measurement(median, noise, sorted.Length, Missed: null) { Minimum = sorted[0] };
    }

    /// <summary>A quantile of ascending values, interpolated between neighbours (type 7 of Hyndman and Fan).</summary>
    public static double Quantile(double[] sorted, double q) => SortedArrayStatistics.QuantileCustom(sorted, q, QuantileDefinition.R7);

    /// <summary>The median of values in any order.</summary>
    public static double MedianOf(IEnumerable<double> values) => Statistics.Median(values);

    /// <summary>The average of ratios.</summary>
    public static double GeometricMeanOf(IEnumerable<double> ratios) => Statistics.GeometricMean(ratios);
}
