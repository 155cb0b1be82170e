using FastRecurrence.Cells;
using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>The weights of a layer as the products of a backward pass read them. Only loading changes them; passes share them.</summary>
internal sealed class BackwardWeights<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    private static readonly int[] s_peepholeColumns = [0, 1, 2], s_candidateColumns = [TapeLayout.CandidateColumn];
    private readonly PanelLayout _units;
    private readonly TapeLayout? _projection;

    public BackwardWeights(LayerWeights weights)
    {
        LayerShape shape = weights.Shape;
        (Shape, Kernels, Layout) = (shape, BackwardKernels.Of<V, L>(shape), new TapeLayout(shape));
        if (shape.InputSize > 0)
            Input = Pack("W for the backward pass", weights.InputWeights, shape.InputSize, Layout, Layout.InputColumns);
        if (Layout.RecurrentColumns.Length > 0)
            Recurrent = Pack("R for the backward pass", weights.RecurrentWeights, shape.OutputSize, Layout, Layout.RecurrentColumns);
        if (Layout.HasCandidate)
            Second = Pack("R of the candidate for the backward pass", LastBlock(weights), shape.OutputSize, Layout, [TapeLayout.CandidateColumn]);
        if (shape.ProjectionSize != 0)
        {
            TapeLayout h = _projection = TapeLayout.OfRuns(shape.ProjectionSize);
            Second = Pack("W_p for the backward pass", weights.Projection, shape.HiddenSize, h, h.InputColumns);
        }

        PanelLayout units = _units = PanelLayout.OfGates(shape.HiddenSize, L.Count, columns: 4);
        if (shape.Peepholes)
            Peepholes = new PackedMatrix("packed peepholes", weights.Peepholes, 1, units.PanelCount, 3, L.Count,
                (panel, column, lane) => units.SourceRow(panel, column, lane));
    }

    public LayerShape Shape { get; }

    /// <summary>The cell's pointwise part.</summary>
    public BackwardKernels Kernels { get; }

    /// <summary>The layout of the layer's tapes.</summary>
    public TapeLayout Layout { get; }

    /// <summary>For dG·W; null without x.</summary>
    public TransposedMatrix? Input { get; }

    /// <summary>For dG·R, less a candidate's block; null where h is not multiplied.</summary>
    public TransposedMatrix? Recurrent { get; }

    /// <summary>For the product with R of a candidate, or with W_p; null without.</summary>
    public TransposedMatrix? Second { get; }

    /// <summary>Peephole weights by vectors of units, or null.</summary>
    public PackedMatrix? Peepholes { get; }

    /// <summary>Packs the weights of the same shape into the same memory. Allocates nothing; no pass may be in progress.</summary>
    public void Load(LayerWeights weights)
    {
        Input?.Load(weights.InputWeights);
        Recurrent?.Load(weights.RecurrentWeights);
        Second?.Load(Layout.HasCandidate ? LastBlock(weights) : weights.Projection);
        Peepholes?.Load(weights.Peepholes);
    }

    /// <summary>Packs weights in the order of gradients, likewise.</summary>
    public void Load(ParameterBuffer parameters)
    {
        if (Input is not null)
            parameters.Factors(0).TransposeTo(Input, Layout.InputColumns);
        if (Recurrent is not null)
            parameters.Factors(parameters.HiddenStart).TransposeTo(Recurrent, Layout.RecurrentColumns);
        if (Layout.HasCandidate)
            parameters.Factors(parameters.OperandStart).TransposeTo(Second!, s_candidateColumns);
        else if (Second is not null)
            parameters.ProjectionFactors().TransposeTo(Second, _projection!.InputColumns);
        if (Peepholes is not null)
            parameters.PeepholeFactors().PackTo(Peepholes, _units, s_peepholeColumns);
    }

    private static ReadOnlySpan<float> LastBlock(LayerWeights weights) => weights.RecurrentWeights[^(weights.Shape.HiddenSize * weights.Shape.OutputSize)..];

    private static TransposedMatrix Pack(string what, ReadOnlySpan<float> source, int width, TapeLayout layout, int[] columns) =>
        new(what, source, width, layout, columns, L.Count);
}
