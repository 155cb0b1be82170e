using System.Diagnostics.Metrics;

namespace FastRecurrence.Streams;

/// <summary>What a scheduler tells of itself through <see cref="System.Diagnostics.Metrics"/>.</summary>
internal sealed class StreamMetrics : IDisposable
{
    /// <summary>Reasons of refusals.</summary>
    public static readonly KeyValuePair<string, object?> Stale = new("reason", "stale_handle"), StreamFull = new("reason", "stream_queue_full"),
        AllFull = new("reason", "queue_full");

    private readonly Meter _meter;
    private readonly bool _own;

    public StreamMetrics(IMeterFactory? factory, Func<int> open, Func<int> waiting)
    {
        _own = factory is null;
        _meter = factory?.Create(new MeterOptions(StreamScheduler.MeterName)) ?? new Meter(StreamScheduler.MeterName);
        _meter.CreateObservableUpDownCounter("fastrecurrence.streams.open", open, "{stream}", "Streams that are open.");
        _meter.CreateObservableUpDownCounter("fastrecurrence.streams.waiting", waiting, "{frame}", "Frames that wait for their step.");
        Frames = _meter.CreateCounter<long>("fastrecurrence.streams.frames", "{frame}", "Frames that had their step.");
        Refused = _meter.CreateCounter<long>("fastrecurrence.streams.refusals", "{frame}", "Frames and calls that were refused when they were pushed.");
        Cancelled = _meter.CreateCounter<long>("fastrecurrence.streams.cancelled", "{frame}", "Frames that were cancelled while they waited.");
        Failed = _meter.CreateCounter<long>("fastrecurrence.streams.failures", "{frame}", "Frames, calls and callbacks that threw.");
        QueueDelay = _meter.CreateHistogram<double>("fastrecurrence.streams.queue_delay", "s", "From the push of a frame to the start of its step.");
        BatchSize = _meter.CreateHistogram<int>("fastrecurrence.streams.batch_size", "{stream}", "Streams of a step.");
        StepTime = _meter.CreateHistogram<double>("fastrecurrence.streams.step_time", "s", "Time of a step.");
    }

    public Counter<long> Frames { get; }

    public Counter<long> Refused { get; }

    public Counter<long> Cancelled { get; }

    public Counter<long> Failed { get; }

    public Histogram<double> QueueDelay { get; }

    public Histogram<int> BatchSize { get; }

    public Histogram<double> StepTime { get; }

    public void Dispose()
    {
        if (_own)
            _meter.Dispose();
    }
}
