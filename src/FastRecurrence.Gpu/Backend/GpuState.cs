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
    /// <summary>What the scratch of a chunk may take, unless a single step needs more; longer sequences run in chunks.</summary>
    private const long ScratchBytes = 64L << 20;

    /// <summary>
    /// Copies up to this size go through page-locked memory, which the device reads and writes by itself and for which
    /// ILGPU allocates nothing; a driver's own way is as good for larger ones.
    /// </summary>
    private const long StagedBytes = 4L << 20;

    private readonly GpuDevice _device;
    private readonly GpuStream? _stream;
    private readonly int _inputStep, _hiddenStep, _cellStep, _gateStep, _preactivationStep;
    private Buffer _hidden, _cell;
    private Buffer? _input, _preactivation, _output, _gates, _cells;
    private PageLockedArray1D<float>? _stagedInput, _stagedOutput;

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

    /// <summary>Counts this state's allocations: what was recorded for memory that has gone is never run again.</summary>
    public int Memory { get; private set; }

    /// <summary>Where the state's work goes.</summary>
    public AcceleratorStream Queue => GpuStream.Of(_stream, _device);

    /// <summary>h, <c>[N, H]</c>.</summary>
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

    /// <summary>x of a chunk, <c>[steps, N, I]</c>.</summary>
    public ArrayView<float> Input => _input!.View.BaseView;

    /// <summary>b + x·W of a chunk, <c>[steps, N, columns4]</c>.</summary>
    public ArrayView<Float4> Preactivation => _preactivation!.View.BaseView.Cast<Float4>();

    /// <summary>h of a chunk, <c>[steps, N, H]</c>.</summary>
    public ArrayView<float> Output => _output!.View.BaseView;

    /// <summary>Activated gates of a chunk, <c>[steps, N, G, H]</c>, and c, <c>[steps, N, H]</c>; one unused float each until they are first wanted.</summary>
    public WantedOutputs Wanted(bool gates, bool cells) => new()
    {
        Gates = _gates!.View.BaseView,
        Cells = _cells!.View.BaseView,
        WantGates = gates ? 1 : 0,
        WantCells = cells ? 1 : 0,
    };

    private int Capacity { get; set; }

    /// <summary>The way to run together with the state of the other direction of a bidirectional layer, once it has been found.</summary>
    public TwoDirections? Together { get; set; }

    /// <summary>Floats of the largest of a step's buffers.</summary>
    public int StepFloats => Math.Max(Math.Max(_inputStep, _hiddenStep), Math.Max(_preactivationStep, _gateStep));

    /// <summary>The steps of a chunk of a sequence: all, or as many as the scratch may hold.</summary>
    public int ChunkLength(int sequenceLength)
    {
        long stepBytes = sizeof(float) * ((long)_inputStep + _hiddenStep + _preactivationStep + _gateStep);
        return (int)Math.Clamp(ScratchBytes / Math.Max(stepBytes, 1), 1, sequenceLength);
    }

    /// <summary>
    /// Makes room for chunks of <paramref name="steps"/>; a failure leaves the state as it was. Call it inside <see cref="GpuDevice.Enter"/>.
    /// </summary>
    public void Reserve(int steps)
    {
        if (steps <= Capacity)
            return;
        Buffer? input = null, preactivation = null, output = null, gates = null, cells = null;
        try
        {
            input = _device.Allocate<float>((long)steps * _inputStep, "the input of a chunk");
            preactivation = _device.Allocate<float>((long)steps * _preactivationStep, "the preactivations of a chunk");
            output = _device.Allocate<float>((long)steps * _hiddenStep, "the outputs of a chunk");
            gates = _device.Allocate<float>(0, "no gates");
            cells = _device.Allocate<float>(0, "no c");
        }
        catch (DeviceException)
        {
            _device.Free(input, preactivation, output, gates);
            throw;
        }

        Memory++;
        FreeScratch();
        (_input, _preactivation, _output, _gates, _cells, Capacity) = (input, preactivation, output, gates, cells, steps);
        _stagedInput = Stage((long)steps * _inputStep);
        _stagedOutput = Stage((long)steps * _hiddenStep);
    }

    /// <summary>
    /// Makes room for the gates or c of as many steps as the scratch has, where they are wanted. Call it inside <see cref="GpuDevice.Enter"/>.
    /// </summary>
    public void ReserveWanted(bool gates, bool cells)
    {
        if (gates)
            Grow(ref _gates!, _gateStep, "the gates of a chunk");
        if (cells)
            Grow(ref _cells!, _cellStep, "c of every step of a chunk");

        void Grow(ref Buffer buffer, int step, string purpose)
        {
            if (buffer.Length >= (long)Capacity * step)
                return;
            Buffer grown = _device.Allocate<float>((long)Capacity * step, purpose);
            _device.Free(buffer);
            buffer = grown;
            Memory++;
        }
    }

    /// <summary>Enqueues the copy of a chunk's x, and behind it of the other direction's where there is one; pinned until the queue is synchronised.</summary>
    public unsafe void Upload(float* input, float* other, int length)
    {
        int count = other is null ? length : 2 * length;
        if (count > _stagedInput!.Length)
        {
            Transfer.Enqueue(Queue, input, length, Input);
            if (other is not null)
                Transfer.Enqueue(Queue, other, length, Input.SubView(length));
        }
        else if (count != 0)
        {
            new ReadOnlySpan<float>(input, length).CopyTo(_stagedInput.Span);
            if (other is not null)
                new ReadOnlySpan<float>(other, length).CopyTo(_stagedInput.Span[length..]);
            // One copy: OpenCL moves all of page-locked memory, whatever part is asked for.
            ArrayView<float> target = Input.SubView(0, count);
            _stagedInput.ArrayView.SubView(0, count).CopyTo(Queue, target);
        }
    }

    /// <summary>Enqueues the copy of a chunk's h, and of the other direction's; true when they are complete only after <see cref="Unstage"/>.</summary>
    public unsafe bool Download(float* output, float* other, int length)
    {
        int count = other is null ? length : 2 * length;
        if (count > _stagedOutput!.Length)
        {
            Transfer.Enqueue(Queue, Output, output, length);
            if (other is not null)
                Transfer.Enqueue(Queue, Output.SubView(length), other, length);
            return false;
        }

        ArrayView<float> target = _stagedOutput.ArrayView.SubView(0, count);
        Output.SubView(0, count).CopyTo(Queue, target);
        return true;
    }

    /// <summary>Brings h from page-locked memory to the caller; the queue must have been synchronised.</summary>
    public unsafe void Unstage(float* output, float* other, int length)
    {
        _stagedOutput!.Span[..length].CopyTo(new Span<float>(output, length));
        if (other is not null)
            _stagedOutput.Span.Slice(length, length).CopyTo(new Span<float>(other, length));
    }

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
            Transfer.ToHost(Queue, cell ? Cell : Hidden, destination);
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
            Transfer.ToDevice(Queue, source, cell ? Cell : Hidden);
        }
        catch (AcceleratorException e)
        {
            throw _device.Failure("set a state", e);
        }
    }

    private protected override void DisposeCore() => Free();

    private PageLockedArray1D<float> Stage(long length) =>
        _device.AllocatePageLocked<float>(Math.Clamp(length, 1, StagedBytes / sizeof(float)));

    private void Free()
    {
        FreeScratch();
        Recurrence?.Dispose();
        _device.Free(Graphs, _hidden, _cell);
    }

    private void FreeScratch() => _device.Free(_input, _preactivation, _output, _gates, _cells, _stagedInput, _stagedOutput);
}
