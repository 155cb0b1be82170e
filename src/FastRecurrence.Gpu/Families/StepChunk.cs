using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

/// <summary>
/// Some steps that run at once, on the device: x <c>[Steps, Rows, I]</c>, room for b + x·W <c>[Steps, Rows, columns4]</c>, h <c>[Steps, Rows, P]</c>,
/// and what else was asked for.
/// </summary>
/// <param name="Layer">Whose weights.</param>
/// <param name="State">Whose h and c.</param>
/// <param name="Steps">Steps, at least 1.</param>
/// <param name="Rows">Rows of every step, at least 1.</param>
internal readonly record struct StepChunk(GpuLayer Layer, GpuState State, int Steps, int Rows)
{
    /// <summary>x.</summary>
    public ArrayView<float> Input { get; init; }

    /// <summary>b + x·W.</summary>
    public ArrayView<Float4> Preactivation { get; init; }

    /// <summary>h.</summary>
    public ArrayView<float> Output { get; init; }

    /// <summary>Gates <c>[Steps, Rows, G, H]</c> and c <c>[Steps, Rows, H]</c>.</summary>
    public WantedOutputs Wanted { get; init; }

    /// <summary>The layer's shape.</summary>
    public LayerShape Shape => Layer.Shape;

    /// <summary>The layer's weights.</summary>
    public DeviceWeights Weights => Layer.Weights;

    /// <summary>Where the work goes.</summary>
    public AcceleratorStream Queue => State.Queue;

    /// <summary>What a unit carries from step to step: c, or a GRU's h of the step before, given here.</summary>
    public ArrayView<float> Carried(ArrayView<float> hidden) => Weights.CarriesHidden ? hidden : State.Cell;

    /// <summary>What was asked for of the steps from <paramref name="step"/> on.</summary>
    public WantedOutputs WantedFrom(int step)
    {
        WantedOutputs wanted = Wanted;
        long cells = (long)step * Rows * Shape.HiddenSize;
        if (wanted.WantGates != 0)
            wanted.Gates = wanted.Gates.SubView(cells * Shape.GateCount);
        if (wanted.WantCells != 0)
            wanted.Cells = wanted.Cells.SubView(cells);
        return wanted;
    }

    /// <summary>The whole chunk in one launch.</summary>
    public SequenceArguments Sequence => new()
    {
        Initial = State.Hidden,
        Output = Output,
        Weights = Weights.Recurrent,
        Preactivation = Preactivation,
        Carried = Carried(State.Hidden),
        Wanted = Wanted,
        Steps = Steps,
        Rows = Rows,
        HiddenSize = Shape.HiddenSize,
        Columns4 = Weights.Columns4,
        Cell = Weights.Cell,
    };

    /// <summary>One of its steps, from its preactivations to its h.</summary>
    public StepArguments Step(int step)
    {
        int outputs = Rows * Shape.OutputSize, columns = Rows * Weights.Columns4;
        ArrayView<float> hidden = step == 0 ? State.Hidden : Output.SubView((step - 1) * outputs, outputs);
        return new()
        {
            Hidden = hidden,
            Weights = Weights.Recurrent,
            Preactivation = Preactivation.SubView(step * columns, columns),
            Carried = Carried(hidden),
            Output = Output.SubView(step * outputs, outputs),
            Wanted = WantedFrom(step),
            Rows = Rows,
            Depth = Weights.RecurrentDepth,
            HiddenSize = Shape.HiddenSize,
            Columns4 = Weights.Columns4,
            Cell = Weights.Cell,
        };
    }
}
