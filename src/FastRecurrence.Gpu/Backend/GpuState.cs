using FastRecurrence.Gpu.Families;
using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

using Buffer = MemoryBuffer1D<float, Stride1D.Dense>;

/// <summary>
/// A stream's memory on the device: h and c, which stay there between calls, and scratch for a chunk of steps. Made large
/// enough for single steps; grows at the first longer sequence and keeps its size. Bound to the queue it was made with.
/// </summary>
internal sealed class GpuState : LayerState
{
    private readonly GpuDevice _device;
    private readonly GpuStream? _stream;
    private readonly int _inputStep, _hiddenStep, _cellStep, _gateStep, _preactivationStep;
    private readonly RowOrder _order;
    private Buffer _hidden, _cell;
    private Buffer? _otherHidden, _otherCell;
    private RowOrder? _sortedBy;
    private bool _isSorted;

    public GpuState(GpuLayer layer, GpuDevice device, int batchSize, GpuStream? stream)
        : base(layer, batchSize)
    {
        LayerShape shape = layer.Shape;
        (_device, _stream) = (device, stream);
        _inputStep = Extents.Elements("input of one step", batchSize, shape.InputSize);
        _hiddenStep = batchSize * shape.OutputSize;
        _cellStep = batchSize * shape.HiddenSize;
        _gateStep = shape.GateCount * _cellStep;
        _preactivationStep = Extents.Elements("preactivations of one step", batchSize, PackedWeights.Columns4(shape), PackedWeights.Lanes);
        (Workspace, _order, Input, Output, Gates, Cells) = (new(device), new(device), new(device), new(device), new(device), new(device));
        (Choice, Recurrence, _hidden, _cell) = (null!, null!, null!, null!);
        try
        {
            using (device.Enter())
            {
                Choice = KernelChoice.For(device, shape, layer.Format, Math.Max(batchSize, 1), layer.Forced, layer.RecurrentGemm);
                Recurrence = Choice.Family.Load(device, shape, Choice.Variant, batchSize);
                Recurrence.Prepare(layer.Weights);
                if (Recurrence.MayBeRecorded && layer.InputGemm != InputGemm.CuBlas && device.Traits.Kind == DeviceKind.Cuda && CudaGraph.IsSupported)
                    Graphs = new LaunchGraphs(Queue, Recurrence.WaitingSteps);
                _hidden = device.Allocate<float>(_hiddenStep, "h");
                _cell = device.Allocate<float>(shape.HasCellState ? _cellStep : 0, "c");
                Reserve(1);
            }

            ResetCore();
        }
        catch
        {
            Free();
            throw;
        }
    }

    /// <summary>What the state's batch runs on, and why.</summary>
    public KernelChoice Choice { get; }

    /// <summary>The kernels of the choice.</summary>
    public FamilyRun Recurrence { get; }

    /// <summary>Calls that came before, recorded; null where they cannot be.</summary>
    public LaunchGraphs? Graphs { get; }

    /// <summary>Scratch for a chunk of steps.</summary>
    public Workspace Workspace { get; }

    /// <summary>What a call's rows pass through on the host.</summary>
    public StagingBuffer Input { get; }

    /// <inheritdoc cref="Input"/>
    public StagingBuffer Output { get; }

    /// <inheritdoc cref="Input"/>
    public StagingBuffer Gates { get; }

    /// <inheritdoc cref="Input"/>
    public StagingBuffer Cells { get; }

    /// <summary>Where the state's work goes.</summary>
    public AcceleratorStream Queue => GpuStream.Of(_stream, _device);

    /// <summary>h, <c>[N, H]</c>; within a call whose rows are sorted, of the sorted rows.</summary>
    public ArrayView<float> Hidden => _hidden.View.BaseView;

    /// <summary>c, <c>[N, H]</c>; one unused float for an Elman layer.</summary>
    public ArrayView<float> Cell => _cell.View.BaseView;

    /// <summary>
    /// Takes over h and c of the first <paramref name="rows"/> rows, which were written beside the old ones: by changing places where those are all.
    /// </summary>
    public void Take(int rows, ref Buffer nextHidden, ref Buffer nextCell)
    {
        if (rows == BatchSize)
        {
            (_hidden, nextHidden) = (nextHidden, _hidden);
            (_cell, nextCell) = (nextCell, _cell);
            return;
        }

        int length = rows * Layer.Shape.HiddenSize;
        nextHidden.View.BaseView.SubView(0, length).CopyTo(Queue, Hidden.SubView(0, length));
        if (Layer.Shape.HasCellState)
            nextCell.View.BaseView.SubView(0, length).CopyTo(Queue, Cell.SubView(0, length));
    }

    /// <summary>
    /// Sorts the rows of h and c as a sequence has them, in memory beside the state's: until <see cref="SortBack"/> the state is what it was. Nothing where
    /// <paramref name="order"/> is empty or the one that they have. Call it inside <see cref="GpuDevice.Enter"/>.
    /// </summary>
    public void Sort(ReadOnlySpan<int> order)
    {
        if (IsIdentity(order))
            return;
        _order.Take(Queue, order, default, default);
        Sort(_order);
    }

    /// <summary>The same by an order that lies on the device.</summary>
    public void Sort(RowOrder order)
    {
        _otherHidden ??= _device.Allocate<float>(_hiddenStep, "h of sorted rows");
        _otherCell ??= _device.Allocate<float>(Layer.Shape.HasCellState ? _cellStep : 0, "c of sorted rows");
        Move(order, _otherHidden, _hidden, Layer.Shape.OutputSize, unpacks: false);
        if (Layer.Shape.HasCellState)
            Move(order, _otherCell, _cell, Layer.Shape.HiddenSize, unpacks: false);
        ChangePlaces();
        (_isSorted, _sortedBy) = (true, order);
    }

    /// <summary>After a call that went well: the sorted rows' h and c become the state's. Nothing where they had not been sorted.</summary>
    public void SortBack()
    {
        if (!_isSorted)
            return;
        Move(_sortedBy!, _hidden, _otherHidden!, Layer.Shape.OutputSize, unpacks: true);
        if (Layer.Shape.HasCellState)
            Move(_sortedBy!, _cell, _otherCell!, Layer.Shape.HiddenSize, unpacks: true);
        EndSorting();
    }

    /// <summary>After any call: what was sorted and not sorted back is forgotten.</summary>
    public void EndSorting()
    {
        if (_isSorted)
            ChangePlaces();
        _isSorted = false;
    }

    /// <summary>Whether rows in this order need no sorting.</summary>
    public static bool IsIdentity(ReadOnlySpan<int> order)
    {
        for (int i = 0; i < order.Length; i++)
        {
            if (order[i] != i)
                return false;
        }

        return true;
    }

    /// <summary>The steps of a chunk of a sequence: all, or as many as the scratch may hold.</summary>
    public int ChunkLength(int sequenceLength)
    {
        long stepBytes = sizeof(float) * ((long)_inputStep + _hiddenStep + _preactivationStep + _gateStep);
        return (int)Math.Clamp(_device.ChunkBytes / Math.Max(stepBytes, 1), 1, sequenceLength);
    }

    /// <summary>
    /// Makes room for chunks of <paramref name="steps"/>; a failure leaves the state as it was. Call it inside <see cref="GpuDevice.Enter"/>.
    /// </summary>
    public void Reserve(int steps)
    {
        Workspace.Reserve((long)steps * _inputStep, (long)steps * _preactivationStep, (long)steps * _hiddenStep);
        Input.Reserve((long)steps * _inputStep);
        Output.Reserve((long)steps * _hiddenStep);
    }

    /// <summary>Makes room for the gates or c of so many steps, where they are wanted. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public void ReserveWanted(int steps, bool gates, bool cells) =>
        Workspace.ReserveWanted(gates ? (long)steps * _gateStep : 0, cells ? (long)steps * _cellStep : 0);

    private protected override void ResetCore()
    {
        if (_hiddenStep == 0)
            return;
        using Lock.Scope _ = _device.Enter();
        try
        {
            Hidden.MemSetToZero(Queue);
            Cell.MemSetToZero(Queue);
            Queue.Synchronize();
        }
        catch (AcceleratorException e)
        {
            throw _device.Failure("reset a state", e);
        }
    }

    private protected override void CopyCore(bool cell, Span<float> destination)
    {
        using Lock.Scope _ = _device.Enter();
        try
        {
            Transfer.ToHost(_device, Queue, cell ? Cell : Hidden, destination);
        }
        catch (AcceleratorException e)
        {
            throw _device.Failure("read a state", e);
        }
    }

    private protected override void SetCore(bool cell, ReadOnlySpan<float> source)
    {
        using Lock.Scope _ = _device.Enter();
        try
        {
            Transfer.ToDevice(_device, Queue, source, cell ? Cell : Hidden);
        }
        catch (AcceleratorException e)
        {
            throw _device.Failure("set a state", e);
        }
    }

    private protected override void DisposeCore() => Free();

    private void ChangePlaces()
    {
        (_hidden, _otherHidden) = (_otherHidden!, _hidden);
        (_cell, _otherCell) = (_otherCell!, _cell);
    }

    private void Move(RowOrder order, Buffer sorted, Buffer rows, int width, bool unpacks) => RowMoves.Enqueue(_device, Queue, new()
    {
        Packed = sorted.View.BaseView,
        Elsewhere = rows.View.BaseView,
        Order = order.Order,
        Map = MoveRowsKernel.Sorted,
        Unpacks = unpacks ? 1 : 0,
        Steps = 1,
        Rows = BatchSize,
        Width = width,
        Stride = width,
    });

    private void Free()
    {
        foreach (IDisposable scratch in (ReadOnlySpan<IDisposable>)[Workspace, _order, Input, Output, Gates, Cells])
            scratch.Dispose();
        Recurrence?.Dispose();
        _device.Free(Graphs, _hidden, _cell, _otherHidden, _otherCell);
    }
}
