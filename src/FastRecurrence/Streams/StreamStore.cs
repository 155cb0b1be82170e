namespace FastRecurrence.Streams;

/// <summary>
/// Where the states of streams lie. Each method is called with streams that no other call has, so that calls may go on beside each other; only
/// <see cref="Grow"/> is called by one thread at a time, beside all others.
/// </summary>
internal abstract class StreamStore
{
    /// <summary>Streams that there can be room for at all.</summary>
    public abstract int MostStreams { get; }

    /// <summary>Where new streams go and those of a call move to; null where each has a state of its own.</summary>
    public virtual object? Home => null;

    /// <summary>Whether more streams in a call make each of them faster.</summary>
    public virtual bool GainsByBatches => false;

    /// <summary>Memory for a call.</summary>
    public abstract StreamCall CreateCall();

    /// <summary>Makes room for so many streams; those that are there stay where they are, and calls in progress go on.</summary>
    public abstract void Grow(int capacity);

    /// <summary>Gives a place a zero state.</summary>
    public abstract void Open(int slot, ref StreamSlot stream);

    /// <summary>Gives a place the state of another.</summary>
    public abstract void Fork(int from, in StreamSlot source, int slot, ref StreamSlot stream);

    /// <summary>Frees what a stream that is closed had.</summary>
    public abstract void Close(object home);

    public abstract void Reset(int slot, in StreamSlot stream);

    public abstract void Save(StreamCall call, int slot, in StreamSlot stream, Span<byte> destination);

    public abstract void Restore(StreamCall call, int slot, in StreamSlot stream, ReadOnlySpan<byte> source);

    /// <summary>Runs the streams of a call: at least one step of at least one stream, checked. Lengths are those of the call's own copy.</summary>
    public abstract void Run(StreamCall call, StreamSlots slots, int T, ReadOnlySpan<int> lengths, ReadOnlySpan<float> input, Span<float> output);
}
