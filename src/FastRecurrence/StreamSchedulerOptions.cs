using System.Diagnostics.Metrics;

namespace FastRecurrence;

/// <summary>How a <see cref="StreamScheduler"/> forms batches, and how much may wait.</summary>
public sealed class StreamSchedulerOptions
{
    /// <summary>
    /// Most streams of one step; 0 lets the scheduler measure when it is made which size pays: the smallest within 5 % of the best rate of frames among
    /// those whose step takes no longer than <see cref="MaxStepTime"/>.
    /// </summary>
    public int BatchSize { get; init; }

    /// <summary>The longest step that a measured <see cref="BatchSize"/> may lead to: a frame that just misses a batch waits for all of it.</summary>
    public TimeSpan MaxStepTime { get; init; } = TimeSpan.FromMilliseconds(4);

    /// <summary>
    /// How long a frame may wait for company, to the microsecond; waits below a millisecond keep the scheduler's thread busy. A full batch does not wait,
    /// nor does one that has a frame of every stream that is open. While a step runs, the next batch forms anyway: 0 adds no other wait.
    /// </summary>
    public TimeSpan MaxDelay { get; init; } = TimeSpan.FromMilliseconds(1);

    /// <summary>Most frames that may wait, of all streams together; another is refused.</summary>
    public int MaxWaiting { get; init; } = 1 << 16;

    /// <summary>Most frames of one stream that may wait, so that one that is ahead of its time does not take the room of others; another is refused.</summary>
    public int MaxWaitingPerStream { get; init; } = 64;

    /// <summary>The clock of delays.</summary>
    public TimeProvider TimeProvider { get; init; } = TimeProvider.System;

    /// <summary>Makes the meter, such as that of a host's services; null for one of the scheduler's own.</summary>
    public IMeterFactory? MeterFactory { get; init; }
}
