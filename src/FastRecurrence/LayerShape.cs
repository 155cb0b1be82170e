using System.Globalization;

namespace FastRecurrence;

/// <summary>
/// What one recurrent layer computes, without its numbers: the cell, its sizes, its activations and its variations.
/// Immutable; two shapes are equal when all their parts are. Variations are set with <c>with</c>:
/// <c>LayerShape.Lstm(64, 128) with { Peepholes = true, Clip = 3 }</c>.
/// </summary>
public sealed record LayerShape
{
    private LayerShape(CellKind cell, int inputSize, int hiddenSize, ActivationFunction gate, ActivationFunction candidate)
    {
        if (inputSize < 0)
            throw new ArgumentOutOfRangeException(nameof(inputSize), inputSize, "inputSize must be 0 (bias only) or more.");
        if (hiddenSize < 1)
            throw new ArgumentOutOfRangeException(nameof(hiddenSize), hiddenSize, "hiddenSize must be 1 or more.");
        Cell = cell;
        InputSize = inputSize;
        HiddenSize = hiddenSize;
        GateActivation = gate;
        CandidateActivation = candidate;
        CellActivation = Activation.Tanh;
        // Weights live in arrays: a layer that could not be stored is refused here, before anything is allocated.
        Extents.Elements("W", GateCount, hiddenSize, inputSize);
        Extents.Elements("R", GateCount, hiddenSize, hiddenSize);
    }

    /// <summary>An LSTM layer: gates sigmoid, candidate and cell output tanh, gate blocks in the order i, f, g, o.</summary>
    /// <param name="inputSize">I, features per row of x; 0 makes a layer driven by its bias alone.</param>
    /// <param name="hiddenSize">H, units.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range, or a weight matrix would exceed 2³¹−1 elements.</exception>
    public static LayerShape Lstm(int inputSize, int hiddenSize) =>
        new(CellKind.Lstm, inputSize, hiddenSize, Activation.Sigmoid, Activation.Tanh);

    /// <summary>A GRU layer: gates sigmoid, candidate tanh, gate blocks in the order r, z, n.</summary>
    /// <param name="inputSize">I, features per row of x; 0 makes a layer driven by its bias alone.</param>
    /// <param name="hiddenSize">H, units.</param>
    /// <param name="linearBeforeReset">Whether r multiplies R_n h + b_hn (PyTorch, cuDNN, Keras <c>reset_after</c>) or h itself (ONNX's default).</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range, or a weight matrix would exceed 2³¹−1 elements.</exception>
    public static LayerShape Gru(int inputSize, int hiddenSize, bool linearBeforeReset = true) =>
        new(CellKind.Gru, inputSize, hiddenSize, Activation.Sigmoid, Activation.Tanh) { LinearBeforeReset = linearBeforeReset };

    /// <summary>An Elman layer (simple RNN, ONNX <c>RNN</c>) with tanh.</summary>
    /// <param name="inputSize">I, features per row of x; 0 makes a layer driven by its bias alone.</param>
    /// <param name="hiddenSize">H, units.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range, or a weight matrix would exceed 2³¹−1 elements.</exception>
    public static LayerShape Elman(int inputSize, int hiddenSize) => Elman(inputSize, hiddenSize, Activation.Tanh);

    /// <summary>An Elman layer (simple RNN, ONNX <c>RNN</c>).</summary>
    /// <param name="inputSize">I, features per row of x; 0 makes a layer driven by its bias alone.</param>
    /// <param name="hiddenSize">H, units.</param>
    /// <param name="activation">The function applied to the preactivation.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range, or a weight matrix would exceed 2³¹−1 elements.</exception>
    public static LayerShape Elman(int inputSize, int hiddenSize, ActivationFunction activation) =>
        new(CellKind.Elman, inputSize, hiddenSize, Activation.Sigmoid, activation);

    /// <summary>The recurrence.</summary>
    public CellKind Cell { get; }

    /// <summary>I, features per row of the input.</summary>
    public int InputSize { get; }

    /// <summary>H, units.</summary>
    public int HiddenSize { get; }

    /// <summary>The function of the gates: i, f, o of an LSTM, r and z of a GRU (ONNX <c>f</c>). An Elman cell has no gate.</summary>
    public ActivationFunction GateActivation { get; init; }

    /// <summary>The function of the candidate: g of an LSTM, n of a GRU (ONNX <c>g</c>), h of an Elman cell.</summary>
    public ActivationFunction CandidateActivation { get; init; }

    /// <summary>The function between c and h of an LSTM (ONNX <c>h</c>).</summary>
    public ActivationFunction CellActivation { get; init; }

    /// <summary>The kind of <see cref="CandidateActivation"/>: all there is to say of an Elman cell without parameters.</summary>
    public Activation Activation => CandidateActivation.Kind;

    /// <summary>Whether an LSTM's gates see the cell: i and f the old c, o the new one.</summary>
    public bool Peepholes
    {
        get;
        init => field = Only(CellKind.Lstm, value, nameof(Peepholes));
    }

    /// <summary>Whether an LSTM's forget gate is <c>f = 1 − i</c> (ONNX <c>input_forget</c>). W, R and b keep their f block; it is not used.</summary>
    public bool CoupledInputForget
    {
        get;
        init => field = Only(CellKind.Lstm, value, nameof(CoupledInputForget));
    }

    /// <summary>Whether a GRU's reset gate multiplies R_n h + b_hn instead of h.</summary>
    public bool LinearBeforeReset
    {
        get;
        init => field = Only(CellKind.Gru, value, nameof(LinearBeforeReset));
    }

    /// <summary>P, the size of h when an LSTM projects it (<c>h' = W_p (o∘tanh c')</c>, PyTorch <c>proj_size</c>); 0 for none.</summary>
    /// <exception cref="ArgumentOutOfRangeException">P is negative or not below H.</exception>
    public int ProjectionSize
    {
        get;
        init
        {
            Only(CellKind.Lstm, value != 0, nameof(ProjectionSize));
            if (value < 0 || value >= HiddenSize)
                throw new ArgumentOutOfRangeException(nameof(ProjectionSize), value, string.Create(CultureInfo.InvariantCulture, $"ProjectionSize must be 0 (none) or below the hidden size {HiddenSize}."));
            field = value;
        }
    }

    /// <summary>Every preactivation is held within ±Clip before its activation; +∞, the default, clips nothing.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Clip is 0, negative or NaN.</exception>
    public float Clip
    {
        get;
        init => field = value > 0 ? value : throw new ArgumentOutOfRangeException(nameof(Clip), value, "Clip must be positive; +∞ clips nothing.");
    } = float.PositiveInfinity;

    /// <summary>G, gate blocks in W and R: 4 for an LSTM, 3 for a GRU, 1 for an Elman cell.</summary>
    public int GateCount => Cell switch { CellKind.Lstm => 4, CellKind.Gru => 3, _ => 1 };

    /// <summary>Whether the state has a cell part c beside h.</summary>
    public bool HasCellState => Cell == CellKind.Lstm;

    /// <summary>Features per row of h: P with a projection, else H.</summary>
    public int OutputSize => ProjectionSize == 0 ? HiddenSize : ProjectionSize;

    /// <summary>Elements of W, <c>G·H·I</c>.</summary>
    public int InputWeightCount => GateCount * HiddenSize * InputSize;

    /// <summary>Elements of R, <c>G·H·H</c>, or <c>G·H·P</c> with a projection.</summary>
    public int RecurrentWeightCount => GateCount * HiddenSize * OutputSize;

    /// <summary>Elements of b: <c>G·H</c>, and <c>4·H</c> (r, z, n of the input, n of the recurrence) for a GRU that is linear before its reset.</summary>
    public int BiasCount => LinearBeforeReset ? 4 * HiddenSize : GateCount * HiddenSize;

    /// <summary>Elements of the peephole weights, <c>3·H</c> in the order i, f, o, or 0.</summary>
    public int PeepholeCount => Peepholes ? 3 * HiddenSize : 0;

    /// <summary>Elements of the projection W_p, <c>P·H</c>, or 0.</summary>
    public int ProjectionCount => ProjectionSize * HiddenSize;

    /// <summary>Whether the cell is the textbook one, with its fused epilogue: default activations, no variation.</summary>
    internal bool IsStandard => !Peepholes && !CoupledInputForget && float.IsPositiveInfinity(Clip)
        && (Cell == CellKind.Elman || (GateActivation.Kind == Activation.Sigmoid && CandidateActivation.Kind == Activation.Tanh))
        && (Cell != CellKind.Lstm || CellActivation.Kind == Activation.Tanh);

    /// <summary>
    /// Floating-point operations of one step over <paramref name="batchSize"/> rows, <c>2·(G·H·(I+H))·N</c> (with a
    /// projection <c>2·(G·H·(I+P) + P·H)·N</c>); activations are not counted.
    /// </summary>
    public double FlopsPerStep(int batchSize) =>
        2.0 * (GateCount * (double)HiddenSize * ((double)InputSize + OutputSize) + ProjectionCount) * batchSize;

    /// <summary>A short id such as <c>lstm_i64_h128</c>, <c>elman-relu_i3_h5</c> or <c>lstm-peepholes-clip3_i4_h6_p2</c>.</summary>
    public override string ToString()
    {
        var id = new System.Text.StringBuilder(Cell.ToString().ToLowerInvariant());
        void Part(bool present, string text)
        {
            if (present)
                id.Append('-').Append(text);
        }

        Part(Cell != CellKind.Elman && GateActivation != Activation.Sigmoid, "gate-" + GateActivation);
        Part(CandidateActivation != Activation.Tanh, CandidateActivation.ToString());
        Part(CellActivation != Activation.Tanh, "cell-" + CellActivation);
        Part(Peepholes, "peepholes");
        Part(CoupledInputForget, "coupled");
        Part(Cell == CellKind.Gru && !LinearBeforeReset, "resetbefore");
        Part(!float.IsPositiveInfinity(Clip), string.Create(CultureInfo.InvariantCulture, $"clip{Clip}"));
        id.Append(CultureInfo.InvariantCulture, $"_i{InputSize}_h{HiddenSize}");
        if (ProjectionSize != 0)
            id.Append(CultureInfo.InvariantCulture, $"_p{ProjectionSize}");
        return id.ToString();
    }

    private bool Only(CellKind cell, bool value, string what)
    {
        if (value && Cell != cell)
            throw new ArgumentException($"{what} belongs to {cell.WithArticle()}; this is {Cell.WithArticle()}.", what);
        return value;
    }
}
