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
    private readonly int _inputStep, _hiddenStep, _cellStep, _gateStep, _quadStep;
    private readonly Buffer _hidden, _cell;
    private readonly Buffer? _nextCell, _between, _zeros;
    private readonly MemoryBuffer1D<int, Stride1D.Dense>? _flags;
    private readonly PageLockedArray1D<int>? _flag;
    private Buffer? _input, _preactivation, _output, _gates;
    private PageLockedArray1D<float>? _stagedInput, _stagedOutput;

    public GpuState(GpuLayer layer, GpuDevice device, int batchSize, GpuStream? stream, ForcedKernel? forced)
        : base(layer, batchSize)
    {
        LayerShape shape = layer.Shape;
        (_device, _stream) = (device, stream);
        _inputStep = Extents.Elements("input of one step", batchSize, shape.InputSize);
        _hiddenStep = batchSize * shape.OutputSize;
        _cellStep = batchSize * shape.HiddenSize;
        _gateStep = shape.GateCount * _cellStep;
        _quadStep = Extents.Elements("preactivations of one step", batchSize, PackedWeights.Quads(shape), PackedWeights.Lanes);
        _hidden = _cell = null!;
        try
        {
            using (device.Enter())
            {
                Kernels = new PlannedKernels(device, shape, layer.Format, layer.InputGemm, Math.Max(batchSize, 1), forced);
                _hidden = device.Allocate<float>(_hiddenStep, "h");
                _cell = device.Allocate<float>(shape.HasCellState ? _cellStep : 0, "c");
                if (Kernels.CandidateStep is not null || Kernels.Project is not null)
                    _between = device.Allocate<float>(_cellStep, "what goes from launch to launch of a step");
                if (Kernels.Project is not null)
                {
                    _zeros = device.Allocate<float>((long)batchSize * PackedWeights.Quads(shape.ProjectionSize) * PackedWeights.Lanes, "zeros");
                    _zeros.View.BaseView.MemSetToZero(Queue);
                }

                if (Kernels.Plan.Kind == KernelKind.Grid)
                {
                    _nextCell = device.Allocate<float>(shape.HasCellState ? _cellStep : 0, "the next c");
                    _flags = device.Allocate<int>(1, "the error flag");
                    _flag = device.AllocatePageLocked<int>(1);
                }

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

    /// <summary>What the state's batch runs on.</summary>
    public PlannedKernels Kernels { get; }

    /// <summary>Where the state's work goes.</summary>
    public AcceleratorStream Queue => GpuStream.Of(_stream, _device);

    /// <summary>h, <c>[N, H]</c>.</summary>
    public ArrayView<float> Hidden => _hidden.View.BaseView;

    /// <summary>c, <c>[N, H]</c>; one unused float for an Elman layer.</summary>
    public ArrayView<float> Cell => _cell.View.BaseView;

    /// <summary>r∘h, or an LSTM's output before its projection, <c>[N, H]</c>, within a step of two launches.</summary>
    public ArrayView<float> Between => _between!.View.BaseView;

    /// <summary>What a projection adds to.</summary>
    public ArrayView<Quad> Zeros => _zeros!.View.BaseView.Cast<Quad>();

    /// <summary>Where a grid kernel leaves c until it is known to have succeeded.</summary>
    public ArrayView<float> NextCell => _nextCell!.View.BaseView;

    /// <summary>The grid kernel's flags.</summary>
    public ArrayView<int> Flags => _flags!.View.BaseView;

    /// <summary>x of a chunk, <c>[steps, N, I]</c>.</summary>
    public ArrayView<float> Input => _input!.View.BaseView;

    /// <summary>b + x·W of a chunk, <c>[steps, N, quads]</c>.</summary>
    public ArrayView<Quad> Preactivation => _preactivation!.View.BaseView.Cast<Quad>();

    /// <summary>h of a chunk, <c>[steps, N, H]</c>.</summary>
    public ArrayView<float> Output => _output!.View.BaseView;

    /// <summary>Activated gates of a chunk, <c>[steps, N, G, H]</c>; one unused float until <see cref="ReserveGates"/>.</summary>
    public ArrayView<float> Gates => _gates!.View.BaseView;

    private int Capacity { get; set; }

    /// <summary>The way to run together with the state of the other direction of a bidirectional layer, once it has been found.</summary>
    public TwoDirections? Together { get; set; }

    /// <summary>Floats of the largest of a step's buffers.</summary>
    public int StepFloats => Math.Max(Math.Max(_inputStep, _hiddenStep), Math.Max(_quadStep, _gateStep));

    /// <summary>The steps of a chunk of a sequence: all, or as many as the scratch may hold.</summary>
    public int ChunkLength(int sequenceLength)
    {
        long stepBytes = sizeof(float) * ((long)_inputStep + _hiddenStep + _quadStep + _gateStep);
        return (int)Math.Clamp(ScratchBytes / Math.Max(stepBytes, 1), 1, sequenceLength);
    }

    /// <summary>Makes room for chunks of <paramref name="steps"/>; a failure leaves the state as it was. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public void Reserve(int steps)
    {
        if (steps <= Capacity)
            return;
        Buffer? input = null, preactivation = null, output = null, gates = null;
        try
        {
            input = _device.Allocate<float>((long)steps * _inputStep, "the input of a chunk");
            preactivation = _device.Allocate<float>((long)steps * _quadStep, "the preactivations of a chunk");
            output = _device.Allocate<float>((long)steps * _hiddenStep, "the outputs of a chunk");
            gates = _device.Allocate<float>(0, "no gates");
        }
        catch (DeviceException)
        {
            _device.Free(input, preactivation, output);
            throw;
        }

        FreeScratch();
        (_input, _preactivation, _output, _gates, Capacity) = (input, preactivation, output, gates, steps);
        _stagedInput = Stage((long)steps * _inputStep);
        _stagedOutput = Stage((long)steps * _hiddenStep);
    }

    /// <summary>Makes room for the gates of as many steps as the scratch has.</summary>
    public void ReserveGates()
    {
        if (_gates!.Length >= (long)Capacity * _gateStep)
            return;
        Buffer gates = _device.Allocate<float>((long)Capacity * _gateStep, "the gates of a chunk");
        _device.Free(_gates);
        _gates = gates;
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

    /// <summary>Waits for all that was enqueued, and says whether the grid's error flag is up.</summary>
    public bool ReadFlag()
    {
        ArrayView<int> target = _flag!.ArrayView;
        Flags.CopyTo(Queue, target);
        Queue.Synchronize();
        return _flag.Span[0] != 0;
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
        _device.Free(_hidden, _cell, _nextCell, _between, _zeros, _flags, _flag);
    }

    private void FreeScratch() => _device.Free(_input, _preactivation, _output, _gates, _stagedInput, _stagedOutput);
}
