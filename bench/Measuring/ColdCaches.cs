using System.Diagnostics;

namespace FastRecurrence.Measuring;

/// <summary>Calls that find nothing of theirs in any cache: before each, a buffer larger than the last level is written.</summary>
internal sealed class ColdCaches(long lastLevelBytes)
{
    private const int Fewest = 3, Most = 50;

    /// <summary>Twice the last level, at least 64 MB, where the machine does not tell.</summary>
    private readonly byte[] _buffer = new byte[Math.Clamp(2 * lastLevelBytes, 64 << 20, 1 << 30)];
    private byte _value;

    /// <summary>The median of single calls, in seconds.</summary>
    public double Median(Action call, TimeSpan budget, CancellationToken cancellation)
    {
        var times = new List<double>();
        long begin = Stopwatch.GetTimestamp();
        while (times.Count < Fewest || (times.Count < Most && Stopwatch.GetElapsedTime(begin) < budget))
        {
            cancellation.ThrowIfCancellationRequested();
            _buffer.AsSpan().Fill(++_value);
            long start = Stopwatch.GetTimestamp();
            call();
            times.Add(Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return Measurement.MedianOf(times);
    }
}
