using System.Diagnostics;

namespace FastRecurrence.Measuring;

/// <summary>
/// Calls timed one by one, in seconds: what a stream sees. A percentile is given when enough calls stand behind it:
/// p99 from 1,000, p99.9 from 10,000.
/// </summary>
/// <param name="Calls">How many.</param>
/// <param name="P50">Median.</param>
/// <param name="P99">Null below 1,000 calls.</param>
/// <param name="P999">Null below 10,000 calls.</param>
/// <param name="Max">The slowest call.</param>
/// <param name="Timer">What reading the clock costs, contained in every call.</param>
/// <param name="AllocatedBytes">By all calls together; a kernel that allocates shows here.</param>
/// <param name="Collections">Garbage collections that ran meanwhile.</param>
/// <param name="Curve">Seconds at 101 levels, from the fastest call to the slowest: level k is the quantile 1 − 10^(−4·k/100), so that the tail is drawn out.</param>
internal sealed record Latency(int Calls, double P50, double? P99, double? P999, double Max, double Timer, long AllocatedBytes, int Collections, IReadOnlyList<double> Curve)
{
    public const int Wanted = 10_000;
    private const int Levels = 100;

    /// <summary>Times calls until there are 10,000 or the budget is spent; ten at least.</summary>
    public static Latency Take(Action call, TimeSpan budget, CancellationToken cancellation)
    {
        var times = new double[Wanted];
        for (int i = 0; i < 10; i++)
            call();
        double timer = TimerCost();
        int collections = CollectionsSoFar(), count = 0;
        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        long begin = Stopwatch.GetTimestamp();
        while (count < Wanted && (count < 10 || Stopwatch.GetElapsedTime(begin) < budget))
        {
            cancellation.ThrowIfCancellationRequested();
            long start = Stopwatch.GetTimestamp();
            call();
            times[count++] = (Stopwatch.GetTimestamp() - start) / (double)Stopwatch.Frequency; // a TimeSpan would round to 100 ns
        }

        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        collections = CollectionsSoFar() - collections;
        double[] sorted = [.. times.Take(count).Order()];
        return new Latency(
            count, Measurement.Quantile(sorted, 0.5), count >= 1_000 ? Measurement.Quantile(sorted, 0.99) : null, count >= Wanted ? Measurement.Quantile(sorted, 0.999) : null,
            sorted[^1], timer, allocated, collections, [.. Enumerable.Range(0, Levels + 1).Select(k => Measurement.Quantile(sorted, Level(k)))]);
    }

    /// <summary>The quantile of level <paramref name="k"/>, 0 to 100.</summary>
    public static double Level(int k) => k == Levels ? 1 : 1 - Math.Pow(10, -4.0 * k / Levels);

    private static int CollectionsSoFar() => Enumerable.Range(0, GC.MaxGeneration + 1).Sum(GC.CollectionCount);

    private static double TimerCost()
    {
        const int Reads = 1000;
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < Reads; i++)
            _ = Stopwatch.GetTimestamp();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / Reads;
    }
}
