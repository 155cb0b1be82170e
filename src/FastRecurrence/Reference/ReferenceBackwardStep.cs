namespace FastRecurrence.Reference;

/// <summary>
/// One step of one row on the way back: what the run left, what the loss asks of h and c after the step, and what a
/// <see cref="ReferenceCell"/> makes of it. ′ marks the time before the step: h′ = h_{t−1}.
/// </summary>
internal sealed class ReferenceBackwardStep(ReferenceLayer layer, ReferenceGradients gradients)
{
    private int H => layer.Shape.HiddenSize;

    /// <summary>The layer, for its weights.</summary>
    public ReferenceLayer Layer => layer;

    /// <summary>Where the gradients of weights are summed.</summary>
    public ReferenceGradients Gradients => gradients;

    /// <summary>x_t, <c>[I]</c>.</summary>
    public double[] Input { get; } = new double[layer.Shape.InputSize];

    /// <summary>h_{t−1}, <c>[P]</c>.</summary>
    public double[] PreviousHidden { get; } = new double[layer.Shape.OutputSize];

    /// <summary>c_{t−1}, <c>[H]</c>.</summary>
    public double[] PreviousCell { get; } = new double[layer.Shape.HiddenSize];

    /// <summary>c_t, <c>[H]</c>.</summary>
    public double[] Cell { get; } = new double[layer.Shape.HiddenSize];

    /// <summary>Activated gates, <c>[G, H]</c>.</summary>
    public double[] Gates { get; } = new double[layer.Shape.GateCount * layer.Shape.HiddenSize];

    /// <summary>a, gates before clip and activation, <c>[G, H]</c>.</summary>
    public double[] Preactivations { get; } = new double[layer.Shape.GateCount * layer.Shape.HiddenSize];

    /// <summary>dh = ∂L/∂h_t, <c>[P]</c>: dy_t and what came back from step t + 1.</summary>
    public double[] HiddenGradient { get; } = new double[layer.Shape.OutputSize];

    /// <summary>dc, <c>[H]</c>: what came back from step t + 1; a cell leaves what goes back to c_{t−1}.</summary>
    public double[] CellGradient { get; } = new double[layer.Shape.HiddenSize];

    /// <summary>What goes back to h_{t−1}, <c>[P]</c>; zeros before the cell adds to it.</summary>
    public double[] PreviousHiddenGradient { get; } = new double[layer.Shape.OutputSize];

    /// <summary>dx_t, <c>[I]</c>; zeros before the cell adds to it.</summary>
    public double[] InputGradient { get; } = new double[layer.Shape.InputSize];

    /// <summary>δ = ∂L/∂a, <c>[G, H]</c>: a cell writes all of it.</summary>
    public double[] Delta { get; } = new double[layer.Shape.GateCount * layer.Shape.HiddenSize];

    /// <summary>f′(a) of gate block <paramref name="gate"/>, unit <paramref name="j"/>; 0 where clip held a.</summary>
    public double Slope(ActivationFunction function, int gate, int j)
    {
        double a = Preactivations[gate * H + j];
        return Math.Abs(a) >= layer.Shape.Clip && float.IsFinite(layer.Shape.Clip) ? 0 : ReferenceActivation.Derivative(function, a);
    }

    /// <summary>For a = W x + b of all gates: dW += δ xᵀ   db += δ   dx += Wᵀ δ.</summary>
    public void BackThroughInput()
    {
        int rows = Delta.Length;
        AddOuter(gradients.InputWeights, 0, rows, Delta, 0, Input);
        AddTransposed(layer.InputWeights, 0, rows, Delta, 0, InputGradient);
        for (int row = 0; row < rows; row++)
            gradients.Bias[row] += Delta[row];
    }

    /// <summary>
    /// For a = R v of <paramref name="count"/> gate blocks from <paramref name="gate"/> on: dR += δ vᵀ   dv += Rᵀ δ.
    /// </summary>
    /// <param name="gate">The first gate block.</param>
    /// <param name="count">Gate blocks.</param>
    /// <param name="delta">δ of these blocks alone, <c>[count, H]</c>, or of all.</param>
    /// <param name="at">Where in <paramref name="delta"/> the first block begins.</param>
    /// <param name="vector">v, <c>[P]</c>: h_{t−1}, or r∘h_{t−1}.</param>
    /// <param name="vectorGradient">dv, <c>[P]</c>.</param>
    public void BackThroughRecurrence(int gate, int count, double[] delta, int at, double[] vector, double[] vectorGradient)
    {
        AddOuter(gradients.RecurrentWeights, gate * H, count * H, delta, at, vector);
        AddTransposed(layer.RecurrentWeights, gate * H, count * H, delta, at, vectorGradient);
    }

    /// <summary>sum += δ vᵀ, for rows of a matrix.</summary>
    public static void AddOuter(double[] sum, int firstRow, int rows, double[] delta, int at, double[] vector)
    {
        for (int row = 0; row < rows; row++)
        {
            for (int k = 0; k < vector.Length; k++)
                sum[(firstRow + row) * vector.Length + k] += delta[at + row] * vector[k];
        }
    }

    /// <summary>sum += Mᵀ δ, for rows of a matrix M.</summary>
    public static void AddTransposed(double[] matrix, int firstRow, int rows, double[] delta, int at, double[] sum)
    {
        for (int row = 0; row < rows; row++)
        {
            for (int k = 0; k < sum.Length; k++)
                sum[k] += matrix[(firstRow + row) * sum.Length + k] * delta[at + row];
        }
    }
}
