using System.Globalization;

namespace FastRecurrence.Streams;

/// <summary>
/// Which streams are open, which call has which of them, and the memory of calls. A lock is held for what is O(n) of a call; memory for more streams is
/// made beside it, so that only those wait who need it.
/// </summary>
internal sealed class StreamRegistry
{
    private static int s_owners;

    private readonly Lock _gate = new(), _growth = new();
    private readonly Stack<StreamCall> _calls = new();
    private readonly StreamStore _store;
    private readonly int _owner = Interlocked.Increment(ref s_owners), _limit;
    private int _capacity, _taken, _unused, _count, _free = -1;
    private long _lastCall;
    private bool _disposed;

    public StreamRegistry(StreamStore store, int capacity, int limit)
    {
        (_store, _capacity, _limit) = (store, capacity, limit);
        Slots.Reserve(capacity);
        _calls.Push(store.CreateCall());
    }

    /// <summary>What is known of each stream.</summary>
    public StreamSlots Slots { get; } = new();

    /// <summary>Streams that are open.</summary>
    public int Count => Volatile.Read(ref _count);

    /// <summary>Streams that there is room for.</summary>
    public int Capacity => Volatile.Read(ref _capacity);

    public bool IsDisposed => Volatile.Read(ref _disposed);

    /// <summary>Closes a stream that is open and in no call.</summary>
    public void Close(StreamHandle stream)
    {
        object? home;
        lock (_gate)
        {
            ref StreamSlot slot = ref Require(stream, -1, call: -1);
            (home, slot.Home) = (slot.Home, null);
            bool worn = slot.Generation == uint.MaxValue; // such a place is not used again: its handles would come round
            slot.Generation++;
            _count--;
            if (worn)
                _taken--;
            else
                GiveBackLocked(stream.Slot);
        }

        _store.Close(home!);
    }

    /// <summary>No stream is open any more; those of calls in progress go when these end.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed)
                return;
            _disposed = true;
            for (int i = 0; i < _unused; i++)
            {
                ref StreamSlot slot = ref Slots[i];
                if (slot.Generation % 2 != 0 && slot.Call == 0)
                    CloseHome(ref slot);
            }
        }
    }

    /// <summary>Refuses a stream that is not open.</summary>
    public void RequireOpen(StreamHandle stream)
    {
        lock (_gate)
            Require(stream, -1, call: 0, evenInUse: true);
    }

    /// <summary>Marks the streams of a call, all or none. The first has <paramref name="first"/> as its index in an error.</summary>
    public StreamCall Begin(ReadOnlySpan<StreamHandle> streams, int first)
    {
        StreamCall? call;
        lock (_gate)
            _calls.TryPop(out call);
        call ??= _store.CreateCall();
        int marked = 0;
        lock (_gate)
        {
            try
            {
                call.Begin(streams.Length);
                call.Id = ++_lastCall;
                foreach (StreamHandle stream in streams)
                {
                    Require(stream, first + marked, call.Id).Call = call.Id;
                    call.Slots[marked++] = stream.Slot;
                }

                call.Home = _store.Home;
                return call;
            }
            catch
            {
                foreach (int slot in call.Slots[..marked])
                    Slots[slot].Call = 0;
                _calls.Push(call);
                throw;
            }
        }
    }

    /// <summary>Ends a call: its streams are free for others.</summary>
    public void End(StreamCall call)
    {
        lock (_gate)
        {
            foreach (int slot in call.Slots)
            {
                ref StreamSlot stream = ref Slots[slot];
                stream.Call = 0;
                if (_disposed)
                    CloseHome(ref stream);
            }

            call.Home = null;
            _calls.Push(call);
        }
    }

    /// <summary>Takes a place for a new stream, which nobody sees before <see cref="Publish"/>.</summary>
    public int Take()
    {
        while (true)
        {
            lock (_gate)
            {
                ObjectDisposedException.ThrowIf(_disposed, typeof(LiveStreams));
                if (_taken >= _limit)
                    throw TooMany(_limit, "the limit that they were created with");
                if (_free >= 0 || _unused < _capacity)
                {
                    int slot = _free >= 0 ? _free : _unused++;
                    if (slot == _free)
                        _free = Slots[slot].NextFree;
                    _taken++;
                    return slot;
                }
            }

            Grow();
        }
    }

    /// <summary>Gives back a place that was taken for nothing.</summary>
    public void GiveBack(int slot)
    {
        lock (_gate)
            GiveBackLocked(slot);
    }

    /// <summary>Opens a stream in a place that was taken.</summary>
    public StreamHandle Publish(int slot)
    {
        lock (_gate)
        {
            ref StreamSlot stream = ref Slots[slot];
            if (_disposed)
            {
                _store.Close(stream.Home!);
                stream.Home = null;
                throw new ObjectDisposedException(nameof(LiveStreams));
            }

            stream.Generation++;
            _count++;
            return new StreamHandle(_owner, slot, stream.Generation);
        }
    }

    private void CloseHome(ref StreamSlot slot)
    {
        _count--;
        slot.Generation++;
        _store.Close(slot.Home!);
        slot.Home = null;
    }

    /// <summary>The place of a stream that is open and in no call; within the lock.</summary>
    private ref StreamSlot Require(StreamHandle stream, int index, long call, bool evenInUse = false)
    {
        ObjectDisposedException.ThrowIf(_disposed, typeof(LiveStreams));
        if (stream.Owner != _owner)
        {
            throw new StreamException(StreamError.StaleHandle, index, stream.Owner == 0 ? $"{Which(index)} is no stream: it was not made by Open or Fork."
                : $"{Which(index)} is a stream of another LiveStreams.");
        }

        ref StreamSlot slot = ref Slots[stream.Slot];
        if (slot.Generation != stream.Generation)
            throw new StreamException(StreamError.StaleHandle, index, $"{Which(index)} ({stream}) was closed.");
        if (slot.Call == 0 || evenInUse)
            return ref slot;
        throw slot.Call == call
            ? new StreamException(StreamError.DuplicateStream, index,
                $"{Which(index)} ({stream}) appears twice in the call: a stream can make one step at a time.")
            : new StreamException(StreamError.StreamInUse, index,
                $"{Which(index)} ({stream}) is in another call. Calls for one stream come one after the other; a StreamScheduler orders them.");
    }

    private static string Which(int index) => index < 0 ? "the handle" : string.Create(CultureInfo.InvariantCulture, $"streams[{index}]");

    /// <summary>Doubles the capacity; who needs no room does not wait for it.</summary>
    private void Grow()
    {
        lock (_growth)
        {
            lock (_gate)
            {
                if (_free >= 0 || _unused < _capacity)
                    return; // another thread did it
            }

            int most = Math.Min(_limit, _store.MostStreams), larger = (int)Math.Min(most, 2L * _capacity);
            if (larger <= _capacity)
                throw TooMany(most, "what the memory of one slab can hold");
            Slots.Reserve(larger);
            _store.Grow(larger);
            lock (_gate)
                _capacity = larger;
        }
    }

    private static StreamException TooMany(int most, string why) => new(StreamError.TooManyStreams, -1,
        string.Create(CultureInfo.InvariantCulture, $"{most} streams are open, {why}. Close some, or make another LiveStreams."));

    private void GiveBackLocked(int slot)
    {
        Slots[slot].NextFree = _free;
        _free = slot;
        _taken--;
    }
}
