using System.Globalization;

namespace FastRecurrence;

/// <summary>
/// What one recurrent layer computes, without its numbers: the cell, its sizes and its activation.
/// Immutable; two shapes are equal when all their parts are.
/// </summary>
public sealed record LayerShape
{
    private LayerShape(CellKind cell, int inputSize, int hiddenSize, Activation activation)
    {
        if (inputSize < 0)
            throw new ArgumentOutOfRangeException(nameof(inputSize), inputSize, "inputSize must be 0 (bias only) or more.");
        if (hiddenSize < 1)
            throw new ArgumentOutOfRangeException(nameof(hiddenSize), hiddenSize, "hiddenSize must be 1 or more.");
        if (!Enum.IsDefined(activation))
            throw new ArgumentOutOfRangeException(nameof(activation), activation, "activation must be Linear, Sigmoid, Tanh or Relu.");
        Cell = cell;
        InputSize = inputSize;
        HiddenSize = hiddenSize;
        Activation = activation;
        // Weights live in arrays: a layer that could not be stored is refused here, before anything is allocated.
        Extents.Elements("W", GateCount, hiddenSize, inputSize);
        Extents.Elements("R", GateCount, hiddenSize, hiddenSize);
    }

    /// <summary>An LSTM layer: gates sigmoid, candidate and cell output tanh, gate blocks in the order i, f, g, o.</summary>
    /// <param name="inputSize">I, features per row of x; 0 makes a layer driven by its bias alone.</param>
    /// <param name="hiddenSize">H, units.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range, or a weight matrix would exceed 2³¹−1 elements.</exception>
    public static LayerShape Lstm(int inputSize, int hiddenSize) =>
        new(CellKind.Lstm, inputSize, hiddenSize, Activation.Tanh);

    /// <summary>An Elman layer (simple RNN, ONNX <c>RNN</c>).</summary>
    /// <param name="inputSize">I, features per row of x; 0 makes a layer driven by its bias alone.</param>
    /// <param name="hiddenSize">H, units.</param>
    /// <param name="activation">The function applied to the preactivation.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range, or a weight matrix would exceed 2³¹−1 elements.</exception>
    public static LayerShape Elman(int inputSize, int hiddenSize, Activation activation = Activation.Tanh) =>
        new(CellKind.Elman, inputSize, hiddenSize, activation);

    /// <summary>The recurrence.</summary>
    public CellKind Cell { get; }

    /// <summary>I, features per row of the input.</summary>
    public int InputSize { get; }

    /// <summary>H, units.</summary>
    public int HiddenSize { get; }

    /// <summary>The Elman cell's activation; <see cref="Activation.Tanh"/> for an LSTM, where it is fixed.</summary>
    public Activation Activation { get; }

    /// <summary>G, gate blocks in W, R and b: 4 for an LSTM, 1 for an Elman cell.</summary>
    public int GateCount => Cell == CellKind.Lstm ? 4 : 1;

    /// <summary>Whether the state has a cell part c beside h.</summary>
    public bool HasCellState => Cell == CellKind.Lstm;

    /// <summary>Elements of W, <c>G·H·I</c>.</summary>
    public int InputWeightCount => GateCount * HiddenSize * InputSize;

    /// <summary>Elements of R, <c>G·H·H</c>.</summary>
    public int RecurrentWeightCount => GateCount * HiddenSize * HiddenSize;

    /// <summary>Elements of b, <c>G·H</c>.</summary>
    public int BiasCount => GateCount * HiddenSize;

    /// <summary>Floating-point operations of one step over <paramref name="batchSize"/> rows, <c>2·G·H·(I+H)·N</c>; activations are not counted.</summary>
    public double FlopsPerStep(int batchSize) => 2.0 * GateCount * HiddenSize * ((double)InputSize + HiddenSize) * batchSize;

    /// <summary>A short id such as <c>lstm_i64_h128</c> or <c>elman-relu_i3_h5</c>.</summary>
    public override string ToString()
    {
        string cell = Cell == CellKind.Lstm ? "lstm"
            : Activation == Activation.Tanh ? "elman"
            : "elman-" + Activation.ToString().ToLowerInvariant();
        return string.Create(CultureInfo.InvariantCulture, $"{cell}_i{InputSize}_h{HiddenSize}");
    }
}
