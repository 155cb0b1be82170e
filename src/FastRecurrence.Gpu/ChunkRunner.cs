using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

using Buffer = MemoryBuffer1D<float, Stride1D.Dense>;

/// <summary>Some steps that run at once: x <c>[steps, rows, I]</c>, h <c>[steps, rows, H]</c>, gates <c>[steps, rows, G, H]</c>, on the device.</summary>
internal readonly record struct DeviceChunk(int Steps, int Rows, ArrayView<float> Input, ArrayView<float> Output, ArrayView<float> Gates, bool WantGates);

/// <summary>A layer's weights on the device, and the launches that a chunk of steps takes: one input GEMM for all rows, then the plan's kernels.</summary>
internal sealed class ChunkRunner : IDisposable
{
    private readonly GpuDevice _device;
    private readonly LayerShape _shape;
    private readonly int _quads;
    private readonly Buffer _inputWeights, _recurrentWeights, _bias;

    /// <summary>Uploads the weights.</summary>
    public ChunkRunner(LayerWeights weights, GpuDevice device)
    {
        (_device, _shape, _quads) = (device, weights.Shape, PackedWeights.Quads(weights.Shape));
        Buffer? input = null, recurrent = null;
        using Lock.Scope _ = device.Enter();
        try
        {
            _inputWeights = input = device.Upload(PackedWeights.Pack(_shape, weights.InputWeights, _shape.InputSize), "W");
            _recurrentWeights = recurrent = device.Upload(PackedWeights.Pack(_shape, weights.RecurrentWeights, _shape.HiddenSize), "R");
            _bias = device.Upload(PackedWeights.Pack(_shape, weights.Bias, 1), "b");
        }
        catch
        {
            device.Free(input, recurrent);
            throw;
        }
    }

    /// <summary>Chunks that a persistent grid gave up and that were run again step by step.</summary>
    public long Fallbacks { get; private set; }

    /// <summary>Polls of a word before a persistent grid gives up: about a tenth of a second on a GPU. Other values in tests.</summary>
    public int PollBudget { get; set; } = 1 << 18;

    public void Dispose() => _device.Free(_inputWeights, _recurrentWeights, _bias);

    /// <summary>From a chunk's x to its y and the state, all on the device. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public void Run(GpuState s, in DeviceChunk chunk)
    {
        PlannedKernels kernels = s.Kernels;
        RunInputGemm(s, chunk.Input, chunk.Steps * chunk.Rows);
        if (kernels.GroupSequence is not null)
        {
            kernels.GroupSequence(s.Queue, kernels.Config(chunk.Rows), s.Hidden, chunk.Output, R, s.Preactivation, s.Cell, chunk.Gates,
                chunk.Steps, chunk.Rows, _shape.HiddenSize, _quads, (int)_shape.Activation, chunk.WantGates ? 1 : 0);
        }
        else if (kernels.GridSequence is null || chunk.Steps < KernelPlan.ShortestGridSequence || !RunGrid(s, chunk))
        {
            RunSteps(s, chunk);
        }

        int step = chunk.Rows * _shape.HiddenSize;
        ArrayView<float> hidden = s.Hidden.SubView(0, step);
        chunk.Output.SubView((chunk.Steps - 1) * step, step).CopyTo(s.Queue, hidden);
    }

    /// <summary>The preactivations of so many rows. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public void RunInputGemm(GpuState s, ArrayView<float> input, int rows)
    {
        InputGemmLaunch gemm = s.Kernels.InputGemm(rows, out KernelConfig config);
        gemm(s.Queue, config, input, _inputWeights.View.BaseView.Cast<Quad>(), _bias.View.BaseView.Cast<Quad>(), s.Preactivation, rows, _shape.InputSize, _quads);
    }

    private void RunSteps(GpuState s, in DeviceChunk chunk)
    {
        int N = chunk.Rows, H = _shape.HiddenSize, gateStep = _shape.GateCount * N * H;
        KernelConfig config = s.Kernels.Config(N);
        for (int t = 0; t < chunk.Steps; t++)
        {
            s.Kernels.Step!(s.Queue, config,
                t == 0 ? s.Hidden : chunk.Output.SubView((t - 1) * N * H, N * H), R,
                s.Preactivation.SubView(t * N * _quads, N * _quads), s.Cell, chunk.Output.SubView(t * N * H, N * H),
                chunk.WantGates ? chunk.Gates.SubView(t * gateStep, gateStep) : chunk.Gates,
                N, H, _quads, (int)_shape.Activation, chunk.WantGates ? 1 : 0);
        }
    }

    /// <summary>False when the grid gave up; h and c before the chunk are then as they were. The device is held: no second grid spins beside it.</summary>
    private bool RunGrid(GpuState s, in DeviceChunk chunk)
    {
        chunk.Output.SubView(0, chunk.Steps * chunk.Rows * _shape.HiddenSize).MemSet(s.Queue, 0xFF);
        s.Flags.MemSetToZero(s.Queue);
        s.Kernels.GridSequence!(s.Queue, s.Kernels.Config(chunk.Rows), s.Hidden, chunk.Output, R, s.Preactivation, s.Cell, s.NextCell, chunk.Gates, s.Flags,
            chunk.Steps, chunk.Rows, _shape.HiddenSize, _quads, (int)_shape.Activation, chunk.WantGates ? 1 : 0, PollBudget);
        if (s.ReadFlag())
        {
            Fallbacks++;
            return false;
        }

        if (_shape.HasCellState)
        {
            int step = chunk.Rows * _shape.HiddenSize;
            ArrayView<float> cell = s.Cell.SubView(0, step);
            s.NextCell.SubView(0, step).CopyTo(s.Queue, cell);
        }

        return true;
    }

    private ArrayView<Quad> R => _recurrentWeights.View.BaseView.Cast<Quad>();
}
