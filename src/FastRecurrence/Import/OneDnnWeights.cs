using System.Globalization;

namespace FastRecurrence.Import;

/// <summary>
/// oneDNN's weights of one layer and direction in plain memory: weights_layer and weights_iter in <c>igo</c> (of ldigo)
/// <c>[I, G, H]</c>, bias in <c>go</c>, peepholes i, f, o, projection in <c>io</c> <c>[H, P]</c>. LSTM gates i, f, c̃, o;
/// GRU u (our z), r, o. A GRU that is linear before its reset (<c>lbr_gru</c>) has four bias blocks, u, r, o and the
/// candidate's recurrent one.
/// </summary>
public static class OneDnnWeights
{
    /// <summary>Imports one layer and direction.</summary>
    /// <exception cref="ArgumentException">A length does not fit; the message has both numbers.</exception>
    /// <exception cref="NotSupportedException">oneDNN has no such cell.</exception>
    public static LayerWeights Import(
        LayerShape shape, ReadOnlySpan<float> weightsLayer, ReadOnlySpan<float> weightsIteration, ReadOnlySpan<float> bias,
        ReadOnlySpan<float> peepholes = default, ReadOnlySpan<float> projection = default)
    {
        ArgumentNullException.ThrowIfNull(shape);
        Unsupported.Variations(shape, "oneDNN", peepholes: true, projection: true);
        int length = shape.GateCount * shape.HiddenSize;
        if (bias.Length != shape.BiasCount)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"the bias has {bias.Length} values, but {shape} needs {shape.BiasCount} in oneDNN."), nameof(bias));
        }

        if (projection.Length != shape.ProjectionCount)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"the projection has {projection.Length} values, but {shape} needs {shape.ProjectionCount}."), nameof(projection));
        }

        ReadOnlySpan<float> recurrent = default;
        if (shape.LinearBeforeReset)
        {
            var candidate = new float[length];
            bias[length..].CopyTo(candidate.AsSpan(2 * shape.HiddenSize));
            recurrent = candidate;
        }

        return WeightOrder.OneDnn.Import(shape, weightsLayer, weightsIteration, bias[..length], recurrent, peepholes,
            GateBlocks.Transpose(projection, shape.HiddenSize, shape.ProjectionSize)).ToWeights();
    }

    /// <summary>Exports one layer and direction; peepholes and projection are empty without.</summary>
    /// <exception cref="NotSupportedException">oneDNN has no such cell.</exception>
    public static (float[] WeightsLayer, float[] WeightsIteration, float[] Bias, float[] Peepholes, float[] Projection) Export(LayerWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        LayerShape shape = weights.Shape;
        Unsupported.Variations(shape, "oneDNN", peepholes: true, projection: true);
        (float[] bias, float[] recurrent) = WeightOrder.OneDnn.ExportBias(weights);
        return (WeightOrder.OneDnn.Export(shape, weights.InputWeights, shape.InputSize),
            WeightOrder.OneDnn.Export(shape, weights.RecurrentWeights, shape.OutputSize),
            shape.LinearBeforeReset ? [.. bias, .. recurrent.AsSpan(2 * shape.HiddenSize)] : bias,
            weights.Peepholes.ToArray(), GateBlocks.Transpose(weights.Projection, shape.ProjectionSize, shape.HiddenSize));
    }
}
