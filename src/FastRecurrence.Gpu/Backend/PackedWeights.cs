namespace FastRecurrence.Gpu;

/// <summary>
/// Weights in the kernels' order: <c>[k][column4][4]</c>. A float4 column is the gates of one unit (LSTM, GRU) or four units (Elman), so
/// that a thread gets it in one 16-byte load and neighbouring threads read neighbouring memory. Units beyond H are zero.
/// </summary>
internal static class PackedWeights
{
    /// <summary>Columns of a float4 column.</summary>
    public const int Lanes = 4;

    /// <summary>Where the gates r, z, n of W and b go, and, linear before the reset, the candidate's recurrent bias.</summary>
    private static readonly int[] s_gru = [0, 1, 2, 3];

    /// <summary>Where those of R go: the candidate's recurrent part has a sum of its own.</summary>
    private static readonly int[] s_gruRecurrent = [0, 1, 3];

    /// <summary>R of r and z alone.</summary>
    private static readonly int[] s_gruGates = [0, 1, None];

    /// <summary>R of the candidate alone, for a GRU that resets before the product.</summary>
    private static readonly int[] s_gruCandidate = [None, None, 2];

    private static readonly int[] s_lstm = [0, 1, 2, 3];

    private const int None = -1;

    /// <summary>Columns in fours of a layer.</summary>
    public static int Columns4(LayerShape shape) => shape.Cell == CellKind.Elman ? Columns4(shape.HiddenSize) : shape.HiddenSize;

    /// <summary>Columns in fours of so many columns without gates.</summary>
    public static int Columns4(int columns) => (columns + Lanes - 1) / Lanes;

    /// <summary>W <c>[G·H, I]</c> to <c>[I, columns4, 4]</c>.</summary>
    public static float[] Input(LayerShape shape, ReadOnlySpan<float> matrix) => shape.Cell == CellKind.Elman
        ? Columns(matrix, shape.HiddenSize, shape.InputSize)
        : Gates(matrix, shape.Cell == CellKind.Gru ? s_gru.AsSpan(0, 3) : s_lstm, shape.HiddenSize, shape.InputSize);

    /// <summary>b to <c>[columns4, 4]</c>.</summary>
    public static float[] Bias(LayerWeights weights) => weights.Shape.Cell == CellKind.Elman
        ? Columns(weights.Bias, weights.Shape.HiddenSize, 1)
        : Gates(weights.Bias, weights.Shape.Cell == CellKind.Gru ? s_gru.AsSpan(0, weights.Bias.Length / weights.Shape.HiddenSize) : s_lstm,
            weights.Shape.HiddenSize, 1);

    /// <summary>
    /// R <c>[G·H, P]</c> to <c>[P, columns4, 4]</c>; without the candidate for a GRU that resets before the product. In a format
    /// that has several k's in a word, <paramref name="depth"/> is the words of a row.
    /// </summary>
    public static float[] Recurrent(LayerShape shape, ReadOnlySpan<float> matrix, int depth) => shape.Cell switch
    {
        CellKind.Elman => Columns(matrix, shape.HiddenSize, depth),
        CellKind.Gru => Gates(matrix, shape.LinearBeforeReset ? s_gruRecurrent : s_gruGates, shape.HiddenSize, depth),
        _ => Gates(matrix, s_lstm, shape.HiddenSize, depth),
    };

    /// <summary>What <see cref="Recurrent"/> leaves out of a GRU that resets before the product.</summary>
    public static float[] Candidate(LayerWeights weights) =>
        Gates(weights.RecurrentWeights, s_gruCandidate, weights.Shape.HiddenSize, weights.Shape.HiddenSize);

    /// <summary>W_p <c>[P, H]</c> to <c>[H, columns4, 4]</c>.</summary>
    public static float[] Projection(LayerWeights weights) =>
        Columns(weights.Projection, weights.Shape.ProjectionSize, weights.Shape.HiddenSize);

    /// <summary>Gate blocks of <c>[H, K]</c>, each to its lane of its unit's float4 column.</summary>
    private static float[] Gates(ReadOnlySpan<float> matrix, ReadOnlySpan<int> laneOfGate, int hiddenSize, int depth)
    {
        var packed = new float[checked(depth * hiddenSize * Lanes)];
        for (int gate = 0; gate < laneOfGate.Length; gate++)
        {
            for (int unit = 0; unit < hiddenSize && laneOfGate[gate] != None; unit++)
                Spread(matrix.Slice((gate * hiddenSize + unit) * depth, depth), packed, unit * Lanes + laneOfGate[gate], hiddenSize * Lanes);
        }

        return packed;
    }

    /// <summary>Rows <c>[columns, K]</c>, four to a float4 column.</summary>
    private static float[] Columns(ReadOnlySpan<float> matrix, int columns, int depth)
    {
        int stride = Columns4(columns) * Lanes;
        var packed = new float[checked(depth * stride)];
        for (int column = 0; column < columns; column++)
            Spread(matrix.Slice(column * depth, depth), packed, column, stride);
        return packed;
    }

    private static void Spread(ReadOnlySpan<float> row, float[] packed, int column, int stride)
    {
        for (int k = 0; k < row.Length; k++)
            packed[k * stride + column] = row[k];
    }
}
