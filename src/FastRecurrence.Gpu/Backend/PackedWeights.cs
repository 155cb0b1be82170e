using FastRecurrence.Gpu.Kernels;

namespace FastRecurrence.Gpu;

/// <summary>
/// Weights in the kernels' order: <c>[k][column4][4]</c>. A float4 column is the gates of one unit (LSTM, GRU) or four units (Elman), so
/// that a thread gets it in one 16-byte load and neighbouring threads read neighbouring memory. Units beyond H are zero.
/// </summary>
internal static class PackedWeights
{
    /// <summary>Columns of a float4 column.</summary>
    public const int Lanes = 4;

    /// <summary>Float4 columns of a layer.</summary>
    public static int Columns4(LayerShape shape) => DeviceCell.Of(shape).Units > 1 ? Columns4(shape.HiddenSize) : shape.HiddenSize;

    /// <summary>Columns in fours of so many columns without gates.</summary>
    public static int Columns4(int columns) => (columns + Lanes - 1) / Lanes;

    /// <summary>W <c>[G·H, I]</c> to <c>[I, columns4, 4]</c>.</summary>
    public static float[] Input(LayerShape shape, ReadOnlySpan<float> matrix) => Blocks(shape, matrix, shape.Describe().InputColumns, shape.InputSize);

    /// <summary>b to <c>[columns4, 4]</c>.</summary>
    public static float[] Bias(LayerWeights weights) => Blocks(weights.Shape, weights.Bias, weights.Shape.Describe().BiasColumns, 1);

    /// <summary>
    /// R <c>[blocks·H, P]</c> to <c>[P, columns4, 4]</c>, without the block that waits for a second product. In a format that has several k's in a word,
    /// <paramref name="depth"/> is the words of a row.
    /// </summary>
    public static float[] Recurrent(LayerShape shape, ReadOnlySpan<float> matrix, int depth) => Blocks(shape, matrix, shape.Describe().RecurrentColumns, depth);

    /// <summary>The block of R that <see cref="Recurrent"/> leaves out, to the column that it adds to: Z.</summary>
    public static float[] Candidate(LayerWeights weights)
    {
        int H = weights.Shape.HiddenSize, block = H * H;
        return Gates(weights.RecurrentWeights.Slice((weights.Shape.Describe().RecurrentBlocks - 1) * block, block), [2], H, H);
    }

    /// <summary>W_p <c>[P, H]</c> to <c>[H, columns4, 4]</c>.</summary>
    public static float[] Projection(LayerWeights weights) =>
        Columns(weights.Projection, weights.Shape.ProjectionSize, weights.Shape.HiddenSize);

    /// <summary>Blocks of <c>[H, K]</c>, each to its column of every unit; of a cell with several units in a float4 column, the one block.</summary>
    private static float[] Blocks(LayerShape shape, ReadOnlySpan<float> matrix, IReadOnlyList<int> columns, int depth) => DeviceCell.Of(shape).Units > 1
        ? Columns(matrix, shape.HiddenSize, depth)
        : Gates(matrix, columns, shape.HiddenSize, depth);

    private static float[] Gates(ReadOnlySpan<float> matrix, IReadOnlyList<int> columns, int hiddenSize, int depth)
    {
        var packed = new float[checked(depth * hiddenSize * Lanes)];
        for (int block = 0; block < columns.Count; block++)
        {
            for (int unit = 0; unit < hiddenSize; unit++)
                Spread(matrix.Slice((block * hiddenSize + unit) * depth, depth), packed, unit * Lanes + columns[block], hiddenSize * Lanes);
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
