using System.Globalization;

namespace FastRecurrence.Streams;

/// <summary>
/// Frames that wait, stream by stream, and the line of streams that have any. A stream goes to the end of the line after each of its frames, so that every
/// stream has its turn before any has a second one.
/// </summary>
internal sealed class SchedulerQueue(LiveStreams streams, StreamSchedulerOptions options, StreamMetrics metrics)
{
    private const int MostSpare = 1 << 12;
    private readonly Lock _spareGate = new();
    private readonly Stack<StreamItem> _spare = new();
    private readonly TimeProvider _time = options.TimeProvider;
    private StreamQueue?[] _queues = [];
    private StreamQueue? _firstInLine, _lastInLine;
    private int _inLine, _waiting, _wanted = 1;
    private bool _isClosed, _pumpWaits;

    /// <summary>The lock of everything here, and what the pump sleeps on.</summary>
    private object Gate { get; } = new();

    /// <summary>Frames that wait.</summary>
    public int Waiting => Volatile.Read(ref _waiting);

    /// <summary>An item to fill in: a used one where there is any.</summary>
    public StreamItem Rent()
    {
        lock (_spareGate)
        {
            if (_spare.TryPop(out StreamItem? item))
                return item;
        }

        return new StreamItem(this);
    }

    public void Return(StreamItem item)
    {
        lock (_spareGate)
        {
            if (_spare.Count < MostSpare)
                _spare.Push(item);
        }
    }

    /// <summary>Puts an item at the end of its stream's queue.</summary>
    /// <returns>Why it was refused; null where it waits now, or was cancelled before it could.</returns>
    public Exception? Add(StreamHandle stream, StreamItem item, bool closes = false)
    {
        item.Pushed = _time.GetTimestamp();
        lock (Gate)
        {
            if (_isClosed)
                return new ObjectDisposedException(nameof(StreamScheduler));
            if (Find(stream, out StreamQueue? queue) is { } stale)
                return stale;
            if (item.Call is null && Full(queue!) is { } full)
                return full;
            if (item.Stage == StreamItemStage.Taken)
                return new OperationCanceledException(item.Cancellation.Token);
            item.Stage = StreamItemStage.Waiting;
            item.Queue = queue;
            queue!.Add(item);
            queue.IsClosing |= closes;
            _waiting += item.Call is null ? 1 : 0;
            if (queue.InLine)
                return null;
            Append(queue);
            if (_pumpWaits && _inLine >= _wanted)
                Monitor.Pulse(Gate);
            return null;
        }
    }

    /// <summary>Takes a frame out of its queue, if it still waits there.</summary>
    public void Cancel(StreamItem item, CancellationToken token)
    {
        lock (Gate)
        {
            bool waits = item.Stage == StreamItemStage.Waiting;
            item.Stage = StreamItemStage.Taken;
            if (!waits)
                return;
            item.Queue!.Remove(item); // the stream keeps its place in the line; it may have no item when its turn comes
            _waiting--;
        }

        metrics.Cancelled.Add(1);
        item.Complete(new OperationCanceledException(token));
    }

    /// <summary>Takes no more items.</summary>
    public void Close()
    {
        lock (Gate)
        {
            _isClosed = true;
            Monitor.Pulse(Gate);
        }
    }

    /// <summary>Wakes a pump that waits for the time of the scheduler's clock.</summary>
    public void Wake()
    {
        lock (Gate)
            Monitor.Pulse(Gate);
    }

    /// <summary>
    /// Waits for a batch and takes it: of each stream whose turn it is one frame, and calls that come before it.
    /// </summary>
    /// <param name="most">Frames of a full batch.</param>
    /// <param name="frames">Cleared, then one frame of each stream.</param>
    /// <param name="calls">Cleared, then what comes before these frames.</param>
    /// <param name="timer">Wakes the pump; null for the system's clock.</param>
    /// <returns>False when nothing waits and nothing comes any more.</returns>
    public bool Take(int most, List<StreamItem> frames, List<StreamItem> calls, ITimer? timer)
    {
        frames.Clear();
        calls.Clear();
        lock (Gate)
        {
            while (true)
            {
                if (_inLine == 0)
                {
                    if (_isClosed)
                        return false;
                    Sleep(1, Timeout.InfiniteTimeSpan, timer: null);
                    continue;
                }

                if (_isClosed || _inLine >= most || _inLine >= streams.Count || _firstInLine!.First is not { Call: null } first)
                    break;
                TimeSpan left = options.MaxDelay - _time.GetElapsedTime(first.Pushed);
                if (left <= TimeSpan.Zero)
                    break;
                Sleep(Math.Min(most, streams.Count), left, timer);
            }

            for (int turns = _inLine; turns > 0 && frames.Count < most; turns--)
                TakeTurn(frames, calls);
            return true;
        }
    }

    /// <summary>Lets go of the lock until so many streams are in line, or for some time, or a little less or more.</summary>
    private void Sleep(int wanted, TimeSpan time, ITimer? timer)
    {
        (_wanted, _pumpWaits) = (wanted, true);
        if (timer is not null)
        {
            timer.Change(time, Timeout.InfiniteTimeSpan);
            Monitor.Wait(Gate);
        }
        else if (time == Timeout.InfiniteTimeSpan || time.TotalMilliseconds >= 1)
        {
            Monitor.Wait(Gate, time == Timeout.InfiniteTimeSpan ? Timeout.Infinite : (int)time.TotalMilliseconds);
        }
        else
        {
            Monitor.Exit(Gate); // no timer is as fine as this
            Thread.Yield();
            Monitor.Enter(Gate);
        }

        _pumpWaits = false;
    }

    private void TakeTurn(List<StreamItem> frames, List<StreamItem> calls)
    {
        StreamQueue queue = _firstInLine!;
        _firstInLine = queue.NextInLine;
        if (_firstInLine is null)
            _lastInLine = null;
        (queue.NextInLine, queue.InLine) = (null, false);
        _inLine--;
        while (queue.First is { } item)
        {
            queue.Remove(item);
            item.Stage = StreamItemStage.Taken;
            if (item.Call is not null)
            {
                calls.Add(item);
                continue;
            }

            _waiting--;
            frames.Add(item);
            break;
        }

        if (queue.First is not null)
            Append(queue);
    }

    private void Append(StreamQueue queue)
    {
        if (_lastInLine is null)
            _firstInLine = queue;
        else
            _lastInLine.NextInLine = queue;
        _lastInLine = queue;
        queue.InLine = true;
        _inLine++;
    }

    /// <summary>The queue of a stream that is open.</summary>
    private StreamException? Find(StreamHandle stream, out StreamQueue? queue)
    {
        queue = stream.Owner != 0 && stream.Slot < _queues.Length ? _queues[stream.Slot] : null;
        if (queue?.Stream != stream)
        {
            try
            {
                streams.RequireOpen(stream);
            }
            catch (StreamException e)
            {
                metrics.Refused.Add(1, StreamMetrics.Stale);
                return e;
            }

            if (stream.Slot >= _queues.Length)
                Array.Resize(ref _queues, Math.Max(stream.Slot + 1, 2 * _queues.Length));
            _queues[stream.Slot] = queue = new StreamQueue(stream); // one that stood here still ends its items, of a stream that is closed
        }

        if (!queue.IsClosing)
            return null;
        metrics.Refused.Add(1, StreamMetrics.Stale);
        return new StreamException(StreamError.StaleHandle, -1, $"the handle ({stream}) is about to be closed: CloseAsync came before.");
    }

    private StreamException? Full(StreamQueue queue)
    {
        bool own = queue.Frames >= options.MaxWaitingPerStream;
        if (!own && _waiting < options.MaxWaiting)
            return null;
        metrics.Refused.Add(1, own ? StreamMetrics.StreamFull : StreamMetrics.AllFull);
        return new StreamException(StreamError.QueueFull, -1, own
            ? string.Create(CultureInfo.InvariantCulture, $"{queue.Frames} frames of {queue.Stream} wait already, the most of one stream. Push it again later.")
            : string.Create(CultureInfo.InvariantCulture, $"{_waiting} frames of all streams wait already, the most that may. Push it again later."));
    }
}
