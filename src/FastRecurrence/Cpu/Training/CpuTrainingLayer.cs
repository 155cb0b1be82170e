using FastRecurrence.Cells;
using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>A layer for training on the CPU: the layer itself, and its weights packed once more for the way back.</summary>
internal sealed class CpuTrainingLayer<V, L> : TrainingLayer
    where V : struct
    where L : IMemoryLanes<V>
{
    private readonly BackwardWeights<V, L> _weights;

    public CpuTrainingLayer(LayerWeights weights, Backend backend)
        : base(Prepare(weights, backend), weights) => _weights = new BackwardWeights<V, L>(weights);

    private protected override TrainingTape CreateTapeCore(int maxSteps, int batchSize, WorkerTeam? team)
    {
        var tape = new CpuTape(Shape, maxSteps, batchSize) { Layer = this };
        tape.Backward = new BackwardDriver<V, L>(_weights, batchSize, team);
        return tape;
    }

    private protected override void RunCore(LayerState state, TrainingTape tape, int sequenceLength, ReadOnlySpan<float> input, Span<float> output,
        in SequenceOptions options) => Layer.Run(state, sequenceLength, input, output, options with { Tape = (CpuTape)tape });

    private protected override void BackwardCore(TrainingTape tape, in BackwardCall call, LayerGradients? gradients)
    {
        var cpu = (CpuTape)tape;
        cpu.Backward!.Run(cpu, call, gradients);
        if (gradients is not null && cpu.Steps > 0)
            gradients.Wrote(call.Parts);
        GC.KeepAlive(this);
        GC.KeepAlive(tape);
    }

    private protected override void LoadCore(LayerWeights weights) => _weights.Load(weights);

    private protected override bool TakeCore(ParameterBuffer parameters)
    {
        ((CpuLayer<V, L>)Layer).Load(parameters);
        _weights.Load(parameters);
        return true;
    }

    /// <summary>Refuses before anything is packed.</summary>
    private static RecurrentLayer Prepare(LayerWeights weights, Backend backend)
    {
        LayerShape shape = weights.Shape;
        BackwardKernels.Of<V, L>(shape);
        foreach (ActivationFunction function in (ReadOnlySpan<ActivationFunction>)[shape.GateActivation, shape.CandidateActivation, shape.CellActivation])
        {
            if (!ActivationGradients.AreKnownFromOutput(function))
                throw new NotSupportedException($"{shape} cannot be trained on {backend.Name}: {function} does not tell its slope from its value, "
                    + "and a tape keeps values alone. The reference can.");
        }

        return backend.Prepare(weights);
    }
}
