using System.Globalization;

namespace FastRecurrence.Import;

/// <summary>
/// cuDNN's matrices and biases by their linear-layer id, as <c>cudnnGetRNNWeightParams</c> hands them out for one pseudo
/// layer: ids 0 … G−1 belong to x, G … 2G−1 to h; LSTM i, f, c', o and id 8 the projection; GRU r, i (our z), h'. A GRU is
/// always linear before its reset.
/// </summary>
public static class CudnnWeights
{
    /// <summary>Imports one pseudo layer.</summary>
    /// <param name="shape">The layer: Elman (tanh or ReLU), LSTM (projection allowed) or a GRU that is linear before its reset.</param>
    /// <param name="matrices">By id: <c>[H, I]</c> for x, <c>[H, H]</c> (<c>[H, P]</c>) for h; with a projection the last is <c>[P, H]</c>.</param>
    /// <param name="biases">By id, each <c>[H]</c>: 2·G of them (two-bias mode; an empty one counts as zero), or none.</param>
    /// <exception cref="ArgumentException">A count or a length does not fit; the message has both numbers.</exception>
    /// <exception cref="NotSupportedException">cuDNN has no such cell.</exception>
    public static LayerWeights Import(LayerShape shape, IReadOnlyList<float[]> matrices, IReadOnlyList<float[]> biases)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentNullException.ThrowIfNull(matrices);
        ArgumentNullException.ThrowIfNull(biases);
        Require(shape);
        int G = shape.GateCount, H = shape.HiddenSize, expected = 2 * G + (shape.ProjectionSize != 0 ? 1 : 0);
        if (matrices.Count != expected)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{matrices.Count} matrices, but {shape} has {expected} in cuDNN."), nameof(matrices));
        if (biases.Count != 0 && biases.Count != 2 * G)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{biases.Count} biases, but {shape} has {2 * G} in cuDNN, or none."), nameof(biases));
        var none = new float[H];
        float[][] full = [.. biases.Select(b => b.Length == 0 ? none : b)];
        return WeightOrder.Cudnn.Import<float>(shape, Join(matrices, 0, G), Join(matrices, G, G), Join(full, 0, full.Length / 2), Join(full, full.Length / 2, full.Length / 2),
            projection: shape.ProjectionSize == 0 ? default : matrices[2 * G]).ToWeights();
    }

    /// <summary>Exports one pseudo layer in two-bias mode: matrices and biases by id.</summary>
    /// <exception cref="NotSupportedException">cuDNN has no such cell.</exception>
    public static (float[][] Matrices, float[][] Biases) Export(LayerWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        LayerShape shape = weights.Shape;
        Require(shape);
        int H = shape.HiddenSize;
        (float[] input, float[] recurrent) = WeightOrder.Cudnn.ExportBias(weights);
        IEnumerable<float[]> matrices = weights.InputWeights.ToArray().Chunk(Math.Max(1, H * shape.InputSize)).Concat(weights.RecurrentWeights.ToArray().Chunk(H * shape.OutputSize));
        if (shape.InputSize == 0)
            matrices = Enumerable.Repeat(Array.Empty<float>(), shape.GateCount).Concat(matrices);
        if (shape.ProjectionSize != 0)
            matrices = matrices.Append(weights.Projection.ToArray());
        return ([.. matrices], [.. input.Chunk(H), .. recurrent.Chunk(H)]);
    }

    private static void Require(LayerShape shape)
    {
        Unsupported.Variations(shape, "cuDNN", projection: true);
        if (shape is { Cell: CellKind.Gru, LinearBeforeReset: false })
            throw new NotSupportedException("cuDNN's GRU is always linear before its reset; this layer resets before the product.");
    }

    private static float[] Join(IReadOnlyList<float[]> parts, int first, int count) => [.. parts.Skip(first).Take(count).SelectMany(part => part)];
}
