using System.Diagnostics;

namespace FastRecurrence.Streams;

/// <summary>Finds which batch size pays, by steps of streams that nobody else sees.</summary>
internal static class BatchMeasurement
{
    private const int Most = 256, WithoutGain = 16;
    private const double NearBest = 0.95, MillisecondsPerSize = 2;

    /// <summary>The smallest size within 5 % of the best rate of frames among those whose step is not too long; at least 1.</summary>
    public static int Measure(LiveStreams served, TimeSpan maxStepTime) =>
        served.GainsByBatches ? Measure(served.Stack, served.Team, maxStepTime) : WithoutGain;

    private static int Measure(RecurrentStack stack, WorkerTeam? team, TimeSpan maxStepTime)
    {
        using LiveStreams streams = stack.CreateLiveStreams(Most, team);
        var handles = new StreamHandle[Most];
        for (int i = 0; i < Most; i++)
            handles[i] = streams.Open();
        float[] x = new float[Most * streams.InputSize], y = new float[Most * streams.OutputSize];
        List<(int Size, double Rate)> found = [];
        for (int size = 1; size <= Most; size = size < 4 ? size + 1 : size < 16 ? size + 4 : size + size / 2 / 4 * 4)
        {
            double milliseconds = Best(() => streams.Step(handles.AsSpan(0, size), x.AsSpan(0, size * streams.InputSize),
                y.AsSpan(0, size * streams.OutputSize)));
            if (milliseconds > maxStepTime.TotalMilliseconds && size > 1)
                break;
            found.Add((size, size / milliseconds));
        }

        double best = found.Max(point => point.Rate);
        return found.First(point => point.Rate >= NearBest * best).Size;
    }

    /// <summary>The shortest of some steps: what disturbs a step only makes it longer.</summary>
    private static double Best(Action step)
    {
        double best = double.PositiveInfinity;
        long start = Stopwatch.GetTimestamp();
        for (int done = 0; done < 3 || Stopwatch.GetElapsedTime(start).TotalMilliseconds < MillisecondsPerSize; done++)
        {
            long before = Stopwatch.GetTimestamp();
            step();
            best = Math.Min(best, Stopwatch.GetElapsedTime(before).TotalMilliseconds);
        }

        return Math.Max(best, 1e-6);
    }
}
