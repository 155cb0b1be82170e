using System.Diagnostics;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

using Buffer = MemoryBuffer1D<float, Stride1D.Dense>;

/// <summary>
/// A layer whose weights lie on the device. A sequence is: x up, one input GEMM for all its rows, one launch a step, y
/// down, one synchronisation. Sequences whose scratch would be too large run in chunks of steps, with the same bits.
/// </summary>
internal sealed class GpuLayer : RecurrentLayer
{
    private readonly GpuDevice _device;
    private readonly CellKernels _kernels;
    private readonly Buffer _inputWeights, _recurrentWeights, _bias;
    private bool _freed;

    public GpuLayer(LayerWeights weights, GpuBackend backend)
        : base(weights.Shape, backend)
    {
        if (!Shape.IsStandard || Shape.Cell == CellKind.Gru || Shape.ProjectionSize != 0)
            throw new NotSupportedException($"{Shape} does not run on {backend.Name} yet: devices run LSTM and Elman layers without variations.");
        int G = Shape.GateCount, H = Shape.HiddenSize, I = Shape.InputSize;
        _device = backend.Device;
        lock (_device.Gate)
        {
            _device.Bind();
            _kernels = _device.Kernels(Shape.Cell);
            _inputWeights = _device.Upload(PackedWeights.Interleave(weights.InputWeights, G, H, I), "W");
            _recurrentWeights = _device.Upload(PackedWeights.Interleave(weights.RecurrentWeights, G, H, H), "R");
            _bias = _device.Upload(PackedWeights.Interleave(weights.Bias, G, H, 1), "b");
        }
    }

    private protected override LayerState CreateStateCore(int batchSize, WorkerTeam? team)
    {
        RefuseTeam(team);
        return new GpuState(this, _device, batchSize);
    }

    private protected override unsafe void RunCore(LayerState state, in PackedSequence sequence)
    {
        if (!sequence.RowsPerStep.IsEmpty && sequence.RowsPerStep[^1] != state.BatchSize)
            throw new NotSupportedException($"Rows of different lengths do not run on {Backend.Name} yet.");
        int sequenceLength = sequence.Steps;
        ReadOnlySpan<float> input = sequence.Input;
        Span<float> output = sequence.Output, gates = sequence.Gates;
        var s = (GpuState)state;
        int N = s.BatchSize, I = Shape.InputSize, H = Shape.HiddenSize, G = Shape.GateCount;
        bool wantGates = !gates.IsEmpty;
        lock (_device.Gate)
        {
            ObjectDisposedException.ThrowIf(_freed, this);
            // Copies are asynchronous: the spans stay pinned until the stream is synchronised, on the way out by a failure too.
            fixed (float* x = input, y = output, g = gates)
            {
                try
                {
                    _device.Bind();
                    int chunk = s.ChunkLength(sequenceLength);
                    s.Reserve(chunk);
                    for (int t = 0; t < sequenceLength; t += chunk)
                    {
                        int steps = Math.Min(chunk, sequenceLength - t);
                        Transfer.ToDevice(_device.Stream, input.Slice(t * N * I, steps * N * I), s.Input);
                        LaunchChunk(s, steps, wantGates);
                        Transfer.ToHost(_device.Stream, s.Outputs(steps), output.Slice(t * N * H, steps * N * H));
                        if (wantGates)
                            Transfer.ToHost(_device.Stream, s.Gates, gates.Slice(t * N * G * H, steps * N * G * H));
                    }

                    _device.Stream.Synchronize();
                }
                catch (AcceleratorException e)
                {
                    throw _device.Failure($"run {Shape} over {sequenceLength} steps of {N} rows", e);
                }
            }
        }
    }

    /// <summary>
    /// Runs the kernels of a sequence <paramref name="repeats"/> times on whatever input lies on the device, without any
    /// copy to or from the host, and returns the seconds of one sequence, synchronisation included. What a caller would see
    /// whose data live on the device. The state's h and c advance; run the same shape once before, to upload input and
    /// to get compilation and growing out of the way.
    /// </summary>
    internal double MeasureKernels(LayerState state, int sequenceLength, int repeats)
    {
        var s = (GpuState)state;
        ArgumentOutOfRangeException.ThrowIfLessThan(sequenceLength, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(repeats, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(s.BatchSize, 1);
        using LayerState.Lease _ = state.Acquire();
        lock (_device.Gate)
        {
            ObjectDisposedException.ThrowIf(_freed, this);
            _device.Bind();
            int chunk = s.ChunkLength(sequenceLength);
            s.Reserve(chunk);
            _device.Stream.Synchronize();
            long start = Stopwatch.GetTimestamp();
            for (int repeat = 0; repeat < repeats; repeat++)
            {
                for (int t = 0; t < sequenceLength; t += chunk)
                    LaunchChunk(s, Math.Min(chunk, sequenceLength - t), wantGates: false);
                _device.Stream.Synchronize();
            }

            return Stopwatch.GetElapsedTime(start).TotalSeconds / repeats;
        }
    }

    /// <summary>From the chunk's x to its y, both on the device.</summary>
    private void LaunchChunk(GpuState s, int steps, bool wantGates)
    {
        int N = s.BatchSize, I = Shape.InputSize, H = Shape.HiddenSize;
        AcceleratorStream stream = _device.Stream;
        ArrayView<float> recurrentWeights = _recurrentWeights.View.BaseView;
        _kernels.InputGemm(stream, CellKernels.Grid(steps * N, H), s.Input, _inputWeights.View.BaseView, _bias.View.BaseView, s.Preactivation, steps * N, I, H);
        KernelConfig grid = CellKernels.Grid(N, H);
        for (int t = 0; t < steps; t++)
        {
            _kernels.Step(stream, grid, s.HiddenBefore(t), recurrentWeights, s.PreactivationOf(t), s.Cell, s.HiddenBefore(t + 1), s.GatesOf(t),
                N, H, (int)Shape.Activation, wantGates ? 1 : 0);
        }

        s.CarryHidden(steps);
    }

    private protected override void DisposeCore()
    {
        lock (_device.Gate)
        {
            _freed = true;
            _device.Bind();
            _inputWeights.Dispose();
            _recurrentWeights.Dispose();
            _bias.Dispose();
        }
    }
}
