using System.Globalization;
using FastRecurrence.Threading;

namespace FastRecurrence;

/// <summary>
/// Everything of a stack that changes: h, and c where there is one, of every layer and direction, and the memory between
/// layers. One state belongs to one stream of calls; a call that meets another in progress is refused.
/// Can be saved to bytes, restored and forked.
/// </summary>
public sealed class StackState : IDisposable
{
    private const string Advice = "A state belongs to one stream of calls: create one per thread with RecurrentStack.CreateState, or Fork it.";
    private readonly LayerState[] _states;
    private readonly float[][] _between = [[], []], _sides = [[], []];
    private ExclusiveUse _use;
    private int _reservedSteps;

    internal StackState(RecurrentStack stack, LayerState[] states, int batchSize, WorkerTeam? team)
    {
        Team = team;
        Stack = stack;
        _states = states;
        BatchSize = batchSize;
    }

    /// <summary>The stack this state belongs to.</summary>
    public RecurrentStack Stack { get; }

    /// <summary>N, rows.</summary>
    public int BatchSize { get; }

    /// <summary>Threads that calls with this state may use.</summary>
    internal WorkerTeam? Team { get; }

    /// <summary>Bytes that <see cref="Save(Span{byte})"/> writes.</summary>
    public int SavedSize => StateBytes.SizeOf(this);

    /// <summary>Sets every h and c to zero, as after creation.</summary>
    /// <exception cref="InvalidOperationException">Another call is using the state.</exception>
    public void Reset()
    {
        using ExclusiveUse.Lease _ = Acquire();
        foreach (LayerState state in _states)
            state.Reset();
    }

    /// <summary>Reads h of a layer and direction into <paramref name="destination"/>, <c>[N, H]</c>.</summary>
    /// <param name="index">As <see cref="RecurrentStack.StateCount"/> counts.</param>
    /// <param name="destination">Its length must fit.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such index.</exception>
    public void CopyHiddenTo(int index, Span<float> destination)
    {
        LayerState state = At(index);
        using ExclusiveUse.Lease _ = Acquire();
        state.CopyHiddenTo(destination);
    }

    /// <summary>Sets h of a layer and direction from <paramref name="source"/>, <c>[N, H]</c>.</summary>
    /// <param name="index">As <see cref="RecurrentStack.StateCount"/> counts.</param>
    /// <param name="source">Its length must fit; states are never broadcast.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such index.</exception>
    public void SetHidden(int index, ReadOnlySpan<float> source)
    {
        LayerState state = At(index);
        using ExclusiveUse.Lease _ = Acquire();
        state.SetHidden(source);
    }

    /// <summary>Reads c of a layer and direction into <paramref name="destination"/>, <c>[N, H]</c>.</summary>
    /// <param name="index">As <see cref="RecurrentStack.StateCount"/> counts.</param>
    /// <param name="destination">Its length must fit.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such index.</exception>
    /// <exception cref="NotSupportedException">The cell has no c.</exception>
    public void CopyCellTo(int index, Span<float> destination)
    {
        LayerState state = At(index);
        using ExclusiveUse.Lease _ = Acquire();
        state.CopyCellTo(destination);
    }

    /// <summary>Sets c of a layer and direction from <paramref name="source"/>, <c>[N, H]</c>.</summary>
    /// <param name="index">As <see cref="RecurrentStack.StateCount"/> counts.</param>
    /// <param name="source">Its length must fit.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such index.</exception>
    /// <exception cref="NotSupportedException">The cell has no c.</exception>
    public void SetCell(int index, ReadOnlySpan<float> source)
    {
        LayerState state = At(index);
        using ExclusiveUse.Lease _ = Acquire();
        state.SetCell(source);
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
        using ExclusiveUse.Lease _ = Acquire();
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
        using ExclusiveUse.Lease _ = Acquire();
        StateBytes.Read(this, _states, source, ref _between[0]);
    }

    /// <summary>A second state with the same h and c, which then goes its own way.</summary>
    /// <exception cref="InvalidOperationException">Another call is using the state.</exception>
    /// <exception cref="ObjectDisposedException">The state or its stack was disposed.</exception>
    public StackState Fork()
    {
        using ExclusiveUse.Lease _ = Acquire();
        StackState copy = Stack.CreateState(BatchSize, Team);
        try
        {
            for (int i = 0; i < _states.Length; i++)
            {
                Copy(i, cell: false, copy);
                if (_states[i].Layer.Shape.HasCellState)
                    Copy(i, cell: true, copy);
            }
        }
        catch
        {
            copy.Dispose();
            throw;
        }

        return copy;
    }

    /// <summary>Gives the memory back. Disposing twice is harmless, also from two threads at the same time.</summary>
    /// <exception cref="InvalidOperationException">A call is using the state.</exception>
    public void Dispose()
    {
        if (!_use.TryDispose(nameof(StackState), Advice))
            return;
        foreach (LayerState state in _states)
            state.Dispose();
        (_between[0], _between[1], _sides[0], _sides[1]) = ([], [], [], []);
    }

    /// <summary>Such as <c>state of a stack of 2 layers on simd-512, 4 rows</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"state of {Stack}, {BatchSize} {(BatchSize == 1 ? "row" : "rows")}{(_use.IsDisposed ? ", disposed" : "")}");

    /// <summary>The lengths of the call in progress; for a holder of the lease.</summary>
    internal RowLengths Lengths => field ??= new RowLengths();

    internal LayerState Of(int index) => _states[index];

    /// <summary>
    /// Makes room for T steps between the layers and of single directions; all of it before the first layer runs, so that a sequence too long for
    /// it is refused while nothing has changed.
    /// </summary>
    /// <exception cref="ArgumentOutOfRangeException">An array cannot hold what lies between two layers.</exception>
    internal void Reserve(int T)
    {
        if (T <= _reservedSteps)
            return;
        IReadOnlyList<StackLayer> layers = Stack.Layers;
        for (int k = 0; k < layers.Count; k++)
        {
            StackLayer layer = layers[k];
            if (k < layers.Count - 1)
                Grow(ref _between[k % 2], k, T, layer.OutputSize);
            if (layer.Forward is null || layer.Reverse is null || !Stack.RunsBothDirectionsAtOnce)
                continue;
            Grow(ref _sides[0], k, T, layer.Forward.Shape.OutputSize);
            Grow(ref _sides[1], k, T, layer.Reverse.Shape.OutputSize);
        }

        _reservedSteps = T;
    }

    /// <summary>Memory for the output of layer <paramref name="k"/>; two take turns, so that a layer never writes what it reads. Reserved before.</summary>
    internal Span<float> Between(int k, int T, int width) => _between[k % 2].AsSpan(0, T * BatchSize * width);

    /// <summary>Memory for one direction of a bidirectional layer. Reserved before.</summary>
    internal Span<float> Side(int direction, int T, int width) => _sides[direction].AsSpan(0, T * BatchSize * width);

    /// <summary>Takes the state for one call.</summary>
    internal ExclusiveUse.Lease Acquire() => _use.Acquire(nameof(StackState), Advice);

    private LayerState At(int index)
    {
        if ((uint)index >= (uint)_states.Length)
            throw OutOfRange(index, _states.Length);
        return _states[index];
    }

    internal static ArgumentOutOfRangeException OutOfRange(int index, int count) => new(nameof(index), index, string.Create(CultureInfo.InvariantCulture,
        $"A state index lies between 0 and {count - 1}: this stack has {count}, one for each layer and direction."));

    private void Copy(int index, bool cell, StackState to)
    {
        LayerShape shape = _states[index].Layer.Shape;
        int length = BatchSize * (cell ? shape.HiddenSize : shape.OutputSize);
        if (_between[0].Length < length)
            _between[0] = new float[length];
        Span<float> values = _between[0].AsSpan(0, length);
        _states[index].CopyRaw(cell, values);
        to._states[index].SetRaw(cell, values);
    }

    private void Grow(ref float[] memory, int k, int T, int width)
    {
        long rows = (long)T * BatchSize;
        if (rows > Array.MaxLength || rows * width > Array.MaxLength)
            Extents.Elements(string.Create(CultureInfo.InvariantCulture, $"The output of layer {k} (T×N×width)"), "sequenceLength", T, BatchSize,
                width); // refuses
        int length = (int)(rows * width);
        if (memory.Length < length)
            memory = new float[length];
    }
}
