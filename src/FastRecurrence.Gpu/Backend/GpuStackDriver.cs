using System.Diagnostics;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

using Buffer = MemoryBuffer1D<float, Stride1D.Dense>;

/// <summary>
/// Runs a stack's layers on a device: x goes up once, the last layer's y comes down once, and what lies between the layers stays there, whole, in packed
/// rows: sorted by length, without padding. Calls whose sequences would take too much of the device's memory are left to the layers, one by one.
/// </summary>
internal sealed class GpuStackDriver : StackDriver
{
    private readonly GpuDevice _device;
    private readonly DeviceStackLayer[] _layers;
    private readonly GpuState[] _states;
    private readonly int _batchSize;
    private readonly Workspace _workspace;
    private readonly StagingBuffer _input, _output;
    private readonly RowOrder _rows;
    private readonly SequenceOrder _order = new();
    private readonly Buffer?[] _between = new Buffer?[2];
    private Buffer? _x;

    /// <summary>For states of one device and one queue.</summary>
    public GpuStackDriver(GpuDevice device, IReadOnlyList<StackLayer> layers, GpuState[] states)
    {
        (_device, _states, _batchSize) = (device, states, states[0].BatchSize);
        (_workspace, _input, _output, _rows) = (new(device), new(device), new(device), new(device));
        _layers = new DeviceStackLayer[layers.Count];
        for (int k = 0, at = 0; k < layers.Count; at += layers[k].DirectionCount, k++)
            _layers[k] = new DeviceStackLayer(_device, layers[k], states[at], layers[k].DirectionCount == 2 ? states[at + 1] : null);
    }

    /// <summary>Whether both directions of a layer run in one launch.</summary>
    public bool SharesLaunches(int layer) => _layers[layer].SharesLaunches;

    /// <inheritdoc/>
    public override bool TryRun(int sequenceLength, ReadOnlySpan<float> input, Span<float> output, in StackOptions options)
    {
        if (!options.OneHotInput.IsEmpty)
            return false;
        int N = _batchSize, width = _layers[^1].OutputSize;
        var sequence = new SortedSequence { Steps = sequenceLength, Input = input, OutputStride = width, Output = output };
        var sorting = new SequenceOptions { Lengths = options.Lengths, Padding = options.Padding, Layout = options.Layout };
        if (!options.Lengths.IsEmpty || (options.Layout == SequenceLayout.BatchMajor && N > 1 && sequenceLength > 1))
        {
            _order.Arrange(sequenceLength, N, sorting);
            // Dense rows stay in their order, wherever they lie.
            sequence = options.Lengths.IsEmpty
                ? sequence with { Places = _order.Places, PlaceStep = _order.PlaceStep }
                : _order.Sorted(sequence);
            if (sequence.Steps == 0)
            {
                output.Clear(); // all of it is padding
                return true;
            }
        }

        PackedRows rows = PackedRows.From(sequence, N, 0, 0, sequence.Steps);
        using Lock.Scope _ = _device.Enter();
        try
        {
            if (!TryReserve(rows))
                return false;
            SequenceOrder.ClearPadding(sequenceLength, N, sorting, output, width, width);
            RunSorted(sequence, rows);
            return true;
        }
        catch (AcceleratorException e)
        {
            throw _device.Failure(FormattableString.Invariant($"run a stack of {_layers.Length} layers over {sequenceLength} steps of {N} rows"), e);
        }
    }

    /// <summary>
    /// Runs the kernels of a dense call <paramref name="repeats"/> times on whatever x lies on the device, and returns the seconds of one, synchronisation
    /// included. The states advance; run the same shape once before.
    /// </summary>
    internal double MeasureKernels(int sequenceLength, int repeats)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(sequenceLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(repeats, 1);
        using Lock.Scope _ = _device.Enter();
        var sequence = new SortedSequence { Steps = sequenceLength, Input = [], OutputStride = _layers[^1].OutputSize, Output = [] };
        PackedRows rows = PackedRows.From(sequence, _batchSize, 0, 0, sequenceLength);
        if (!TryReserve(rows))
            throw new NotSupportedException("The sequences of such a call are not kept on the device: its layers are measured one by one.");
        _states[0].Queue.Synchronize();
        long start = Stopwatch.GetTimestamp();
        for (int repeat = 0; repeat < repeats; repeat++)
        {
            Enqueue(sequence, rows);
            _states[0].Queue.Synchronize();
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds / repeats;
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        foreach (IDisposable scratch in (ReadOnlySpan<IDisposable>)[_workspace, _input, _output, _rows])
            scratch.Dispose();
        _device.Free(_x, _between[0], _between[1]);
    }

    /// <summary>From the caller's x to the caller's y.</summary>
    private unsafe void RunSorted(in SortedSequence q, in PackedRows rows)
    {
        AcceleratorStream queue = _states[0].Queue;
        int width = _layers[^1].OutputSize;
        fixed (float* x = q.Input, y = q.Output)
        {
            try
            {
                SortStates(queue, q);
                _input.Upload(queue, q, rows, q.Input, _layers[0].InputSize, _x!.View.BaseView);
                ArrayView<float> last = Enqueue(q, rows);
                _output.Download(queue, q, rows, last, q.Output, width, width);
                foreach (GpuState state in _states)
                    state.SortBack();
            }
            finally
            {
                foreach (GpuState state in _states)
                    state.EndSorting();
                queue.Synchronize(); // after a failure too: what was enqueued still reads and writes the pinned memory
            }
        }

        _output.Unpack(q, rows, q.Output, width, width);
    }

    private void SortStates(AcceleratorStream queue, in SortedSequence q)
    {
        if (q.RowsPerStep.IsEmpty)
            return;
        _rows.Take(queue, q.Order, _order.Lengths, q.RowsPerStep);
        if (GpuState.IsIdentity(q.Order))
            return;
        foreach (GpuState state in _states)
            state.Sort(_rows);
    }

    /// <summary>All layers, from x to the last one's y, which is given back.</summary>
    private ArrayView<float> Enqueue(in SortedSequence q, in PackedRows rows)
    {
        ArrayView<float> from = _x!.View.BaseView;
        for (int k = 0; k < _layers.Length; k++)
        {
            ArrayView<float> to = _between[k % 2]!.View.BaseView;
            _layers[k].Enqueue(new DeviceStackLayer.Call { Sequence = q, Rows = rows, Order = _rows, Workspace = _workspace, Input = from, Output = to });
            from = to;
        }

        return from;
    }

    /// <summary>Room for all sequences of a call; false where that is more than there may be, or than there is. Then nothing has changed.</summary>
    private bool TryReserve(in PackedRows rows)
    {
        Span<long> between = stackalloc long[2];
        long x = (long)rows.Count * _layers[0].InputSize;
        for (int k = 0; k < _layers.Length; k++)
            between[k % 2] = Math.Max(between[k % 2], (long)rows.Count * _layers[k].OutputSize);
        // Kernels count floats in 32 bits.
        if (Math.Max(between[0], between[1]) > int.MaxValue || sizeof(float) * (x + between[0] + between[1]) > _device.SequenceBytes)
            return false;
        try
        {
            Grow(ref _x, x, "the input of a stack");
            Grow(ref _between[0], between[0], "what lies between layers");
            Grow(ref _between[1], between[1], "what lies between layers");
            foreach (DeviceStackLayer layer in _layers)
                layer.Reserve(_workspace, rows.Until);
            _input.Reserve(x);
            _output.Reserve((long)rows.Count * _layers[^1].OutputSize);
            return true;
        }
        catch (DeviceException e) when (e.RequestedBytes > 0)
        {
            return false; // the layers one by one need less
        }
    }

    private void Grow(ref Buffer? buffer, long length, string purpose)
    {
        if (buffer is not null && buffer.Length >= length)
            return;
        Buffer grown = _device.Allocate<float>(length, purpose);
        _device.Free(buffer);
        buffer = grown;
    }
}
