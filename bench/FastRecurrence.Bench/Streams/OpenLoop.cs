using System.Diagnostics;
using FastRecurrence.Measuring;

namespace FastRecurrence.Bench.Streams;

/// <summary>
/// Frames that come when they come, whether or not the one before was answered. An answer's delay counts from the moment at which its frame was due, so that
/// a late answer counts as late, and so do those behind it.
/// </summary>
internal sealed class OpenLoop
{
    private readonly (long Due, int Stream)[] _frames;

    private OpenLoop((long Due, int Stream)[] frames) => _frames = frames;

    /// <summary>Each stream has a frame every period, its first at a random moment.</summary>
    public static OpenLoop Periodic(int streams, TimeSpan period, TimeSpan duration, int seed)
    {
        var random = new Random(seed);
        var frames = new List<(long, int)>();
        for (int stream = 0; stream < streams; stream++)
        {
            for (double due = random.NextDouble() * period.TotalSeconds; due < duration.TotalSeconds; due += period.TotalSeconds)
                frames.Add(((long)(due * Stopwatch.Frequency), stream));
        }

        return new OpenLoop([.. frames.Order()]);
    }

    /// <summary>As many frames on average, at moments that do not depend on each other.</summary>
    public static OpenLoop Poisson(int streams, TimeSpan period, TimeSpan duration, int seed)
    {
        var random = new Random(seed);
        var frames = new List<(long, int)>();
        double due = 0, gap = period.TotalSeconds / streams;
        while ((due -= Math.Log(1 - random.NextDouble()) * gap) < duration.TotalSeconds)
            frames.Add(((long)(due * Stopwatch.Frequency), random.Next(streams)));
        return new OpenLoop([.. frames]);
    }

    /// <summary>Serves all frames on this thread.</summary>
    /// <param name="engine">What serves them.</param>
    /// <param name="warm">Frames due before this count for nothing.</param>
    /// <param name="hopeless">A delay at which the run ends: it will not recover.</param>
    /// <returns>The 99th percentile of the delays, in seconds; infinite where the run ended early.</returns>
    public double P99(IStreamEngine engine, TimeSpan warm, TimeSpan hopeless)
    {
        var delays = new List<double>(_frames.Length);
        var batch = new int[engine.MostFrames];
        var served = new int[_frames.Max(frame => frame.Stream) + 1];
        long begin = Stopwatch.GetTimestamp(), turn = 0;
        var waiting = new Queue<(long Due, int Stream)>();
        List<(long Due, int Stream)> taken = [], again = [];
        for (int next = 0; next < _frames.Length || waiting.Count > 0;)
        {
            long now = Stopwatch.GetTimestamp() - begin;
            for (; next < _frames.Length && _frames[next].Due <= now; next++)
                waiting.Enqueue(_frames[next]);
            if (waiting.Count == 0)
                continue; // spins: a thread that slept would answer late

            turn++;
            taken.Clear();
            again.Clear();
            while (taken.Count < batch.Length && waiting.TryDequeue(out (long Due, int Stream) frame))
            {
                if (served[frame.Stream] == (int)turn)
                {
                    again.Add(frame); // a stream's second frame waits for its next turn
                    continue;
                }

                served[frame.Stream] = (int)turn;
                batch[taken.Count] = frame.Stream;
                taken.Add(frame);
            }

            engine.Serve(batch.AsSpan(0, taken.Count));
            now = Stopwatch.GetTimestamp() - begin;
            if (again.Count > 0)
            {
                var rest = waiting.ToArray();
                waiting.Clear();
                foreach ((long, int) frame in again.Concat(rest))
                    waiting.Enqueue(frame);
            }

            foreach ((long due, int _) in taken)
            {
                double delay = (now - due) / (double)Stopwatch.Frequency;
                if (delay > hopeless.TotalSeconds)
                    return double.PositiveInfinity;
                if (due > warm.TotalSeconds * Stopwatch.Frequency)
                    delays.Add(delay);
            }
        }

        delays.Sort();
        return delays.Count == 0 ? double.PositiveInfinity : Measurement.Quantile([.. delays], 0.99);
    }

    /// <summary>Pushes all frames into a scheduler from this thread, which serves them on its own.</summary>
    public double P99(StreamScheduler scheduler, StreamHandle[] streams, float[][] input, float[][] output, TimeSpan warm)
    {
        var answered = new long[_frames.Length];
        Action<object?, Exception?>[] told = [.. Enumerable.Range(0, _frames.Length).Select(i => (Action<object?, Exception?>)((_, error) =>
            answered[i] = error is null ? Stopwatch.GetTimestamp() : long.MaxValue))];
        long begin = Stopwatch.GetTimestamp();
        for (int i = 0; i < _frames.Length; i++)
        {
            (long due, int stream) = _frames[i];
            while (Stopwatch.GetTimestamp() - begin < due)
                Thread.SpinWait(1);
            try
            {
                scheduler.Push(streams[stream], input[stream], output[stream], told[i]);
            }
            catch (StreamException)
            {
                return double.PositiveInfinity; // too many wait
            }
        }

        while (scheduler.Waiting > 0)
            Thread.Sleep(1);
        Thread.Sleep(20);
        var delays = new List<double>(_frames.Length);
        for (int i = 0; i < _frames.Length; i++)
        {
            if (_frames[i].Due > warm.TotalSeconds * Stopwatch.Frequency)
                delays.Add(answered[i] is 0 or long.MaxValue ? double.PositiveInfinity : (answered[i] - begin - _frames[i].Due) / (double)Stopwatch.Frequency);
        }

        delays.Sort();
        return Measurement.Quantile([.. delays], 0.99);
    }
}
