using System.Globalization;
using FastRecurrence.Cells;

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
            throw Wrong($"{matrices.Count} matrices, but {shape} has {expected} in cuDNN.", nameof(matrices));
        if (biases.Count != 0 && biases.Count != 2 * G)
            throw Wrong($"{biases.Count} biases, but {shape} has {2 * G} in cuDNN, or none.", nameof(biases));
        var none = new float[H];
        float[][] full = [.. biases.Select(b => b.Length == 0 ? none : b)];
        int half = full.Length / 2;
        return WeightOrder.Cudnn.Import<float>(shape, Join(matrices, 0, G), Join(matrices, G, G), Join(full, 0, half), Join(full, half, half),
            projection: shape.ProjectionSize == 0 ? default : matrices[2 * G]).ToWeights();
    }

    /// <summary>
    /// Imports the flat buffer of a whole network, as <c>cudnnGetRNNWeightSpace</c>, TensorFlow's <c>CudnnLSTM</c> and PyTorch's flattened
    /// weights have it: the matrices of all layers first, then all biases. Within each, layer by layer, forward before reverse,
    /// and by linear-layer id.
    /// </summary>
    /// <param name="shape">The first layer, without projection; the others have the same cell and H, and the width of the layer before as I.</param>
    /// <param name="buffer">All numbers in float32, without gaps.</param>
    /// <param name="layerCount">How many layers there are.</param>
    /// <param name="bidirectional">Whether each layer has two directions.</param>
    /// <param name="hasBias">Whether there are biases, two for each gate (cuDNN's double-bias mode); without, the buffer ends after the matrices.</param>
    /// <exception cref="ArgumentException">The buffer's length does not fit; the message has both numbers.</exception>
    /// <exception cref="NotSupportedException">cuDNN has no such cell, or it has a projection.</exception>
    public static IReadOnlyList<StackLayer> ImportFlat(
        LayerShape shape, ReadOnlySpan<float> buffer, int layerCount = 1, bool bidirectional = false, bool hasBias = true)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentOutOfRangeException.ThrowIfLessThan(layerCount, 1);
        Require(shape);
        if (shape.ProjectionSize != 0)
            throw new NotSupportedException("the flat order of a layer with a projection is not defined by cuDNN; import it by linear-layer id.");
        int G = shape.GateCount, H = shape.HiddenSize, D = bidirectional ? 2 : 1;
        LayerShape Shape(int layer) => layer == 0 ? shape : WithInput(shape, D * H);
        long matrices = 0;
        for (int layer = 0; layer < layerCount; layer++)
            matrices += (long)D * G * H * (Shape(layer).InputSize + H);
        long expected = matrices + (hasBias ? (long)layerCount * D * 2 * G * H : 0);
        if (buffer.Length != expected)
        {
            string biases = hasBias ? "" : ", without biases";
            throw Wrong($"the buffer has {buffer.Length} values, but {layerCount} x {D} of {shape} has {expected} in cuDNN{biases}.", nameof(buffer));
        }

        var layers = new StackLayer[layerCount];
        ReadOnlySpan<float> weights = buffer[..(int)matrices], bias = buffer[(int)matrices..];
        for (int layer = 0; layer < layerCount; layer++)
        {
            LayerWeights forward = Next(Shape(layer), ref weights, ref bias);
            layers[layer] = bidirectional ? StackLayer.Bidirectional(forward, Next(Shape(layer), ref weights, ref bias)) : StackLayer.Unidirectional(forward);
        }

        return layers;
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
        IEnumerable<float[]> matrices = weights.InputWeights.ToArray().Chunk(Math.Max(1, H * shape.InputSize))
            .Concat(weights.RecurrentWeights.ToArray().Chunk(H * shape.OutputSize));
        if (shape.InputSize == 0)
            matrices = Enumerable.Repeat(Array.Empty<float>(), shape.GateCount).Concat(matrices);
        if (shape.ProjectionSize != 0)
            matrices = matrices.Append(weights.Projection.ToArray());
        return ([.. matrices], [.. input.Chunk(H), .. recurrent.Chunk(H)]);
    }

    private static void Require(LayerShape shape)
    {
        Unsupported.Variations(shape, "cuDNN", projection: true);
        if (shape.Definition == Gru.Definition && !shape.LinearBeforeReset)
            throw new NotSupportedException("cuDNN's GRU is always linear before its reset; this layer resets before the product.");
    }

    private static LayerShape WithInput(LayerShape shape, int inputSize)
    {
        int H = shape.HiddenSize;
        LayerShape other = shape.HasCellState ? LayerShape.Lstm(inputSize, H)
            : shape.GateCount == 3 ? LayerShape.Gru(inputSize, H) : LayerShape.Elman(inputSize, H);
        return other with { GateActivation = shape.GateActivation, CandidateActivation = shape.CandidateActivation, CellActivation = shape.CellActivation };
    }

    // The ids of one pseudo layer stand one after the other, as the blocks of W and R do.
    private static LayerWeights Next(LayerShape shape, ref ReadOnlySpan<float> weights, ref ReadOnlySpan<float> bias)
    {
        int rows = shape.GateCount * shape.HiddenSize, w = rows * shape.InputSize, r = rows * shape.HiddenSize, b = bias.IsEmpty ? 0 : rows;
        LayerData<float> data = WeightOrder.Cudnn.Import(shape, weights[..w], weights.Slice(w, r), bias[..b], bias.Slice(b, b));
        weights = weights[(w + r)..];
        bias = bias[(2 * b)..];
        return data.ToWeights();
    }

    private static ArgumentException Wrong(FormattableString message, string parameter) => new(message.ToString(CultureInfo.InvariantCulture), parameter);

    private static float[] Join(IReadOnlyList<float[]> parts, int first, int count) => [.. parts.Skip(first).Take(count).SelectMany(part => part)];
}
