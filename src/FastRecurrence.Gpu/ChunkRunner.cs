using FastRecurrence.Gpu.Kernels;
using FastRecurrence.Layout;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

using Buffer = MemoryBuffer1D<float, Stride1D.Dense>;

/// <summary>
/// Some steps that run at once, on the device: x <c>[steps, rows, I]</c>, room for b + x·W <c>[steps, rows, quads]</c>, h <c>[steps, rows, H]</c>,
/// gates <c>[steps, rows, G, H]</c>.
/// </summary>
internal readonly record struct DeviceChunk(int Steps, int Rows, ArrayView<float> Input, ArrayView<Quad> Preactivation, ArrayView<float> Output, ArrayView<float> Gates, bool WantGates);

/// <summary>A layer's weights on the device, and the launches that a chunk of steps takes: one input GEMM for all rows, then the plan's kernels.</summary>
internal sealed class ChunkRunner : IDisposable
{
    private readonly GpuDevice _device;
    private readonly LayerShape _shape;
    private readonly int _quads;
    private readonly CellParameters _cell, _linear;
    private readonly Buffer[] _buffers;
    private readonly CuBlasGemm? _cuBlas;

    /// <summary>Uploads the weights. A narrow R lies there as it is stored; W, which is read once for all steps, as it decodes, or as tensor cores take it.</summary>
    public ChunkRunner(LayerWeights weights, GpuDevice device, WeightFormat format, InputGemm inputGemm)
    {
        (_device, _shape, _quads) = (device, weights.Shape, PackedWeights.Quads(weights.Shape));
        var buffers = new List<Buffer>();
        using Lock.Scope _ = device.Enter();
        try
        {
            if (inputGemm == InputGemm.CuBlas)
                _cuBlas = device.CuBlas(out string? reason) ?? throw new NotSupportedException(reason);
            int rows = _shape.GateCount * _shape.HiddenSize;
            if (format == WeightFormat.Float32)
            {
                buffers.Add(device.Upload(Input(weights.InputWeights), "W"));
                buffers.Add(device.Upload(PackedWeights.Recurrent(_shape, weights.RecurrentWeights, _shape.OutputSize), "R"));
            }
            else
            {
                NarrowMatrix r = NarrowMatrix.Encode(format, weights.RecurrentWeights, rows, _shape.OutputSize);
                buffers.Add(device.Upload(Input(NarrowMatrix.Encode(format, weights.InputWeights, rows, _shape.InputSize).Decoded), "W"));
                buffers.Add(device.Upload(PackedWeights.Recurrent(_shape, r.Lanes, r.Groups), "R"));
            }

            buffers.Add(device.Upload(PackedWeights.Bias(weights), "b"));
            buffers.Add(device.Upload(weights.Peepholes, "the peepholes"));
            if (_shape.Cell == CellKind.Gru && !_shape.LinearBeforeReset)
                buffers.Add(device.Upload(PackedWeights.Candidate(weights), "R of the candidate"));
            if (_shape.ProjectionSize != 0)
                buffers.Add(device.Upload(PackedWeights.Projection(weights), "the projection"));
        }
        catch
        {
            device.Free([.. buffers]);
            throw;
        }

        _buffers = [.. buffers];
        _cell = CellParameters.From(_shape, _buffers[3].View.BaseView);
        _linear.Peepholes = _cell.Peepholes; // all else 0: the identity

        float[] Input(ReadOnlySpan<float> matrix)
        {
            float[] packed = PackedWeights.Input(_shape, matrix);
            return CellKernels.TensorGemms.Contains(inputGemm) ? TensorWeights.Pack(packed, _shape.InputSize, _quads * PackedWeights.Lanes, inputGemm) : packed;
        }
    }

    /// <summary>Chunks that a persistent grid gave up and that were run again step by step.</summary>
    public long Fallbacks { get; private set; }

    /// <summary>Chunks whose two directions shared a launch; counted by the forward one.</summary>
    public long SharedLaunches { get; private set; }

    /// <summary>Polls of a word before a persistent grid gives up: about a tenth of a second on a GPU. Other values in tests.</summary>
    public int PollBudget { get; set; } = 1 << 18;

    public void Dispose() => _device.Free(_buffers);

    /// <summary>From a chunk's x to its y and the state, all on the device. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public void Run(GpuState s, in DeviceChunk chunk)
    {
        PlannedKernels kernels = s.Kernels;
        RunInputGemm(s, chunk.Input, chunk.Preactivation, chunk.Steps * chunk.Rows);
        if (kernels.GroupSequence is not null)
        {
            kernels.GroupSequence(s.Queue, kernels.Config(chunk.Rows), s.Hidden, chunk.Output, Packed(1), chunk.Preactivation, Own(s, s.Hidden), chunk.Gates,
                chunk.Steps, chunk.Rows, _shape.HiddenSize, _quads, _cell, chunk.WantGates ? 1 : 0);
        }
        else if (kernels.GridSequence is null || chunk.Steps < KernelPlan.ShortestGridSequence || !RunGrid(s, chunk))
        {
            RunSteps(s, chunk);
        }

        KeepHidden(s, chunk);
    }

    /// <summary>
    /// Both directions of a bidirectional layer, this one and <paramref name="reverse"/>, with their grids in one launch where that lasts for
    /// as many steps as a launch is worth. The second chunk lies right behind the first in every view; their gates are not asked for.
    /// </summary>
    public void RunBoth(GpuState s, in DeviceChunk chunk, ChunkRunner reverse, GpuState reverseState, in DeviceChunk reverseChunk, GridSequenceLaunch grid)
    {
        RunInputGemm(s, chunk.Input, chunk.Preactivation, chunk.Steps * chunk.Rows);
        reverse.RunInputGemm(reverseState, reverseChunk.Input, reverseChunk.Preactivation, chunk.Steps * chunk.Rows);
        if (chunk.Steps < KernelPlan.ShortestGridSequence || !RunGrids(s, chunk, reverse, reverseState, grid))
        {
            RunSteps(s, chunk);
            reverse.RunSteps(reverseState, reverseChunk);
        }

        KeepHidden(s, chunk);
        reverse.KeepHidden(reverseState, reverseChunk);
    }

    /// <summary>Leaves the last step's h in the state.</summary>
    private void KeepHidden(GpuState s, in DeviceChunk chunk)
    {
        int step = chunk.Rows * _shape.OutputSize;
        ArrayView<float> hidden = s.Hidden.SubView(0, step);
        chunk.Output.SubView((chunk.Steps - 1) * step, step).CopyTo(s.Queue, hidden);
    }

    /// <summary>The preactivations of so many rows. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public void RunInputGemm(GpuState s, ArrayView<float> input, ArrayView<Quad> preactivation, int rows)
    {
        InputGemmLaunch gemm = s.Kernels.InputGemm(rows, out KernelConfig config);
        gemm(s.Queue, config, input, Packed(0), Packed(2), preactivation, rows, _cuBlas is null ? _shape.InputSize : 0, _quads);
        _cuBlas?.MultiplyAdd(s.Queue, input, _buffers[0].View.BaseView, preactivation.Cast<float>(), rows, _shape.InputSize, _quads * PackedWeights.Lanes);
    }

    private void RunSteps(GpuState s, in DeviceChunk chunk)
    {
        int N = chunk.Rows, H = _shape.HiddenSize, P = _shape.OutputSize, gateStep = _shape.GateCount * N * H, wantGates = chunk.WantGates ? 1 : 0;
        PlannedKernels kernels = s.Kernels;
        KernelConfig config = kernels.Config(N);
        for (int t = 0; t < chunk.Steps; t++)
        {
            ArrayView<float> hidden = t == 0 ? s.Hidden : chunk.Output.SubView((t - 1) * N * P, N * P), output = chunk.Output.SubView(t * N * P, N * P);
            ArrayView<float> gates = chunk.WantGates ? chunk.Gates.SubView(t * gateStep, gateStep) : chunk.Gates;
            ArrayView<Quad> preactivation = chunk.Preactivation.SubView(t * N * _quads, N * _quads);
            bool oneLaunch = kernels.CandidateStep is null && kernels.Project is null;
            kernels.Step!(s.Queue, config, hidden, Packed(1), preactivation, Own(s, hidden), oneLaunch ? output : s.Between, gates,
                N, P, H, _quads, _cell, kernels.CandidateStep is null ? wantGates : 0);
            kernels.CandidateStep?.Invoke(s.Queue, config, s.Between, Packed(4), preactivation, hidden, output, gates, N, H, H, _quads, _cell, wantGates);
            int projected = PackedWeights.Quads(P);
            kernels.Project?.Invoke(s.Queue, PlannedKernels.ProjectConfig(N, projected), s.Between, Packed(4), s.Zeros, s.Cell, output, gates,
                N, H, P, projected, _linear, 0);
        }
    }

    /// <summary>What a unit reads of its own: c, or a GRU's h of the step before.</summary>
    private ArrayView<float> Own(GpuState s, ArrayView<float> hidden) => _shape.Cell == CellKind.Gru ? hidden : s.Cell;

    /// <summary>False when the grid gave up; h and c before the chunk are then as they were. The device is held: no second grid spins beside it.</summary>
    private bool RunGrid(GpuState s, in DeviceChunk chunk)
    {
        Prepare(s, chunk.Output.SubView(0, chunk.Steps * chunk.Rows * _shape.HiddenSize));
        s.Kernels.GridSequence!(s.Queue, s.Kernels.GridConfig(chunk.Rows), s.Hidden, chunk.Output, Packed(1), chunk.Preactivation, Own(s, s.Hidden), s.NextCell, chunk.Gates, s.Flags, default,
            chunk.Steps, chunk.Rows, _shape.HiddenSize, _quads, _cell, chunk.WantGates ? 1 : 0, PollBudget);
        if (s.ReadFlag())
        {
            Fallbacks++;
            return false;
        }

        KeepCell(s, chunk.Rows);
        return true;
    }

    /// <summary>The same for both directions: one gives up for both.</summary>
    private bool RunGrids(GpuState s, in DeviceChunk chunk, ChunkRunner reverse, GpuState reverseState, GridSequenceLaunch grid)
    {
        Prepare(s, s.Output.SubView(0, 2 * chunk.Steps * chunk.Rows * _shape.HiddenSize));
        OtherDirection other = default;
        (other.Initial, other.Own, other.NextOwn, other.Weights) = (reverseState.Hidden, reverse.Own(reverseState, reverseState.Hidden), reverseState.NextCell, reverse.Packed(1));
        grid(s.Queue, s.Kernels.BothConfig(chunk.Rows), s.Hidden, s.Output, Packed(1), s.Preactivation, Own(s, s.Hidden), s.NextCell, s.Gates, s.Flags, other,
            chunk.Steps, chunk.Rows, _shape.HiddenSize, _quads, _cell, 0, PollBudget);
        SharedLaunches++;
        if (s.ReadFlag())
        {
            Fallbacks++;
            reverse.Fallbacks++;
            return false;
        }

        KeepCell(s, chunk.Rows);
        reverse.KeepCell(reverseState, chunk.Rows);
        return true;
    }

    /// <summary>An unwritten mailbox and a lowered flag.</summary>
    private static void Prepare(GpuState s, ArrayView<float> mailbox)
    {
        mailbox.MemSet(s.Queue, 0xFF);
        s.Flags.MemSetToZero(s.Queue);
    }

    /// <summary>Takes over the c of a grid that ran through.</summary>
    private void KeepCell(GpuState s, int rows)
    {
        if (!_shape.HasCellState)
            return;
        int step = rows * _shape.HiddenSize;
        ArrayView<float> cell = s.Cell.SubView(0, step);
        s.NextCell.SubView(0, step).CopyTo(s.Queue, cell);
    }

    /// <summary>W, R, b; 4: R of a candidate, or the projection.</summary>
    private ArrayView<Quad> Packed(int which) => _buffers[which].View.BaseView.Cast<Quad>();
}
