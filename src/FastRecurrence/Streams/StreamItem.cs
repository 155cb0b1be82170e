using System.Threading.Tasks.Sources;

namespace FastRecurrence.Streams;

/// <summary>Where an item stands; changed within the scheduler's lock.</summary>
internal enum StreamItemStage
{
    /// <summary>Not in a queue yet.</summary>
    New,

    /// <summary>In its stream's queue: may be cancelled.</summary>
    Waiting,

    /// <summary>In a batch, finished, or cancelled before it was in a queue: no cancellation has an effect any more.</summary>
    Taken,
}

/// <summary>
/// A frame that waits for its step, or a call that waits for its turn among the frames of its stream. Frames are used again, so that pushing allocates nothing;
/// one that was pushed for a <see cref="ValueTask"/> comes back when its result is taken.
/// </summary>
internal sealed class StreamItem(SchedulerQueue owner) : IValueTaskSource
{
    private ManualResetValueTaskSourceCore<bool> _source = new() { RunContinuationsAsynchronously = true };

    public ReadOnlyMemory<float> Input { get; set; }

    public Memory<float> Output { get; set; }

    /// <summary>Told of the end instead of the task; null where there is a task.</summary>
    public Action<object?, Exception?>? Completed { get; set; }

    public object? CompletedState { get; set; }

    /// <summary>What to do in place of a frame; null for a frame.</summary>
    public Action? Call { get; set; }

    public StreamItemStage Stage { get; set; }

    /// <summary>When it was pushed, as the scheduler's clock counts.</summary>
    public long Pushed { get; set; }

    public CancellationTokenRegistration Cancellation { get; set; }

    public StreamQueue? Queue { get; set; }

    public StreamItem? Previous { get; set; }

    public StreamItem? Next { get; set; }

    public ValueTask Task => new(this, _source.Version);

    /// <summary>Takes the frame back, if it still waits.</summary>
    public void Cancel(CancellationToken token) => owner.Cancel(this, token);

    /// <summary>Tells whoever waits. Outside the lock; the item is not the scheduler's any more.</summary>
    /// <returns>Whether a callback threw.</returns>
    public bool Complete(Exception? error)
    {
        Cancellation.Dispose(); // waits for a cancellation in progress, which would else meet the next use of this item
        if (Completed is not { } completed)
        {
            if (error is null)
                _source.SetResult(true);
            else
                _source.SetException(error);
            return false;
        }

        object? state = CompletedState;
        Return();
        try
        {
            completed(state, error);
            return false;
        }
        catch (Exception)
        {
            return true; // the caller's own: it must not end the thread that serves all others
        }
    }

    public void GetResult(short token)
    {
        try
        {
            _source.GetResult(token);
        }
        finally
        {
            _source.Reset();
            Return();
        }
    }

    public ValueTaskSourceStatus GetStatus(short token) => _source.GetStatus(token);

    public void OnCompleted(Action<object?> continuation, object? state, short token, ValueTaskSourceOnCompletedFlags flags) =>
        _source.OnCompleted(continuation, state, token, flags);

    /// <summary>Gives the item back for the next frame.</summary>
    public void Return()
    {
        (Input, Output, Completed, CompletedState, Call, Queue) = (default, default, null, null, null, null);
        (Cancellation, Stage) = (default, StreamItemStage.New);
        owner.Return(this);
    }
}

/// <summary>The items of one stream in their order, and its place among the streams that have any.</summary>
internal sealed class StreamQueue(StreamHandle stream)
{
    private StreamItem? _first, _last;

    public StreamHandle Stream { get; set; } = stream;

    /// <summary>Frames that wait.</summary>
    public int Frames { get; private set; }

    /// <summary>Whether the stream is to be closed when its items are done: it takes no more.</summary>
    public bool IsClosing { get; set; }

    /// <summary>Whether it stands in the line of streams that have items.</summary>
    public bool InLine { get; set; }

    public StreamQueue? NextInLine { get; set; }

    public StreamItem? First => _first;

    public void Add(StreamItem item)
    {
        (item.Previous, item.Next) = (_last, null);
        if (_last is null)
            _first = item;
        else
            _last.Next = item;
        _last = item;
        Frames += item.Call is null ? 1 : 0;
    }

    public void Remove(StreamItem item)
    {
        if (item.Previous is null)
            _first = item.Next;
        else
            item.Previous.Next = item.Next;
        if (item.Next is null)
            _last = item.Previous;
        else
            item.Next.Previous = item.Previous;
        (item.Previous, item.Next) = (null, null);
        Frames -= item.Call is null ? 1 : 0;
    }
}
