using FastRecurrence.Cells;
using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

using Buffer = MemoryBuffer1D<float, Stride1D.Dense>;

/// <summary>What a family that runs a step a launch brings along.</summary>
/// <param name="Instance">Its kernel for a part of a cell.</param>
/// <param name="Config">Its launch over so many rows and float4 columns.</param>
/// <param name="Matrices">The matrices that it multiplies by, in its order. Called inside <see cref="GpuDevice.Enter"/>.</param>
/// <param name="Wait">Whether its kernels wait for the step before by themselves (<see cref="DependentLaunch"/>).</param>
internal sealed record StepKernels(
    Func<Type, KernelInstance> Instance, Func<int, int, KernelConfig> Config, Func<DeviceWeights, RecurrentMatrices> Matrices, bool Wait);

/// <summary>One launch a step, or two for a GRU that resets before its product and for an LSTM with a projection.</summary>
internal sealed class StepRun : FamilyRun
{
    private readonly GpuDevice _device;
    private readonly StepKernels _kernels;
    private readonly KernelLaunch<StepArguments> _step;
    private readonly KernelLaunch<StepArguments>? _candidate, _project;
    private readonly Buffer? _intermediate, _zeros;
    private readonly HashSet<IntPtr> _waitingSteps = [];

    /// <summary>Loads the kernels. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public StepRun(GpuDevice device, LayerShape shape, int batchSize, StepKernels kernels)
    {
        (_device, _kernels) = (device, kernels);
        DeviceCell cell = DeviceCell.Of(shape);
        SecondProduct second = shape.Describe().Second;
        _step = Load(cell.Pointwise);
        if (second == SecondProduct.Candidate)
            _candidate = Load(cell.Emit);
        if (second == SecondProduct.Projection)
            _project = Load(typeof(Pointwise<ElmanCell<LinearCandidate>>));
        try
        {
            if (_candidate is not null || _project is not null)
                _intermediate = device.Allocate<float>((long)batchSize * shape.HiddenSize, "what goes from launch to launch of a step");
            if (_project is not null)
                _zeros = device.Allocate<float>((long)batchSize * PackedWeights.Columns4(shape.ProjectionSize) * PackedWeights.Lanes, "zeros");
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override IReadOnlySet<IntPtr> WaitingSteps => _waitingSteps;

    /// <inheritdoc/>
    public override void Prepare(DeviceWeights weights) => _kernels.Matrices(weights);

    /// <inheritdoc/>
    public override void Run(in StepChunk chunk)
    {
        KernelConfig config = _kernels.Config(chunk.Rows, chunk.Weights.Columns4);
        RecurrentMatrices matrices = _kernels.Matrices(chunk.Weights);
        if (_project is not null)
            _zeros!.View.BaseView.MemSetToZero(chunk.Queue);
        for (int t = 0; t < chunk.Steps; t++)
        {
            StepArguments step = chunk.Step(t);
            step.Weights = matrices.Recurrent;
            if (_candidate is not null)
                RunReset(chunk, config, step, matrices);
            else if (_project is not null)
                RunProjected(chunk, config, step, matrices);
            else
                _step(chunk.Queue, config, step);
        }

        KeepHidden(chunk);
    }

    /// <inheritdoc/>
    public override void Dispose()
    {
        _device.Free(_intermediate, _zeros);
        base.Dispose();
    }

    private KernelLaunch<StepArguments> Load(Type pointwise)
    {
        KernelInstance instance = _kernels.Instance(pointwise);
        KernelLaunch<StepArguments> launch = _device.Kernel<StepArguments>(instance);
        if (_kernels.Wait && _device.CudaFunction<StepArguments>(instance) is IntPtr function)
            _waitingSteps.Add(function);
        return launch;
    }

    /// <summary>
    /// The gates and the left operand of the second product first (r, z and r∘h of a GRU); then the candidate's product, from what the first launch left
    /// where the preactivations were.
    /// </summary>
    private void RunReset(in StepChunk chunk, KernelConfig config, StepArguments step, in RecurrentMatrices matrices)
    {
        StepArguments first = step;
        (first.Output, first.Wanted, first.KeepsColumns) = (_intermediate!.View.BaseView, default, 1);
        _step(chunk.Queue, config, first);
        (step.Hidden, step.Weights, step.Depth) = (_intermediate.View.BaseView, matrices.Candidate, chunk.Shape.HiddenSize);
        _candidate!(chunk.Queue, config, step);
    }

    /// <summary>The cell, then its projection as a linear Elman step without preactivations.</summary>
    private void RunProjected(in StepChunk chunk, KernelConfig config, StepArguments step, in RecurrentMatrices matrices)
    {
        ArrayView<float> output = step.Output;
        step.Output = _intermediate!.View.BaseView;
        _step(chunk.Queue, config, step);
        int P = chunk.Shape.ProjectionSize, columns4 = PackedWeights.Columns4(P);
        _project!(chunk.Queue, _kernels.Config(chunk.Rows, columns4), new StepArguments
        {
            Hidden = step.Output,
            Weights = matrices.Projection,
            Preactivation = _zeros!.View.BaseView.Cast<Float4>(),
            Carried = chunk.State.Cell,
            Output = output,
            Wanted = new() { Gates = step.Wanted.Gates, Cells = step.Wanted.Cells },
            Rows = chunk.Rows,
            Depth = chunk.Shape.HiddenSize,
            HiddenSize = P,
            Columns4 = columns4,
            Cell = chunk.Weights.Linear,
        });
    }
}
