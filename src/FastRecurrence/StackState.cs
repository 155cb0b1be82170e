namespace FastRecurrence;

/// <summary>
/// Everything of a stack that changes: h, and c where there is one, of every layer and direction, and the memory between
/// layers. One state belongs to one stream of calls; a call that meets another in progress is refused.
/// Can be saved to bytes, restored and forked.
/// </summary>
public sealed class StackState : IDisposable
{
    private readonly LayerState[] _states;
    private readonly float[][] _between = [[], []], _sides = [[], []];
    private int _inUse;
    private bool _disposed;

    internal StackState(RecurrentStack stack, LayerState[] states, int batchSize)
    {
        Stack = stack;
        _states = states;
        BatchSize = batchSize;
    }

    /// <summary>The stack this state belongs to.</summary>
    public RecurrentStack Stack { get; }

    /// <summary>N, rows.</summary>
    public int BatchSize { get; }

    /// <summary>Bytes that <see cref="Save(Span{byte})"/> writes.</summary>
    public int SavedSize => StateBytes.SizeOf(this);

    /// <summary>Sets every h and c to zero, as after creation.</summary>
    /// <exception cref="InvalidOperationException">Another call is using the state.</exception>
    public void Reset()
    {
        using Lease _ = Acquire();
        foreach (LayerState state in _states)
            state.Reset();
    }

    /// <summary>Reads h of a layer and direction into <paramref name="destination"/>, <c>[N, H]</c>.</summary>
    /// <param name="index">As <see cref="RecurrentStack.StateCount"/> counts.</param>
    /// <param name="destination">Its length must fit.</param>
    public void CopyHiddenTo(int index, Span<float> destination)
    {
        using Lease _ = Acquire();
        _states[index].CopyHiddenTo(destination);
    }

    /// <summary>Sets h of a layer and direction from <paramref name="source"/>, <c>[N, H]</c>.</summary>
    /// <param name="index">As <see cref="RecurrentStack.StateCount"/> counts.</param>
    /// <param name="source">Its length must fit; states are never broadcast.</param>
    public void SetHidden(int index, ReadOnlySpan<float> source)
    {
        using Lease _ = Acquire();
        _states[index].SetHidden(source);
    }

    /// <summary>Reads c of a layer and direction into <paramref name="destination"/>, <c>[N, H]</c>.</summary>
    /// <param name="index">As <see cref="RecurrentStack.StateCount"/> counts.</param>
    /// <param name="destination">Its length must fit.</param>
    /// <exception cref="NotSupportedException">The cell has no c.</exception>
    public void CopyCellTo(int index, Span<float> destination)
    {
        using Lease _ = Acquire();
        _states[index].CopyCellTo(destination);
    }

    /// <summary>Sets c of a layer and direction from <paramref name="source"/>, <c>[N, H]</c>.</summary>
    /// <param name="index">As <see cref="RecurrentStack.StateCount"/> counts.</param>
    /// <param name="source">Its length must fit.</param>
    /// <exception cref="NotSupportedException">The cell has no c.</exception>
    public void SetCell(int index, ReadOnlySpan<float> source)
    {
        using Lease _ = Acquire();
        _states[index].SetCell(source);
    }

    /// <summary>The state as bytes, for <see cref="Restore"/>: versioned, with checksum, little-endian on every machine.</summary>
    public byte[] Save()
    {
        var bytes = new byte[SavedSize];
        Save(bytes);
        return bytes;
    }

    /// <summary>Writes the state as bytes; allocates nothing after the first call.</summary>
    /// <param name="destination">At least <see cref="SavedSize"/> bytes; what lies behind is left as it is.</param>
    /// <exception cref="ArgumentException">The span is too short. Nothing is written.</exception>
    public void Save(Span<byte> destination)
    {
        using Lease _ = Acquire();
        StateBytes.Write(this, _states, destination, ref _between[0]);
    }

    /// <summary>
    /// Takes a saved state back. To the bit on every backend but the reference, which keeps its state in double and saves it
    /// in float.
    /// </summary>
    /// <param name="source">What <see cref="Save()"/> gave, whole.</param>
    /// <exception cref="ModelFormatException">The bytes are cut, damaged or of another version. The state is unchanged.</exception>
    /// <exception cref="ArgumentException">They are the state of other weights or of another batch size. The state is unchanged.</exception>
    public void Restore(ReadOnlySpan<byte> source)
    {
        using Lease _ = Acquire();
        StateBytes.Read(this, _states, source, ref _between[0]);
    }

    /// <summary>A second state with the same h and c, which then goes its own way.</summary>
    public StackState Fork()
    {
        StackState copy = Stack.CreateState(BatchSize);
        using Lease _ = Acquire();
        for (int i = 0; i < _states.Length; i++)
        {
            Copy(i, cell: false, copy);
            if (_states[i].Layer.Shape.HasCellState)
                Copy(i, cell: true, copy);
        }

        return copy;
    }

    /// <summary>Gives the memory back. Disposing twice is harmless.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        using (Acquire())
        {
            _disposed = true;
            foreach (LayerState state in _states)
                state.Dispose();
        }
    }

    /// <summary>The lengths of the call in progress; for a holder of the lease.</summary>
    internal RowLengths Lengths => field ??= new RowLengths();

    internal LayerState Of(int index) => _states[index];

    /// <summary>Memory for the output of layer <paramref name="k"/>; two take turns, so that a layer never writes what it reads.</summary>
    internal Span<float> Between(int k, int T, int width) => Grown(ref _between[k % 2], T, width);

    /// <summary>Memory for one direction of a bidirectional layer.</summary>
    internal Span<float> Side(int direction, int T, int width) => Grown(ref _sides[direction], T, width);

    /// <summary>Takes the state for one call.</summary>
    internal Lease Acquire()
    {
        if (Interlocked.Exchange(ref _inUse, 1) != 0)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            throw new InvalidOperationException("This StackState is in use by another call. A state belongs to one stream of calls: create one per thread with RecurrentStack.CreateState, or Fork it.");
        }

        if (_disposed)
        {
            Volatile.Write(ref _inUse, 0);
            throw new ObjectDisposedException(nameof(StackState));
        }

        return new Lease(this);
    }

    private void Copy(int index, bool cell, StackState to)
    {
        LayerShape shape = _states[index].Layer.Shape;
        Span<float> values = Grown(ref _between[0], 1, cell ? shape.HiddenSize : shape.OutputSize);
        _states[index].CopyRaw(cell, values);
        to._states[index].SetRaw(cell, values);
    }

    private Span<float> Grown(ref float[] memory, int T, int width)
    {
        int length = Extents.Elements("between layers", T, BatchSize, width);
        if (memory.Length < length)
            memory = new float[length];
        return memory.AsSpan(0, length);
    }

    /// <summary>The right to use the state, given back on Dispose.</summary>
    internal readonly ref struct Lease(StackState state)
    {
        public void Dispose() => Volatile.Write(ref state._inUse, 0);
    }
}
