using System.Globalization;
using System.Text.Json.Serialization;
using FastRecurrence.Cells;

namespace FastRecurrence;

/// <summary>
/// What one recurrent layer computes, without its numbers: the cell, its sizes, its activations and its variations.
/// Immutable; two shapes are equal when all their parts are. Variations are set with <c>with</c>,
/// <c>LayerShape.Lstm(64, 128) with { Peepholes = true, Clip = 3 }</c>, or by methods, <c>LayerShape.Lstm(64, 128).WithPeepholes().WithClip(3)</c>.
/// </summary>
/// <example><code>
/// LayerShape lstm = LayerShape.Lstm(inputSize: 40, hiddenSize: 128) with { ProjectionSize = 64, Peepholes = true };
/// LayerShape gru = LayerShape.Gru(inputSize: 40, hiddenSize: 128, linearBeforeReset: false);
/// LayerShape relu = LayerShape.Elman(inputSize: 40, hiddenSize: 128, Activation.Relu);
/// </code></example>
[JsonConverter(typeof(LayerShapeJsonConverter))]
public sealed partial record LayerShape
{
    /// <summary>The shape of a layer of any cell, with its default activations.</summary>
    internal LayerShape(CellDefinition definition, int inputSize, int hiddenSize, ActivationFunction? candidate = null, bool linearBeforeReset = false)
    {
        if (inputSize < 0)
            throw new ArgumentOutOfRangeException(nameof(inputSize), inputSize, "inputSize must be 0 (bias only) or more.");
        if (hiddenSize < 1)
            throw new ArgumentOutOfRangeException(nameof(hiddenSize), hiddenSize, "hiddenSize must be 1 or more.");
        Definition = definition;
        InputSize = inputSize;
        HiddenSize = hiddenSize;
        CandidateActivation = candidate ?? Activation.Tanh;
        LinearBeforeReset = linearBeforeReset;
        CellDescription description = Describe();
        (GateCount, RecurrentBlockCount, HasCellState) = (description.GateCount, description.RecurrentBlocks, description.HasCell);
        // Weights live in arrays: a layer that could not be stored is refused here, before anything is allocated.
        Extents.Elements("W", GateCount, hiddenSize, inputSize);
        Extents.Elements("R", RecurrentBlockCount, hiddenSize, hiddenSize);
    }

    /// <summary>An LSTM layer: gates sigmoid, candidate and cell output tanh, gate blocks in the order i, f, g, o.</summary>
    /// <param name="inputSize">I, features per row of x; 0 makes a layer driven by its bias alone.</param>
    /// <param name="hiddenSize">H, units.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range, or a weight matrix would exceed 2³¹−1 elements.</exception>
    public static LayerShape Lstm(int inputSize, int hiddenSize) =>
        new(Cells.Lstm.Definition, inputSize, hiddenSize);

    /// <summary>A GRU layer: gates sigmoid, candidate tanh, gate blocks in the order r, z, n.</summary>
    /// <param name="inputSize">I, features per row of x; 0 makes a layer driven by its bias alone.</param>
    /// <param name="hiddenSize">H, units.</param>
    /// <param name="linearBeforeReset">Whether r multiplies R_n h + b_hn (PyTorch, cuDNN, Keras <c>reset_after</c>) or h itself (ONNX's default).</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range, or a weight matrix would exceed 2³¹−1 elements.</exception>
    public static LayerShape Gru(int inputSize, int hiddenSize, bool linearBeforeReset = true) =>
        new(Cells.Gru.Definition, inputSize, hiddenSize, linearBeforeReset: linearBeforeReset);

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
        new(Cells.Elman.Definition, inputSize, hiddenSize, activation);

    /// <summary>A dense layer, <c>y = f(W x + b)</c> in every step: an output layer that a stack can have and that can be trained; on the CPU.</summary>
    /// <param name="inputSize">I, features per row of x.</param>
    /// <param name="outputSize">Features per row of y; everything else calls them H.</param>
    /// <param name="activation">f; linear by default.</param>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range, or the weight matrix would exceed 2³¹−1 elements.</exception>
    public static LayerShape Dense(int inputSize, int outputSize, ActivationFunction activation = default) =>
        new(Cells.Dense.Definition, inputSize, outputSize, activation);

    /// <summary>The recurrence.</summary>
    public CellKind Cell => Definition.Kind;

    /// <summary>The recurrence as drivers and importers see it.</summary>
    internal CellDefinition Definition { get; }

    /// <summary>I, features per row of the input.</summary>
    public int InputSize { get; }

    /// <summary>H, units.</summary>
    public int HiddenSize { get; }

    /// <summary>The function of the gates: i, f, o of an LSTM, r and z of a GRU (ONNX <c>f</c>). An Elman cell has no gate.</summary>
    public ActivationFunction GateActivation
    {
        get;
        init => field = Only(CellVariations.GateActivation, value != Activation.Sigmoid, value, nameof(GateActivation));
    } = Activation.Sigmoid;

    /// <summary>The function of the candidate: g of an LSTM, n of a GRU (ONNX <c>g</c>), h of an Elman cell.</summary>
    public ActivationFunction CandidateActivation { get; init; }

    /// <summary>The function between c and h of an LSTM (ONNX <c>h</c>).</summary>
    public ActivationFunction CellActivation
    {
        get;
        init => field = Only(CellVariations.CellActivation, value != Activation.Tanh, value, nameof(CellActivation));
    } = Activation.Tanh;

    /// <summary>The kind of <see cref="CandidateActivation"/>: all there is to say of an Elman cell without parameters.</summary>
    public Activation Activation => CandidateActivation.Kind;

    /// <summary>Whether an LSTM's gates see the cell: i and f the old c, o the new one.</summary>
    public bool Peepholes
    {
        get;
        init => field = Only(CellVariations.Peepholes, value, value, nameof(Peepholes));
    }

    /// <summary>Whether an LSTM's forget gate is <c>f = 1 − i</c> (ONNX <c>input_forget</c>). W, R and b keep their f block; it is not used.</summary>
    public bool CoupledInputForget
    {
        get;
        init => field = Only(CellVariations.CoupledInputForget, value, value, nameof(CoupledInputForget));
    }

    /// <summary>Whether a GRU's reset gate multiplies R_n h + b_hn instead of h.</summary>
    public bool LinearBeforeReset
    {
        get;
        init
        {
            field = Only(CellVariations.LinearBeforeReset, value, value, nameof(LinearBeforeReset));
            BiasBlockCount = Describe().BiasColumns.Count;
        }
    }

    /// <summary>P, the size of h when an LSTM projects it (<c>h' = W_p (o∘tanh c')</c>, PyTorch <c>proj_size</c>); 0 for none.</summary>
    /// <exception cref="ArgumentOutOfRangeException">P is negative or not below H.</exception>
    public int ProjectionSize
    {
        get;
        init
        {
            Only(CellVariations.Projection, value != 0, value, nameof(ProjectionSize));
            if (value < 0 || value >= HiddenSize)
                throw new ArgumentOutOfRangeException(
                    nameof(ProjectionSize), value, string.Create(CultureInfo.InvariantCulture,
                    $"ProjectionSize must be 0 (none) or below the hidden size {HiddenSize}."));
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

    /// <summary>G, gate blocks in W: 4 for an LSTM, 3 for a GRU, 1 for an Elman cell.</summary>
    public int GateCount { get; }

    /// <summary>Gate blocks in R: as many as in W, or none where the cell's gates do not see h.</summary>
    internal int RecurrentBlockCount { get; }

    /// <summary>Blocks in b.</summary>
    internal int BiasBlockCount { get; private init; }

    /// <summary>Whether the state has a cell part c beside h.</summary>
    public bool HasCellState { get; }

    /// <summary>Features per row of h: P with a projection, else H.</summary>
    public int OutputSize => ProjectionSize == 0 ? HiddenSize : ProjectionSize;

    /// <summary>Elements of W, <c>G·H·I</c>.</summary>
    public int InputWeightCount => GateCount * HiddenSize * InputSize;

    /// <summary>Elements of R, <c>G·H·H</c>, or <c>G·H·P</c> with a projection.</summary>
    public int RecurrentWeightCount => RecurrentBlockCount * HiddenSize * OutputSize;

    /// <summary>Elements of b: <c>G·H</c>, and <c>4·H</c> (r, z, n of the input, n of the recurrence) for a GRU that is linear before its reset.</summary>
    public int BiasCount => BiasBlockCount * HiddenSize;

    /// <summary>Elements of the peephole weights, <c>3·H</c> in the order i, f, o, or 0.</summary>
    public int PeepholeCount => Peepholes ? 3 * HiddenSize : 0;

    /// <summary>Elements of the projection W_p, <c>P·H</c>, or 0.</summary>
    public int ProjectionCount => ProjectionSize * HiddenSize;

    /// <summary>The cell as data; made anew at each call.</summary>
    internal CellDescription Describe() => Definition.Describe(this);

    /// <summary>
    /// Floating-point operations of one step over <paramref name="batchSize"/> rows, <c>2·(G·H·(I+H))·N</c> (with a
    /// projection <c>2·(G·H·(I+P) + P·H)·N</c>); activations are not counted.
    /// </summary>
    public double FlopsPerStep(int batchSize) =>
        2.0 * (InputWeightCount + (double)RecurrentWeightCount + ProjectionCount) * batchSize;

    /// <summary>A short id such as <c>lstm_i64_h128</c>, <c>elman-relu_i3_h5</c> or <c>lstm-peepholes-clip3_i4_h6_p2</c>.</summary>
    public override string ToString()
    {
        var id = new System.Text.StringBuilder(Definition.Name);
        void Part(bool present, string text)
        {
            if (present)
                id.Append('-').Append(text);
        }

        Part(GateActivation != Activation.Sigmoid, "gate-" + GateActivation);
        Part(CandidateActivation != Activation.Tanh, CandidateActivation.ToString());
        Part(CellActivation != Activation.Tanh, "cell-" + CellActivation);
        Part(Peepholes, "peepholes");
        Part(CoupledInputForget, "coupled");
        Part(Definition.Variations.HasFlag(CellVariations.LinearBeforeReset) && !LinearBeforeReset, "resetbefore");
        Part(!float.IsPositiveInfinity(Clip), string.Create(CultureInfo.InvariantCulture, $"clip{Clip}"));
        id.Append(CultureInfo.InvariantCulture, $"_i{InputSize}_h{HiddenSize}");
        if (ProjectionSize != 0)
            id.Append(CultureInfo.InvariantCulture, $"_p{ProjectionSize}");
        return id.ToString();
    }

    private TValue Only<TValue>(CellVariations variation, bool isAsked, TValue value, string what)
    {
        if (isAsked && !Definition.Variations.HasFlag(variation))
            throw new ArgumentException(
                $"{what} belongs to {CellDefinition.With(variation)}; this is {Definition.NameWithArticle}. Leave it at its default.", what);
        return value;
    }
}
