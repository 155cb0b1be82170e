using System.Globalization;
using System.Numerics;
using FastRecurrence.Cells;

namespace FastRecurrence.Import;

/// <summary>
/// How a framework lays a layer out: the order of its gate blocks and whether its matrices are transposed. Turns its numbers
/// into ours and back. Biases come apart, one of the input and one of the recurrence, as most frameworks keep them.
/// </summary>
/// <param name="Name">The framework.</param>
/// <param name="Lstm">Our block k (i, f, g, o) is their block <c>Lstm[k]</c>.</param>
/// <param name="Gru">Our block k (r, z, n) is their block <c>Gru[k]</c>.</param>
/// <param name="Transposed">Whether W is <c>[I, G·H]</c> and R <c>[H, G·H]</c>, so that gates are blocks of columns.</param>
internal sealed record WeightOrder(string Name, int[] Lstm, int[] Gru, bool Transposed)
{
    public static WeightOrder PyTorch { get; } = new("PyTorch", [0, 1, 2, 3], [0, 1, 2], Transposed: false);

    public static WeightOrder Keras { get; } = new("Keras", [0, 1, 2, 3], [1, 0, 2], Transposed: true);

    public static WeightOrder Onnx { get; } = new("ONNX", [0, 2, 3, 1], [1, 0, 2], Transposed: false);

    public static WeightOrder TensorFlow1 { get; } = new("TensorFlow 1", [0, 2, 1, 3], [0, 1, 2], Transposed: true);

    public static WeightOrder Cudnn { get; } = new("cuDNN", [0, 1, 2, 3], [0, 1, 2], Transposed: false);

    public static WeightOrder OneDnn { get; } = new("oneDNN", [0, 1, 2, 3], [1, 0, 2], Transposed: true);

    public static WeightOrder Haste { get; } = new("haste", [0, 2, 1, 3], [1, 0, 2], Transposed: true);

    /// <summary>Our block k is their block <c>Blocks(cell)[k]</c>.</summary>
    public ReadOnlySpan<int> Blocks(CellDefinition cell) => cell == Cells.Lstm.Definition ? Lstm : cell == Cells.Gru.Definition ? Gru : [0];

    /// <summary>Their numbers into ours.</summary>
    /// <param name="shape">The layer.</param>
    /// <param name="inputWeights">W as they keep it.</param>
    /// <param name="recurrentWeights">R as they keep it.</param>
    /// <param name="inputBias">The bias beside W x, <c>[G·H]</c>, or empty.</param>
    /// <param name="recurrentBias">The bias beside R h, <c>[G·H]</c>, or empty.</param>
    /// <param name="peepholes">In the order i, f, o, or empty.</param>
    /// <param name="projection"><c>[P, H]</c>, or empty.</param>
    public LayerData<T> Import<T>(
        LayerShape shape, ReadOnlySpan<T> inputWeights, ReadOnlySpan<T> recurrentWeights, ReadOnlySpan<T> inputBias, ReadOnlySpan<T> recurrentBias,
        ReadOnlySpan<T> peepholes = default, ReadOnlySpan<T> projection = default)
        where T : struct, IFloatingPointIeee754<T>
    {
        int rows = shape.GateCount * shape.HiddenSize;
        Require("W", inputWeights.Length, rows, shape.InputSize);
        Require("R", recurrentWeights.Length, rows, shape.OutputSize);
        return new LayerData<T>(shape, Matrix(shape, inputWeights, shape.InputSize), Matrix(shape, recurrentWeights, shape.OutputSize),
            Bias(shape, inputBias, recurrentBias), peepholes.ToArray(), projection.ToArray());
    }

    /// <summary>One of our matrices as they keep it.</summary>
    public float[] Export(LayerShape shape, ReadOnlySpan<float> matrix, int columns)
    {
        float[] theirs = GateBlocks.Permute(matrix, GateBlocks.Inverse(Blocks(shape.Definition)));
        return Transposed ? GateBlocks.Transpose<float>(theirs, shape.GateCount * shape.HiddenSize, columns) : theirs;
    }

    /// <summary>Our bias as their two: the recurrent one is zero but for the candidate of a GRU that is linear before its reset.</summary>
    public (float[] Input, float[] Recurrent) ExportBias(LayerWeights weights)
    {
        LayerShape shape = weights.Shape;
        int[] order = GateBlocks.Inverse(Blocks(shape.Definition));
        int length = shape.GateCount * shape.HiddenSize;
        var recurrent = new float[length];
        if (shape.LinearBeforeReset)
            weights.Bias[length..].CopyTo(recurrent.AsSpan(2 * shape.HiddenSize));
        return (GateBlocks.Permute(weights.Bias[..length], order), GateBlocks.Permute<float>(recurrent, order));
    }

    private T[] Matrix<T>(LayerShape shape, ReadOnlySpan<T> theirs, int columns)
    {
        if (!Transposed)
            return GateBlocks.Permute(theirs, Blocks(shape.Definition));
        return GateBlocks.Permute<T>(GateBlocks.Transpose(theirs, columns, shape.GateCount * shape.HiddenSize), Blocks(shape.Definition));
    }

    private T[] Bias<T>(LayerShape shape, ReadOnlySpan<T> input, ReadOnlySpan<T> recurrent)
        where T : struct, IFloatingPointIeee754<T>
    {
        int H = shape.HiddenSize, length = shape.GateCount * H;
        foreach ((int count, string name) in (ReadOnlySpan<(int, string)>)[(input.Length, "the input bias"), (recurrent.Length, "the recurrent bias")])
        {
            if (count != 0)
                Require(name, count, length, 1);
        }

        T[] theirs = input.IsEmpty ? new T[length] : input.ToArray(), other = recurrent.IsEmpty ? new T[length] : recurrent.ToArray();
        T[] sum = GateBlocks.Permute<T>(GateBlocks.Sum<T>(theirs, other), Blocks(shape.Definition));
        if (!shape.LinearBeforeReset)
            return sum;
        T[] apart = [.. sum, .. GateBlocks.Permute<T>(other, Blocks(shape.Definition)).AsSpan(2 * H)];
        GateBlocks.Permute<T>(theirs, Blocks(shape.Definition)).AsSpan(2 * H).CopyTo(apart.AsSpan(2 * H));
        return apart;
    }

    private void Require(string what, int length, int rows, int columns)
    {
        if (length != (long)rows * columns)
        {
            string need = columns == 1 ? string.Create(CultureInfo.InvariantCulture, $"[{rows}]")
                : Transposed ? string.Create(CultureInfo.InvariantCulture, $"[{columns}, {rows}] = {(long)rows * columns}")
                : string.Create(CultureInfo.InvariantCulture, $"[{rows}, {columns}] = {(long)rows * columns}");
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"{what} has {length} values, but this layer in {Name} order needs {need}."), what);
        }
    }
}
