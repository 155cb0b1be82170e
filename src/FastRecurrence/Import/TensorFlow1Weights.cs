using System.Globalization;
using FastRecurrence.Cells;

namespace FastRecurrence.Import;

/// <summary>
/// The variables of TensorFlow 1's <c>BasicLSTMCell</c> and <c>GRUCell</c>, in both directions: kernels <c>[I+H, blocks·H]</c>,
/// the rows of x above those of h.
/// </summary>
public static class TensorFlow1Weights
{
    /// <summary>Imports a <c>BasicLSTMCell</c>: gates i, j, f, o.</summary>
    /// <param name="inputSize">I.</param>
    /// <param name="hiddenSize">H.</param>
    /// <param name="kernel"><c>[I+H, 4·H]</c>.</param>
    /// <param name="bias"><c>[4·H]</c>.</param>
    /// <param name="forgetBias">What the cell adds to f at run time; it is not stored, so it is added here.</param>
    /// <exception cref="ArgumentException">A length does not fit; the message has both numbers.</exception>
    public static LayerWeights ImportBasicLstm(int inputSize, int hiddenSize, ReadOnlySpan<float> kernel, ReadOnlySpan<float> bias, float forgetBias = 1)
    {
        LayerShape shape = LayerShape.Lstm(inputSize, hiddenSize);
        Require("kernel", kernel.Length, inputSize + hiddenSize, 4 * hiddenSize);
        Require("bias", bias.Length, 1, 4 * hiddenSize);
        float[] shifted = bias.ToArray();
        foreach (ref float f in shifted.AsSpan(2 * hiddenSize, hiddenSize))
            f = (float)((double)f + forgetBias);
        int input = inputSize * 4 * hiddenSize;
        return WeightOrder.TensorFlow1.Import<float>(shape, kernel[..input], kernel[input..], shifted, default).ToWeights();
    }

    /// <summary>Exports a layer as a <c>BasicLSTMCell</c> that will add <paramref name="forgetBias"/> again.</summary>
    /// <exception cref="NotSupportedException">It is no plain LSTM.</exception>
    public static (float[] Kernel, float[] Bias) ExportBasicLstm(LayerWeights weights, float forgetBias = 1)
    {
        ArgumentNullException.ThrowIfNull(weights);
        LayerShape shape = weights.Shape;
        Unsupported.Cell(shape, "BasicLSTMCell", Lstm.Definition);
        Unsupported.Variations(shape, "TensorFlow 1's BasicLSTMCell");
        float[] bias = WeightOrder.TensorFlow1.ExportBias(weights).Input;
        foreach (ref float f in bias.AsSpan(2 * shape.HiddenSize, shape.HiddenSize))
            f = (float)((double)f - forgetBias);
        float[] input = WeightOrder.TensorFlow1.Export(shape, weights.InputWeights, shape.InputSize);
        return ([.. input, .. WeightOrder.TensorFlow1.Export(shape, weights.RecurrentWeights, shape.HiddenSize)], bias);
    }

    /// <summary>Imports a <c>GRUCell</c>: gates r, u (our z) in one kernel, the candidate in another, the reset before the candidate's product.</summary>
    /// <param name="inputSize">I.</param>
    /// <param name="hiddenSize">H.</param>
    /// <param name="gateKernel"><c>[I+H, 2·H]</c>.</param>
    /// <param name="gateBias"><c>[2·H]</c>, as stored: nothing is added at run time.</param>
    /// <param name="candidateKernel"><c>[I+H, H]</c>.</param>
    /// <param name="candidateBias"><c>[H]</c>.</param>
    /// <exception cref="ArgumentException">A length does not fit; the message has both numbers.</exception>
    public static LayerWeights ImportGru(
        int inputSize, int hiddenSize, ReadOnlySpan<float> gateKernel, ReadOnlySpan<float> gateBias,
        ReadOnlySpan<float> candidateKernel, ReadOnlySpan<float> candidateBias)
    {
        LayerShape shape = LayerShape.Gru(inputSize, hiddenSize, linearBeforeReset: false);
        int rows = inputSize + hiddenSize;
        Require("gates/kernel", gateKernel.Length, rows, 2 * hiddenSize);
        Require("gates/bias", gateBias.Length, 1, 2 * hiddenSize);
        Require("candidate/kernel", candidateKernel.Length, rows, hiddenSize);
        Require("candidate/bias", candidateBias.Length, 1, hiddenSize);
        float[] ours = [.. GateBlocks.Transpose(gateKernel, rows, 2 * hiddenSize), .. GateBlocks.Transpose(candidateKernel, rows, hiddenSize)]; // [3·H, I+H]
        (float[] w, float[] r) = Split(ours, 3 * hiddenSize, inputSize, hiddenSize);
        return new LayerWeights(shape, w, r, (float[])[.. gateBias, .. candidateBias]);
    }

    /// <summary>Exports a layer as a <c>GRUCell</c>.</summary>
    /// <exception cref="NotSupportedException">It is no GRU, or one that is linear before its reset.</exception>
    public static (float[] GateKernel, float[] GateBias, float[] CandidateKernel, float[] CandidateBias) ExportGru(LayerWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        LayerShape shape = weights.Shape;
        Unsupported.Cell(shape, "GRUCell", Gru.Definition);
        Unsupported.Variations(shape, "TensorFlow 1's GRUCell");
        if (shape.LinearBeforeReset)
            throw new NotSupportedException("TensorFlow 1's GRUCell resets before the candidate's product; this layer is linear before its reset.");
        int I = shape.InputSize, H = shape.HiddenSize;
        var joined = new float[3 * H * (I + H)];
        for (int row = 0; row < 3 * H; row++)
        {
            weights.InputWeights.Slice(row * I, I).CopyTo(joined.AsSpan(row * (I + H)));
            weights.RecurrentWeights.Slice(row * H, H).CopyTo(joined.AsSpan(row * (I + H) + I));
        }

        int gates = 2 * H * (I + H);
        return (GateBlocks.Transpose<float>(joined.AsSpan(0, gates), 2 * H, I + H), weights.Bias[..(2 * H)].ToArray(),
            GateBlocks.Transpose<float>(joined.AsSpan(gates), H, I + H), weights.Bias[(2 * H)..].ToArray());
    }

    private static (float[] W, float[] R) Split(float[] joined, int rows, int I, int H)
    {
        float[] w = new float[rows * I], r = new float[rows * H];
        for (int row = 0; row < rows; row++)
        {
            joined.AsSpan(row * (I + H), I).CopyTo(w.AsSpan(row * I));
            joined.AsSpan(row * (I + H) + I, H).CopyTo(r.AsSpan(row * H));
        }

        return (w, r);
    }

    private static void Require(string what, int length, int rows, int columns)
    {
        if (length != (long)rows * columns)
        {
            string shape = rows == 1 ? "" : $" = [{rows}, {columns}]";
            throw new ArgumentException(FormattableString.Invariant($"{what} has {length} values, expected {(long)rows * columns}{shape}."), what);
        }
    }
}
