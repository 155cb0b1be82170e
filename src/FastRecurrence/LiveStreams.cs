using System.Globalization;
using FastRecurrence.Streams;

namespace FastRecurrence;

/// <summary>
/// The states of many streams of one stack: callers, microphones, sensors, sessions. A call takes any of them, in any number and order, through the layers
/// as one batch. A stream's output has the bits that a <see cref="RecurrentStream"/> of its own would give, whoever else is in the batch: on the CPU because
/// its bits never depend on the batch, on other backends because there each stream of a call runs by itself.
/// </summary>
/// <remarks>
/// Safe to use from any number of threads: calls without a common stream go on beside each other, a call for a stream that another call has is refused. On
/// the CPU all states lie in one slab and are picked by row where they lie; it grows when a stream opens that has no room, and calls in progress go on
/// meanwhile. A call takes O(n) beside the work of the layers, and allocates nothing once a call of its size was there. Weights in a narrow format serve
/// one row at a time, so that a batch gains nothing with them. Every refused call changes nothing.
/// </remarks>
public sealed class LiveStreams : IDisposable
{
    private readonly StreamStore _store;
    private readonly StreamRegistry _registry;

    internal LiveStreams(RecurrentStack stack, int capacity, WorkerTeam? team, int limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(capacity, limit);
        stack.RequireAlive();
        stack.RequireStreaming();
        (Stack, Team) = (stack, team);
        LayerRows?[] layers = [.. stack.Prepared.Select(layer => layer.CreateRows(team))];
        _store = Array.TrueForAll(layers, layer => layer is not null) ? new SlabStore(stack, layers!, team, capacity) : new SeparateStore(stack, team);
        _registry = new StreamRegistry(_store, capacity, limit);
    }

    /// <summary>The stack whose streams these are; not disposed with them.</summary>
    public RecurrentStack Stack { get; }

    /// <summary>Streams that are open.</summary>
    public int Count => _registry.Count;

    /// <summary>Streams that there is room for; more make it grow.</summary>
    public int Capacity => _registry.Capacity;

    /// <summary>I, features per row of x.</summary>
    public int InputSize => Stack.InputSize;

    /// <summary>H, features per row of y.</summary>
    public int OutputSize => Stack.OutputSize;

    /// <summary>Bytes of a saved stream.</summary>
    public int SavedSize => StateBytes.SizeOf(Stack, 1);

    /// <summary>Opens a stream with a zero state.</summary>
    /// <exception cref="StreamException">As many are open as the limit allows, or as one slab can hold.</exception>
    /// <exception cref="ObjectDisposedException">The streams or their stack were disposed.</exception>
    public StreamHandle Open()
    {
        Stack.RequireAlive();
        int slot = _registry.Take();
        try
        {
            _store.Open(slot, ref _registry.Slots[slot]);
        }
        catch
        {
            _registry.GiveBack(slot);
            throw;
        }

        return _registry.Publish(slot);
    }

    /// <summary>Closes a stream. Its handle is of no use any more.</summary>
    /// <exception cref="StreamException">The handle is stale, or a call has the stream.</exception>
    public void Close(StreamHandle stream) => _registry.Close(stream);

    /// <summary>Sets h and c of a stream to zero: its next step begins a sequence.</summary>
    /// <exception cref="StreamException">The handle is stale, or a call has the stream.</exception>
    public void Reset(StreamHandle stream)
    {
        StreamCall call = _registry.Begin([stream], -1);
        try
        {
            _store.Reset(stream.Slot, _registry.Slots[stream.Slot]);
        }
        finally
        {
            _registry.End(call);
        }
    }

    /// <summary>Opens a stream that goes on from the state of another.</summary>
    /// <exception cref="StreamException">The handle is stale, a call has the stream, or there is no room.</exception>
    public StreamHandle Fork(StreamHandle stream)
    {
        Stack.RequireAlive();
        StreamCall call = _registry.Begin([stream], -1);
        try
        {
            int slot = _registry.Take();
            try
            {
                _store.Fork(stream.Slot, _registry.Slots[stream.Slot], slot, ref _registry.Slots[slot]);
            }
            catch
            {
                _registry.GiveBack(slot);
                throw;
            }

            return _registry.Publish(slot);
        }
        finally
        {
            _registry.End(call);
        }
    }

    /// <summary>
    /// The state of a stream as bytes: versioned, with checksum, little-endian on every machine; the bytes that the state of a
    /// <see cref="RecurrentStream"/> of one row saves.
    /// </summary>
    /// <exception cref="StreamException">The handle is stale, or a call has the stream.</exception>
    public byte[] Save(StreamHandle stream)
    {
        var bytes = new byte[SavedSize];
        Save(stream, bytes);
        return bytes;
    }

    /// <summary>Writes the state of a stream as bytes; allocates nothing.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="destination">At least <see cref="SavedSize"/> bytes; what lies behind is left as it is.</param>
    /// <exception cref="ArgumentException">The span is too short. Nothing is written.</exception>
    /// <exception cref="StreamException">The handle is stale, or a call has the stream.</exception>
    public void Save(StreamHandle stream, Span<byte> destination)
    {
        StreamCall call = _registry.Begin([stream], -1);
        try
        {
            _store.Save(call, stream.Slot, _registry.Slots[stream.Slot], destination);
        }
        finally
        {
            _registry.End(call);
        }
    }

    /// <summary>Gives a stream a saved state, of any stream of the same weights and one row. To the bit on every backend but the reference.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="source">What <see cref="Save(StreamHandle)"/> gave, whole.</param>
    /// <exception cref="ModelFormatException">The bytes are cut, damaged or of another version. The stream is unchanged.</exception>
    /// <exception cref="ArgumentException">They are the state of other weights or of several rows. The stream is unchanged.</exception>
    /// <exception cref="StreamException">The handle is stale, or a call has the stream.</exception>
    public void Restore(StreamHandle stream, ReadOnlySpan<byte> source)
    {
        StreamCall call = _registry.Begin([stream], -1);
        try
        {
            _store.Restore(call, stream.Slot, _registry.Slots[stream.Slot], source);
        }
        finally
        {
            _registry.End(call);
        }
    }

    /// <summary>One step of exactly these streams.</summary>
    /// <param name="streams">Which, in any order; none twice.</param>
    /// <param name="input">x, <c>[n, I]</c>: row i belongs to <c>streams[i]</c>. Never written.</param>
    /// <param name="output">y, <c>[n, H]</c>, likewise. Written whole; must not overlap <paramref name="input"/>.</param>
    /// <exception cref="ArgumentException">A length does not fit, or spans overlap.</exception>
    /// <exception cref="StreamException">A handle is stale, appears twice, or its stream is in another call; the exception says which.</exception>
    /// <exception cref="ObjectDisposedException">The streams or their stack were disposed.</exception>
    public void Step(ReadOnlySpan<StreamHandle> streams, ReadOnlySpan<float> input, Span<float> output) => Run(streams, 1, default, input, output);

    /// <summary>A chunk of steps of exactly these streams, for each as many as it has.</summary>
    /// <param name="streams">Which, in any order; none twice.</param>
    /// <param name="sequenceLength">T, steps of the longest chunk that there is room for.</param>
    /// <param name="lengths">Steps of each stream, <c>[n]</c>, from 0 to T; empty when all have T. What lies behind them in x is not read.</param>
    /// <param name="input">x, <c>[T, n, I]</c>, time-major. Never written.</param>
    /// <param name="output">y, <c>[T, n, H]</c>; 0 behind a stream's last step. Written whole; must not overlap <paramref name="input"/>.</param>
    /// <remarks>
    /// A refused call (the exceptions below) changes nothing. After a device has failed in the middle of a call, some of its streams have moved and others
    /// have not: reset or restore them before you go on.
    /// </remarks>
    /// <exception cref="ArgumentException">A length does not fit, or spans overlap.</exception>
    /// <exception cref="ArgumentOutOfRangeException">T is negative, or a stream's length is not in 0..T.</exception>
    /// <exception cref="StreamException">A handle is stale, appears twice, or its stream is in another call; the exception says which.</exception>
    /// <exception cref="ObjectDisposedException">The streams or their stack were disposed.</exception>
    public void Run(ReadOnlySpan<StreamHandle> streams, int sequenceLength, ReadOnlySpan<int> lengths, ReadOnlySpan<float> input, Span<float> output)
    {
        int T = sequenceLength, n = streams.Length;
        ArgumentOutOfRangeException.ThrowIfNegative(sequenceLength);
        Extents.Require(nameof(input), input.Length, "T×n×I", T, n, InputSize);
        Extents.Require(nameof(output), output.Length, "T×n×H", T, n, OutputSize);
        if (input.Overlaps(output))
            throw new ArgumentException("output overlaps input: the layers still read input while they write output. Use separate memory.", nameof(output));
        Stack.RequireAlive();
        StreamCall call = _registry.Begin(streams, 0);
        try
        {
            ReadOnlySpan<int> copied = call.Lengths.Take(T, n, lengths);
            if (T > 0 && n > 0)
                _store.Run(call, _registry.Slots, T, copied, input, output);
        }
        finally
        {
            _registry.End(call);
        }
    }

    /// <summary>Closes all streams. Calls in progress run to their end; later ones are refused. Disposing twice is harmless.</summary>
    public void Dispose() => _registry.Dispose();

    /// <summary>Such as <c>12 of 64 live streams of stack of 1 layer (lstm_i3_h4) on simd-512</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Count} of {Capacity} live streams of {Stack}{(_registry.IsDisposed ? ", disposed" : "")}");

    /// <summary>Threads that calls may use.</summary>
    internal WorkerTeam? Team { get; }

    /// <summary>Whether the streams of a call share the work of reading the weights.</summary>
    internal bool GainsByBatches => _store.GainsByBatches;

    /// <summary>Refuses a stream that is not open.</summary>
    internal void RequireOpen(StreamHandle stream) => _registry.RequireOpen(stream);
}
