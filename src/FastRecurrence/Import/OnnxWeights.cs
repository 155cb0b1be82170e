using System.Globalization;

namespace FastRecurrence.Import;

/// <summary>
/// The inputs W, R, B and P of ONNX' LSTM, GRU and RNN operators, in both directions: W <c>[D, G·H, I]</c>, R <c>[D, G·H, H]</c>,
/// B <c>[D, 2·G·H]</c> = Wb ‖ Rb, P <c>[D, 3·H]</c> in the order i, o, f; gates i, o, f, c or z, r, h. To read whole files,
/// see the package FastRecurrence.Onnx.
/// </summary>
public static class OnnxWeights
{
    private static ReadOnlySpan<int> Peepholes => [0, 2, 1];

    /// <summary>Imports one direction.</summary>
    /// <param name="shape">The layer; note that ONNX' <c>linear_before_reset</c> is 0 by default.</param>
    /// <param name="inputWeights">W of this direction, <c>[G·H, I]</c>.</param>
    /// <param name="recurrentWeights">R of this direction, <c>[G·H, H]</c>.</param>
    /// <param name="bias">B of this direction, <c>[2·G·H]</c> (Wb ‖ Rb), or empty.</param>
    /// <param name="peepholes">P of this direction, <c>[3·H]</c> in the order i, o, f, or empty.</param>
    /// <exception cref="ArgumentException">A length does not fit; the message has both numbers. A bias of half size is refused, never guessed.</exception>
    public static LayerWeights Import(
        LayerShape shape, ReadOnlySpan<float> inputWeights, ReadOnlySpan<float> recurrentWeights,
        ReadOnlySpan<float> bias = default, ReadOnlySpan<float> peepholes = default) =>
        Read(shape, inputWeights, recurrentWeights, bias, peepholes).ToWeights();

    /// <summary>Exports one direction: W, R, B and P; P is empty without peepholes.</summary>
    /// <exception cref="NotSupportedException">ONNX has no projection.</exception>
    public static (float[] InputWeights, float[] RecurrentWeights, float[] Bias, float[] Peepholes) Export(LayerWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        LayerShape shape = weights.Shape;
        Unsupported.Variations(shape, "ONNX", peepholes: true, clip: true, coupled: true);
        (float[] input, float[] recurrent) = WeightOrder.Onnx.ExportBias(weights);
        return (WeightOrder.Onnx.Export(shape, weights.InputWeights, shape.InputSize),
            WeightOrder.Onnx.Export(shape, weights.RecurrentWeights, shape.HiddenSize),
            [.. input, .. recurrent], shape.Peepholes ? GateBlocks.Permute(weights.Peepholes, Peepholes) : []);
    }

    internal static LayerData<T> Read<T>(
        LayerShape shape, ReadOnlySpan<T> inputWeights, ReadOnlySpan<T> recurrentWeights, ReadOnlySpan<T> bias, ReadOnlySpan<T> peepholes)
        where T : struct, System.Numerics.IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(shape);
        int length = shape.GateCount * shape.HiddenSize;
        if (bias.Length != 0 && bias.Length != 2 * length)
        {
            string hint = bias.Length == length ? " It is half: ONNX wants both biases, Wb ‖ Rb, even where one is zero." : "";
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"B has {bias.Length} values, but {shape} needs {2 * length} (Wb ‖ Rb), or none.{hint}"), nameof(bias));
        }

        if (peepholes.Length != shape.PeepholeCount)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"P has {peepholes.Length} values, but {shape} needs {shape.PeepholeCount} (3 × H)."), nameof(peepholes));
        }

        bool any = bias.Length != 0;
        return WeightOrder.Onnx.Import(shape, inputWeights, recurrentWeights, any ? bias[..length] : default, any ? bias[length..] : default,
            shape.Peepholes ? GateBlocks.Permute(peepholes, Peepholes) : default);
    }
}
