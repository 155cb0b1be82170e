using System.Diagnostics;

namespace FastRecurrence.Streams;

/// <summary>Finds which batch size pays, by steps of streams that nobody else sees.</summary>
internal static class BatchMeasurement
{
    private const int Most = 256, WithoutGain = 16, Passes = 3;
    private const double NearBest = 0.95, MillisecondsPerSize = 1;

    /// <summary>The smallest size within 5 % of the best rate of frames among those whose step is not too long; at least 1.</summary>
    public static int Measure(LiveStreams served, TimeSpan maxStepTime) =>
        served.GainsByBatches ? Measure(served.Stack, served.Team, maxStepTime.TotalMilliseconds) : WithoutGain;

    private static int Measure(RecurrentStack stack, WorkerTeam? team, double maxMilliseconds)
    {
        using LiveStreams streams = stack.CreateLiveStreams(Most, team);
        var handles = new StreamHandle[Most];
        for (int i = 0; i < Most; i++)
            handles[i] = streams.Open();
        float[] x = new float[Most * streams.InputSize], y = new float[Most * streams.OutputSize];
        List<int> sizes = [];
        for (int size = 1; size <= Most; size = size < 4 ? size + 1 : size < 16 ? size + 4 : size + size / 2 / 4 * 4)
            sizes.Add(size);

        // The shortest of several steps, some time apart: what disturbs a step only makes it longer.
        double[] shortest = [.. sizes.Select(_ => double.PositiveInfinity)];
        for (int pass = 0; pass < Passes; pass++)
        {
            for (int i = 0; i < sizes.Count; i++)
            {
                int size = sizes[i];
                shortest[i] = Math.Min(shortest[i], Shortest(() => streams.Step(handles.AsSpan(0, size), x.AsSpan(0, size * streams.InputSize),
                    y.AsSpan(0, size * streams.OutputSize))));
                if (shortest[i] > 2 * maxMilliseconds)
                    break; // larger ones take longer
            }
        }

        int[] fit = [.. Enumerable.Range(0, sizes.Count).Where(i => i == 0 || shortest[i] <= maxMilliseconds)];
        double best = fit.Max(i => sizes[i] / shortest[i]);
        return sizes[fit.First(i => sizes[i] / shortest[i] >= NearBest * best)];
    }

    private static double Shortest(Action step)
    {
        double shortest = double.PositiveInfinity;
        long start = Stopwatch.GetTimestamp();
        for (int done = 0; done < 2 || Stopwatch.GetElapsedTime(start).TotalMilliseconds < MillisecondsPerSize; done++)
        {
            long before = Stopwatch.GetTimestamp();
            step();
            shortest = Math.Min(shortest, Stopwatch.GetElapsedTime(before).TotalMilliseconds);
        }

        return Math.Max(shortest, 1e-6);
    }
}
