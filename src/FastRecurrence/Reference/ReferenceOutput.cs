namespace FastRecurrence.Reference;

/// <summary>The output layer and the bidirectional layer in double, beside their equations.</summary>
public static class ReferenceOutput
{
    /// <summary><c>y = f(W_y h + b_y)</c> for every row.</summary>
    /// <param name="hidden">h, <c>[rows, H]</c>.</param>
    /// <param name="weights">W_y, <c>[O, H]</c>.</param>
    /// <param name="bias">b_y, <c>[O]</c>.</param>
    /// <param name="activation">f.</param>
    /// <returns>y, <c>[rows, O]</c>.</returns>
    public static double[] Apply(double[] hidden, double[] weights, double[] bias, ActivationFunction activation)
    {
        ArgumentNullException.ThrowIfNull(hidden);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(bias);
        int O = bias.Length, H = O == 0 ? 0 : weights.Length / O;
        Extents.Require(nameof(weights), weights.Length, "O×H", O, H);
        int rows = H == 0 ? 0 : hidden.Length / H;
        Extents.Require(nameof(hidden), hidden.Length, "rows×H", rows, H);
        var y = new double[rows * O];
        for (int n = 0; n < rows; n++)
        {
            for (int i = 0; i < O; i++)
            {
                double sum = bias[i];
                for (int k = 0; k < H; k++)
                    sum += weights[i * H + k] * hidden[n * H + k];
                y[n * O + i] = ReferenceActivation.Apply(activation, sum);
            }
        }

        return y;
    }

    /// <summary>Two layers over the same input, one in each direction; outputs side by side, <c>[T, N, 2H]</c>: forward first.</summary>
    public static double[] Bidirectional(ReferenceLayer forward, ReferenceLayer reverse, double[] input, int sequenceLength, int batchSize)
    {
        ArgumentNullException.ThrowIfNull(forward);
        ArgumentNullException.ThrowIfNull(reverse);
        int H = forward.Shape.OutputSize, H2 = reverse.Shape.OutputSize, rows = sequenceLength * batchSize;
        double[] left = forward.Run(input, sequenceLength, batchSize).Output;
        double[] right = reverse.Run(input, sequenceLength, batchSize, direction: Direction.Reverse).Output;
        var both = new double[rows * (H + H2)];
        for (int row = 0; row < rows; row++)
        {
            Array.Copy(left, row * H, both, row * (H + H2), H);
            Array.Copy(right, row * H2, both, row * (H + H2) + H, H2);
        }

        return both;
    }
}
