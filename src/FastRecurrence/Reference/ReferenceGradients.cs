namespace FastRecurrence.Reference;

/// <summary>
/// Every gradient of a loss L, in double, laid out as the numbers they belong to. Those of weights are sums over all rows
/// and steps that are no padding.
/// </summary>
internal sealed class ReferenceGradients(LayerShape shape, int sequenceLength, int batchSize)
{
    /// <summary>dx, <c>[T, N, I]</c>; 0 in the padding.</summary>
    public double[] Input { get; } = new double[sequenceLength * batchSize * shape.InputSize];

    /// <summary>dW, <c>[G·H, I]</c>. The f block is 0 where f = 1 − i.</summary>
    public double[] InputWeights { get; } = new double[shape.InputWeightCount];

    /// <summary>dR, <c>[G·H, P]</c>. The f block is 0 where f = 1 − i.</summary>
    public double[] RecurrentWeights { get; } = new double[shape.RecurrentWeightCount];

    /// <summary>db, <c>[G·H]</c>; <c>[4·H]</c> (r, z, n of the input, n of the recurrence) for a GRU that is linear before its reset.</summary>
    public double[] Bias { get; } = new double[shape.BiasCount];

    /// <summary>Of the peephole weights, <c>[3·H]</c> in the order i, f, o; empty without.</summary>
    public double[] Peepholes { get; } = new double[shape.PeepholeCount];

    /// <summary>dW_p, <c>[P, H]</c>; empty without.</summary>
    public double[] Projection { get; } = new double[shape.ProjectionCount];

    /// <summary>dh0, <c>[N, P]</c>.</summary>
    public double[] InitialHidden { get; } = new double[batchSize * shape.OutputSize];

    /// <summary>dc0, <c>[N, H]</c>; zeros for a cell without c.</summary>
    public double[] InitialCell { get; } = new double[batchSize * shape.HiddenSize];

    /// <summary>
    /// ∂L/∂h of every step, <c>[T, N, P]</c>, by all ways: dy of the step itself and what later steps make of h. 0 in the padding.
    /// </summary>
    public double[] Hidden { get; } = new double[sequenceLength * batchSize * shape.OutputSize];

    /// <summary>
    /// ‖∂L/∂h‖₂ over the batch, <c>[T + 1]</c>, by steps of the run: [0] is that of h0, [s] that of h after s steps. A row
    /// with fewer than s steps adds nothing to [s].
    /// </summary>
    public double[] StateNorms { get; } = new double[sequenceLength + 1];
}
