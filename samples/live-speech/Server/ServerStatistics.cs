using System.Diagnostics;

namespace LiveSpeech.Server;

/// <summary>What the page of live metrics shows.</summary>
internal sealed class ServerStatistics(IStates states, Encoder encoder)
{
    private const int Kept = 4096;
    private readonly double[] _milliseconds = new double[Kept];
    private readonly long _begin = Stopwatch.GetTimestamp();
    private int _connections;
    private long _opened, _refused, _failed, _frames;

    public int Connections => Volatile.Read(ref _connections);

    public void Opened()
    {
        Interlocked.Increment(ref _connections);
        Interlocked.Increment(ref _opened);
    }

    public void Closed() => Interlocked.Decrement(ref _connections);

    /// <summary>A caller sent what is no sound.</summary>
    public void Refused() => Interlocked.Increment(ref _refused);

    /// <summary>A connection broke off.</summary>
    public void Failed() => Interlocked.Increment(ref _failed);

    /// <summary>A frame went from its last sample to its answer in so long.</summary>
    public void Heard(TimeSpan time)
    {
        long frame = Interlocked.Increment(ref _frames);
        _milliseconds[frame % Kept] = time.TotalMilliseconds;
    }

    public Snapshot Take()
    {
        long frames = Interlocked.Read(ref _frames);
        double[] last = _milliseconds[..(int)Math.Min(Kept, frames)];
        Array.Sort(last);
        (long chunks, long batches) = encoder.Counted;
        return new Snapshot(Stopwatch.GetElapsedTime(_begin).TotalSeconds, Connections, states.Count, Interlocked.Read(ref _opened), Interlocked.Read(ref _refused),
            Interlocked.Read(ref _failed), frames, batches == 0 ? 0 : (double)chunks / batches, At(last, 0.5), At(last, 0.99), Environment.WorkingSet / 1048576.0,
            GC.GetTotalMemory(forceFullCollection: false) / 1048576.0, Process.GetCurrentProcess().TotalProcessorTime.TotalSeconds);
    }

    private static double At(double[] sorted, double part) => sorted.Length == 0 ? 0 : sorted[(int)((sorted.Length - 1) * part)];

    /// <param name="Seconds">Since the start.</param>
    /// <param name="Connections">Open now.</param>
    /// <param name="Streams">States that are held.</param>
    /// <param name="Opened">Connections so far.</param>
    /// <param name="Refused">Closed for what they sent.</param>
    /// <param name="Failed">Broken off.</param>
    /// <param name="Frames">Frames so far.</param>
    /// <param name="MeanBatch">Chunks in a batch of the encoder.</param>
    /// <param name="MedianMilliseconds">From a frame's last sample to its answer, of the last 4096 frames.</param>
    /// <param name="P99Milliseconds">The same, 99 of 100.</param>
    /// <param name="WorkingSetMebibytes">Memory of the process.</param>
    /// <param name="HeapMebibytes">Memory of managed objects.</param>
    /// <param name="ProcessorSeconds">Processor time so far.</param>
    internal sealed record Snapshot(
        double Seconds, int Connections, int Streams, long Opened, long Refused, long Failed, long Frames, double MeanBatch,
        double MedianMilliseconds, double P99Milliseconds, double WorkingSetMebibytes, double HeapMebibytes, double ProcessorSeconds);
}
