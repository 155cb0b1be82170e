using System.Diagnostics;

namespace FastRecurrence.Measuring;

/// <summary>Threads that do the same work side by side.</summary>
internal static class Together
{
    /// <summary>The shortest of the rounds in seconds, each from the first thread's start to the last one's end; one round before them does not count.</summary>
    /// <param name="threads">How many; with one, the caller's.</param>
    /// <param name="rounds">How often.</param>
    /// <param name="prepare">Called once on each thread with its number; returns its work of a round.</param>
    public static double BestSeconds(int threads, int rounds, Func<int, Action> prepare)
    {
        long[] starts = new long[threads * rounds], ends = new long[threads * rounds];
        using var barrier = new Barrier(threads);
        Exception? failure = null;
        void Work(int thread)
        {
            Action? work = null;
            try
            {
                work = prepare(thread);
                work();
            }
            catch (Exception e)
            {
                failure = e; // the others must not wait for this one
            }

            for (int round = 0; round < rounds; round++)
            {
                barrier.SignalAndWait();
                starts[round * threads + thread] = Stopwatch.GetTimestamp();
                if (failure is null)
                    work!();
                ends[round * threads + thread] = Stopwatch.GetTimestamp();
            }
        }

        Thread[] others = [.. Enumerable.Range(1, threads - 1).Select(i => new Thread(() => Work(i)))];
        Array.ForEach(others, t => t.Start());
        Work(0);
        Array.ForEach(others, t => t.Join());
        if (failure is not null)
            throw new InvalidOperationException($"measuring {threads} threads failed: {failure.Message}", failure);
        return Enumerable.Range(0, rounds).Min(round => Stopwatch.GetElapsedTime(
            starts.AsSpan(round * threads, threads).ToArray().Min(), ends.AsSpan(round * threads, threads).ToArray().Max()).TotalSeconds);
    }
}
