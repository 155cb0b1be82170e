namespace FastRecurrence.Threading;

/// <summary>
/// Calls in progress on something that one thread may dispose while others use it: what it holds is freed by whoever comes last, the one who disposes
/// or the last call.
/// </summary>
internal sealed class CallCount
{
    private const int Closed = int.MinValue; // the sign bit, beside the number of calls
    private int _state;

    /// <summary>Whether no call may enter any more.</summary>
    public bool IsClosed => Volatile.Read(ref _state) < 0;

    /// <summary>Begins a call; false once closed.</summary>
    public bool TryEnter()
    {
        while (true)
        {
            int state = Volatile.Read(ref _state);
            if (state < 0)
                return false;
            if (Interlocked.CompareExchange(ref _state, state + 1, state) == state)
                return true;
        }
    }

    /// <summary>Ends a call; true when the caller must free what is held.</summary>
    public bool Leave() => Interlocked.Decrement(ref _state) == Closed;

    /// <summary>Lets no further call in; true when the caller must free what is held: no call is in progress, and nobody closed it before.</summary>
    public bool Close() => Interlocked.Or(ref _state, Closed) == 0;
}
