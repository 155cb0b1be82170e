namespace FastRecurrence.Tests.Streams;

/// <summary>A clock that a test moves.</summary>
internal sealed class ManualTime : TimeProvider
{
    private readonly Lock _gate = new();
    private readonly List<ManualTimer> _timers = [];
    private long _now;

    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    public override long GetTimestamp() => Interlocked.Read(ref _now);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, () => callback(state));
        timer.Change(dueTime, period);
        lock (_gate)
            _timers.Add(timer);
        return timer;
    }

    public void Advance(TimeSpan time)
    {
        long now = Interlocked.Add(ref _now, time.Ticks);
        ManualTimer[] timers;
        lock (_gate)
            timers = [.. _timers];
        foreach (ManualTimer timer in timers)
            timer.Reach(now);
    }

    private sealed class ManualTimer(ManualTime time, Action fire) : ITimer
    {
        private long _due = long.MaxValue;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            Interlocked.Exchange(ref _due, dueTime == Timeout.InfiniteTimeSpan ? long.MaxValue : time.GetTimestamp() + dueTime.Ticks);
            return true;
        }

        public void Reach(long now)
        {
            if (Interlocked.Read(ref _due) > now)
                return;
            Interlocked.Exchange(ref _due, long.MaxValue);
            fire();
        }

        public void Dispose() => Interlocked.Exchange(ref _due, long.MaxValue);

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
