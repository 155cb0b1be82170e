using System.Globalization;
using FastRecurrence.Cells;

namespace FastRecurrence.Import;

/// <summary>
/// The arrays of Keras' LSTM, GRU and SimpleRNN layers, as <c>layer.get_weights()</c> gives them, to this library and back. The arrays
/// of Keras 2's CuDNNLSTM and CuDNNGRU have another order although their lengths may be the same: <see cref="ImportCudnn"/> reads them.
/// Kernel <c>[I, G·H]</c>, recurrent kernel <c>[H, G·H]</c>, gates i, f, c, o or z, r, h, all row-major. What
/// <c>unit_forget_bias</c> adds is already in the stored bias. <c>stateful</c> is not in the weights: keep a
/// <see cref="LayerState"/> from batch to batch.
/// </summary>
public static class KerasWeights
{
    /// <summary>Keras 2's <c>hard_sigmoid</c>, <c>clip(0.2x + 0.5)</c>: the recurrent default of layers from the TensorFlow 1 era.</summary>
    public static ActivationFunction HardSigmoid2 => new(Activation.HardSigmoid, 0.2f, 0.5f);

    /// <summary>Keras 3's <c>hard_sigmoid</c>, <c>clip(x/6 + 0.5)</c>.</summary>
    public static ActivationFunction HardSigmoid3 => new(Activation.HardSigmoid, 1f / 6, 0.5f);

    /// <summary>Imports a layer: LSTM, GRU or SimpleRNN, but not CuDNNLSTM or CuDNNGRU (<see cref="ImportCudnn"/>).</summary>
    /// <param name="shape">
    /// The layer. A GRU with <c>reset_after=True</c> (the default since TensorFlow 2) is linear before its reset; its bias is
    /// <c>[2, 3·H]</c> and tells, but without a bias only Keras' configuration does.
    /// </param>
    /// <param name="kernel"><c>[I, G·H]</c>.</param>
    /// <param name="recurrentKernel"><c>[H, G·H]</c>.</param>
    /// <param name="bias"><c>[G·H]</c>; <c>[2, 3·H]</c> for a GRU with <c>reset_after</c>, input row first; empty without bias.</param>
    /// <exception cref="ArgumentException">A length does not fit; the message has both numbers.</exception>
    public static LayerWeights Import(LayerShape shape, ReadOnlySpan<float> kernel, ReadOnlySpan<float> recurrentKernel, ReadOnlySpan<float> bias = default) =>
        Read(shape, kernel, recurrentKernel, bias).ToWeights();

    /// <summary>
    /// Imports a CuDNNLSTM or CuDNNGRU of Keras 2. Its arrays have the sizes of the plain layer's, but the block of a gate in the
    /// kernel holds a matrix <c>[H, I]</c> row by row, the recurrent block is transposed, and there are always two biases.
    /// </summary>
    /// <param name="shape">An LSTM, or a GRU that is linear before its reset, with the standard activations.</param>
    /// <param name="kernel"><c>[I, G·H]</c> as <c>layer.get_weights()</c> gives it.</param>
    /// <param name="recurrentKernel"><c>[H, G·H]</c>.</param>
    /// <param name="bias"><c>[2·G·H]</c>, the input's bias first; empty for none.</param>
    /// <exception cref="ArgumentException">A length does not fit; the message has both numbers.</exception>
    /// <exception cref="NotSupportedException">Keras 2 has no such layer.</exception>
    public static LayerWeights ImportCudnn(LayerShape shape, ReadOnlySpan<float> kernel, ReadOnlySpan<float> recurrentKernel, ReadOnlySpan<float> bias)
    {
        ArgumentNullException.ThrowIfNull(shape);
        Unsupported.Variations(shape, "CuDNNLSTM and CuDNNGRU");
        if (!(shape.HasCellState || shape.LinearBeforeReset))
            throw new NotSupportedException($"{shape}: Keras 2 has CuDNNLSTM, and CuDNNGRU, which is linear before its reset (linearBeforeReset: true).");
        int I = shape.InputSize, H = shape.HiddenSize, columns = shape.GateCount * H;
        Extents.Require(nameof(kernel), kernel.Length, "I×G·H", I, columns);
        Extents.Require(nameof(recurrentKernel), recurrentKernel.Length, "H×G·H", H, columns);
        if (bias.Length != 0)
            Extents.Require(nameof(bias), bias.Length, "2×G·H", 2, columns);
        float[] w = new float[kernel.Length], r = new float[recurrentKernel.Length];
        for (int gate = 0; gate < shape.GateCount; gate++)
        {
            for (int row = 0; row < I; row++)
                kernel.Slice(row * columns + gate * H, H).CopyTo(w.AsSpan((gate * I + row) * H));
            for (int row = 0; row < H; row++)
                recurrentKernel.Slice(row * columns + gate * H, H).CopyTo(r.AsSpan((gate * H + row) * H));
        }

        ReadOnlySpan<float> input = bias[..(bias.Length / 2)], recurrent = bias[(bias.Length / 2)..];
        return (WeightOrder.Keras with { Transposed = false }).Import<float>(shape, w, r, input, recurrent).ToWeights();
    }

    /// <summary>Exports a layer: kernel, recurrent kernel and bias as <c>layer.set_weights()</c> takes them.</summary>
    /// <exception cref="NotSupportedException">Keras has no such cell: peepholes, projection, clip or coupled gates.</exception>
    public static (float[] Kernel, float[] RecurrentKernel, float[] Bias) Export(LayerWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        LayerShape shape = weights.Shape;
        Unsupported.Variations(shape, "Keras");
        (float[] input, float[] recurrent) = WeightOrder.Keras.ExportBias(weights);
        return (WeightOrder.Keras.Export(shape, weights.InputWeights, shape.InputSize),
            WeightOrder.Keras.Export(shape, weights.RecurrentWeights, shape.HiddenSize),
            shape.LinearBeforeReset ? [.. input, .. recurrent] : input);
    }

    internal static LayerData<T> Read<T>(LayerShape shape, ReadOnlySpan<T> kernel, ReadOnlySpan<T> recurrentKernel, ReadOnlySpan<T> bias)
        where T : struct, System.Numerics.IFloatingPointIeee754<T>
    {
        ArgumentNullException.ThrowIfNull(shape);
        Unsupported.Variations(shape, "Keras");
        int length = shape.GateCount * shape.HiddenSize, expected = shape.LinearBeforeReset ? 2 * length : length;
        if (bias.Length != 0 && bias.Length != expected)
        {
            string hint = shape.HasCellState && bias.Length == 2 * length ? " Two biases are those of CuDNNLSTM: use ImportCudnn."
                : shape.Definition != Gru.Definition ? ""
                : bias.Length == 2 * length ? " It is the bias of reset_after=True: make the shape with linearBeforeReset: true."
                : bias.Length == length ? " It is the bias of reset_after=False: make the shape with linearBeforeReset: false." : "";
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"the Keras bias has {bias.Length} values, but {shape} needs {expected}, or none.{hint}"), nameof(bias));
        }

        bool two = shape.LinearBeforeReset && bias.Length != 0;
        return WeightOrder.Keras.Import(shape, kernel, recurrentKernel, two ? bias[..length] : bias, two ? bias[length..] : default);
    }
}
