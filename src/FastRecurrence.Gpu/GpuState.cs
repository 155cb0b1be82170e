using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

using Buffer = MemoryBuffer1D<float, Stride1D.Dense>;

/// <summary>
/// A stream's memory on the device: h and c, which stay there between calls, and scratch for a chunk of steps. Made large
/// enough for single steps; grows at the first longer sequence and keeps its size.
/// </summary>
internal sealed class GpuState : LayerState
{
    /// <summary>What the scratch of a chunk may take, unless a single step needs more; longer sequences run in chunks.</summary>
    private const long ScratchBytes = 64L << 20;

    private readonly GpuDevice _device;
    private readonly int _inputStep, _hiddenStep, _gateStep;
    private Buffer _input, _preactivation, _output, _gates;
    private readonly Buffer _cell;

    public GpuState(GpuLayer layer, GpuDevice device, int batchSize)
        : base(layer, batchSize)
    {
        LayerShape shape = layer.Shape;
        _device = device;
        _inputStep = Extents.Elements("input of one step", batchSize, shape.InputSize);
        _hiddenStep = batchSize * shape.HiddenSize;
        _gateStep = shape.GateCount * _hiddenStep;
        lock (device.Gate)
        {
            device.Bind();
            _cell = device.Allocate(shape.HasCellState ? _hiddenStep : 0, "c");
            _input = _preactivation = _output = _gates = null!;
            try
            {
                Grow(1, keepHidden: false);
            }
            catch
            {
                Free();
                throw;
            }
        }

        ResetCore();
    }

    /// <summary>Steps that the scratch holds.</summary>
    private int Capacity { get; set; }

    /// <summary>The steps of a chunk of a sequence: all, or as many as the scratch may hold.</summary>
    public int ChunkLength(int sequenceLength)
    {
        long stepBytes = sizeof(float) * ((long)_inputStep + _hiddenStep + 2L * _gateStep);
        return (int)Math.Clamp(ScratchBytes / Math.Max(stepBytes, 1), 1, sequenceLength);
    }

    /// <summary>Makes room for chunks of <paramref name="steps"/>. Call it holding the device.</summary>
    public void Reserve(int steps)
    {
        if (steps > Capacity)
            Grow(steps, keepHidden: true);
    }

    /// <summary>x of a chunk, <c>[steps, N, I]</c>.</summary>
    public ArrayView<float> Input => _input.View.BaseView;

    /// <summary>b + x·W of a chunk, <c>[steps, N, H, G]</c>.</summary>
    public ArrayView<float> Preactivation => _preactivation.View.BaseView;

    /// <summary>c, <c>[N, H]</c>; one unused float for an Elman layer.</summary>
    public ArrayView<float> Cell => _cell.View.BaseView;

    /// <summary>h before step <paramref name="t"/> of a chunk, <c>[N, H]</c>; h after it is that of t + 1.</summary>
    public ArrayView<float> HiddenBefore(int t) => _output.View.BaseView.SubView((long)t * _hiddenStep, _hiddenStep);

    /// <summary>Preactivations of step <paramref name="t"/> of a chunk.</summary>
    public ArrayView<float> PreactivationOf(int t) => _preactivation.View.BaseView.SubView((long)t * _gateStep, _gateStep);

    /// <summary>Activated gates of step <paramref name="t"/> of a chunk, <c>[N, G, H]</c>.</summary>
    public ArrayView<float> GatesOf(int t) => _gates.View.BaseView.SubView((long)t * _gateStep, _gateStep);

    /// <summary>All outputs of a chunk from its first step on.</summary>
    public ArrayView<float> Outputs(int steps) => _output.View.BaseView.SubView(_hiddenStep, (long)steps * _hiddenStep);

    /// <summary>All gates of a chunk.</summary>
    public ArrayView<float> Gates => _gates.View.BaseView;

    /// <summary>Makes the h after <paramref name="steps"/> steps the one before the next chunk.</summary>
    public void CarryHidden(int steps)
    {
        ArrayView<float> first = HiddenBefore(0);
        HiddenBefore(steps).CopyTo(_device.Stream, first);
    }

    private protected override void ResetCore()
    {
        if (_hiddenStep == 0)
            return;
        lock (_device.Gate)
        {
            _device.Bind();
            HiddenBefore(0).MemSetToZero(_device.Stream);
            Cell.MemSetToZero(_device.Stream);
            _device.Stream.Synchronize();
        }
    }

    private protected override unsafe void CopyCore(bool cell, Span<float> destination)
    {
        lock (_device.Gate)
        {
            _device.Bind();
            fixed (float* _ = destination)
            {
                Transfer.ToHost(_device.Stream, cell ? Cell : HiddenBefore(0), destination);
                _device.Stream.Synchronize();
            }
        }
    }

    private protected override unsafe void SetCore(bool cell, ReadOnlySpan<float> source)
    {
        lock (_device.Gate)
        {
            _device.Bind();
            fixed (float* _ = source)
            {
                Transfer.ToDevice(_device.Stream, source, cell ? Cell : HiddenBefore(0));
                _device.Stream.Synchronize();
            }
        }
    }

    private protected override void DisposeCore()
    {
        lock (_device.Gate)
        {
            _device.Bind();
            Free();
        }
    }

    /// <summary>New scratch first, then the old one is given up: a failure leaves the state as it was.</summary>
    private void Grow(int steps, bool keepHidden)
    {
        Buffer? input = null, preactivation = null, gates = null, output = null;
        try
        {
            input = _device.Allocate((long)steps * _inputStep, "the input of a chunk");
            preactivation = _device.Allocate((long)steps * _gateStep, "the preactivations of a chunk");
            gates = _device.Allocate((long)steps * _gateStep, "the gates of a chunk");
            output = _device.Allocate((steps + 1L) * _hiddenStep, "the outputs of a chunk");
        }
        catch (DeviceException)
        {
            input?.Dispose();
            preactivation?.Dispose();
            gates?.Dispose();
            throw;
        }

        if (keepHidden)
        {
            ArrayView<float> first = output.View.BaseView.SubView(0, _hiddenStep);
            HiddenBefore(0).CopyTo(_device.Stream, first);
            _device.Stream.Synchronize();
            FreeScratch();
        }

        (_input, _preactivation, _gates, _output, Capacity) = (input, preactivation, gates, output, steps);
    }

    private void Free()
    {
        FreeScratch();
        _cell.Dispose();
    }

    private void FreeScratch()
    {
        _input?.Dispose();
        _preactivation?.Dispose();
        _gates?.Dispose();
        _output?.Dispose();
    }
}
