namespace FastRecurrence;

public sealed partial class RecurrentStack
{
    /// <summary>The prepared layers, in the order of <see cref="StateCount"/>.</summary>
    internal IReadOnlyList<RecurrentLayer> Prepared => _layers;

    /// <summary>Makes room for many streams whose states lie in one place, so that any of them can go through the layers in one batch.</summary>
    /// <param name="capacity">Streams that there is room for at first; it grows by itself.</param>
    /// <param name="team">Threads that calls may use; null for the calling thread alone. The bits are the same.</param>
    /// <param name="limit">Streams that may be open at a time; more are refused.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="capacity"/> is less than 1, more than the limit, or too large.</exception>
    /// <exception cref="NotSupportedException">A layer runs in reverse, or the backend has no use for a team.</exception>
    /// <exception cref="ObjectDisposedException">The stack was disposed.</exception>
    public LiveStreams CreateLiveStreams(int capacity = 64, WorkerTeam? team = null, int limit = int.MaxValue) => new(this, capacity, team, limit);

    /// <exception cref="ObjectDisposedException">The stack was disposed.</exception>
    internal void RequireAlive()
    {
        if (_calls.IsClosed)
            throw Gone();
    }

    /// <exception cref="NotSupportedException">A layer runs in reverse: it would need the end of the sequence first.</exception>
    internal void RequireStreaming()
    {
        int k = Array.FindIndex(_stack, layer => layer.Reverse is not null);
        if (k < 0)
            return;
        throw new NotSupportedException(FormattableString.Invariant(
            $"layer {k} ({_stack[k]}) runs in reverse and needs the end of the sequence first: it cannot stream. ")
            + "Use RecurrentStack.Run over the whole sequence.");
    }
}
