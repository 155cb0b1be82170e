namespace FastRecurrence.Reference;

/// <summary>One step of one row of a forward run: what is there before it, and where a <see cref="ReferenceCell"/> leaves what comes after.</summary>
internal sealed class ReferenceStep(ReferenceLayer layer)
{
    /// <summary>The layer, for its weights.</summary>
    public ReferenceLayer Layer => layer;

    /// <summary>x_t, <c>[I]</c>.</summary>
    public double[] Input { get; } = new double[layer.Shape.InputSize];

    /// <summary>h_{t−1}, <c>[P]</c>.</summary>
    public double[] Hidden { get; } = new double[layer.Shape.OutputSize];

    /// <summary>c_{t−1}, <c>[H]</c>.</summary>
    public double[] Cell { get; } = new double[layer.Shape.HiddenSize];

    /// <summary>h_t, <c>[P]</c>: a cell writes all of it.</summary>
    public double[] NextHidden { get; } = new double[layer.Shape.OutputSize];

    /// <summary>c_t, <c>[H]</c>.</summary>
    public double[] NextCell { get; } = new double[layer.Shape.HiddenSize];

    /// <summary>Gates before clip and activation, <c>[G, H]</c>: a cell writes all of them.</summary>
    public double[] Preactivations { get; } = new double[layer.Shape.GateCount * layer.Shape.HiddenSize];

    /// <summary>Activated gates, <c>[G, H]</c>: likewise.</summary>
    public double[] Gates { get; } = new double[layer.Shape.GateCount * layer.Shape.HiddenSize];

    /// <summary>b_row + W_row x.</summary>
    public double FromInput(int row) => layer.Bias[row] + Dot(layer.InputWeights, row, Input);

    /// <summary>R_row v.</summary>
    public double FromRecurrence(int row, double[] vector) => Dot(layer.RecurrentWeights, row, vector);

    /// <summary>f(a), a held within ±clip.</summary>
    public double Activate(ActivationFunction function, double a) =>
        ReferenceActivation.Apply(function, double.IsNaN(a) ? a : Math.Clamp(a, -layer.Shape.Clip, layer.Shape.Clip));

    /// <summary>A row of a matrix times a vector, in ascending k.</summary>
    public static double Dot(double[] matrix, int row, double[] vector)
    {
        double sum = 0;
        for (int k = 0; k < vector.Length; k++)
            sum += matrix[row * vector.Length + k] * vector[k];
        return sum;
    }
}
