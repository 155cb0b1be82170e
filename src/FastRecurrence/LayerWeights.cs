using System.Globalization;

namespace FastRecurrence;

/// <summary>
/// The numbers of one layer, in the one order this library knows: row-major, gate blocks <c>i, f, g, o</c> for an LSTM
/// and <c>r, z, n</c> for a GRU.
/// Importers permute into this form; nothing behind it knows another.
/// The arrays are copied: later changes to the caller's memory do not reach a layer. NaN weights are accepted
/// (<see cref="FindNonFinite"/> locates them) and make the outputs they touch NaN.
/// </summary>
public sealed class LayerWeights
{
    private readonly float[] _inputWeights, _recurrentWeights, _bias, _peepholes, _projection;

    /// <summary>Copies and checks the weights of a layer.</summary>
    /// <param name="shape">The layer they belong to.</param>
    /// <param name="inputWeights">W, <c>[G·H, I]</c>.</param>
    /// <param name="recurrentWeights">R, <c>[G·H, H]</c>; with a projection <c>[G·H, P]</c>.</param>
    /// <param name="bias">
    /// b, <c>[G·H]</c>, or empty for no bias. Frameworks with two biases that are only ever added give their sum. A GRU that
    /// is linear before its reset keeps its two candidate biases: <c>[4·H]</c>, blocks r, z, n of the input, n of the recurrence.
    /// </param>
    /// <param name="peepholes">Peephole weights, <c>[3·H]</c> in the order i, f, o; empty unless the shape has them.</param>
    /// <param name="projection">W_p, <c>[P, H]</c>; empty unless the shape has one.</param>
    /// <exception cref="ArgumentException">A length does not fit the shape; the message has both numbers.</exception>
    public LayerWeights(LayerShape shape, ReadOnlySpan<float> inputWeights, ReadOnlySpan<float> recurrentWeights, ReadOnlySpan<float> bias = default,
        ReadOnlySpan<float> peepholes = default, ReadOnlySpan<float> projection = default)
    {
        ArgumentNullException.ThrowIfNull(shape);
        int rows = shape.GateCount * shape.HiddenSize;
        RequireMatrix(shape, nameof(inputWeights), "W", inputWeights.Length, rows, shape.InputSize, "I");
        RequireMatrix(shape, nameof(recurrentWeights), "R", recurrentWeights.Length, shape.RecurrentBlockCount * shape.HiddenSize, shape.OutputSize,
            shape.ProjectionSize == 0 ? "H" : "P");
        if (bias.Length != 0 && bias.Length != shape.BiasCount)
        {
            string hint = bias.Length != 2 * rows ? ""
                : shape.LinearBeforeReset ? " It looks like two biases in one (Wb ‖ Rb): add the halves of r and z, keep both of n."
                : " It looks like two biases in one (ONNX Wb ‖ Rb): add the halves.";
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"b has {bias.Length} values, but {Describe(shape)} needs {shape.BiasCount} "
                + $"({shape.BiasCount / shape.HiddenSize} blocks × {shape.HiddenSize}), or none.{hint}"), nameof(bias));
        }

        RequireExtra(shape, nameof(peepholes), "the peephole weights", peepholes.Length, shape.PeepholeCount, "3 × H", "Peepholes");
        RequireExtra(shape, nameof(projection), "the projection W_p", projection.Length, shape.ProjectionCount, "P × H", "ProjectionSize");

        Shape = shape;
        _inputWeights = inputWeights.ToArray();
        _recurrentWeights = recurrentWeights.ToArray();
        _bias = bias.Length == 0 ? new float[shape.BiasCount] : bias.ToArray();
        _peepholes = peepholes.ToArray();
        _projection = projection.ToArray();
    }

    /// <summary>The layer these weights belong to.</summary>
    public LayerShape Shape { get; }

    /// <summary>W, <c>[G·H, I]</c>, row-major.</summary>
    public ReadOnlySpan<float> InputWeights => _inputWeights;

    /// <summary>R, <c>[G·H, H]</c> or <c>[G·H, P]</c>, row-major.</summary>
    public ReadOnlySpan<float> RecurrentWeights => _recurrentWeights;

    /// <summary>b, <c>[G·H]</c> (<c>[4·H]</c> for a GRU that is linear before its reset); zeros when the layer was made without a bias.</summary>
    public ReadOnlySpan<float> Bias => _bias;

    /// <summary>Peephole weights, <c>[3·H]</c> in the order i, f, o; empty without.</summary>
    public ReadOnlySpan<float> Peepholes => _peepholes;

    /// <summary>W_p, <c>[P, H]</c>, row-major; empty without.</summary>
    public ReadOnlySpan<float> Projection => _projection;

    /// <summary>
    /// Reproducible random weights for benchmarks and tests: uniform in ±1/√H (W: ±1/√I), the usual initialisation,
    /// which keeps a random recurrent net from being chaotic.
    /// </summary>
    /// <param name="shape">The layer.</param>
    /// <param name="seed">The same seed gives the same numbers on every machine.</param>
    public static LayerWeights Random(LayerShape shape, int seed)
    {
        ArgumentNullException.ThrowIfNull(shape);
        var random = new Random(seed);
        float[] Uniform(int count, int fan)
        {
            double bound = 1 / Math.Sqrt(Math.Max(fan, 1));
            var values = new float[count];
            for (int i = 0; i < count; i++)
                values[i] = (float)((2 * random.NextDouble() - 1) * bound);
            return values;
        }

        return new LayerWeights(shape,
            Uniform(shape.InputWeightCount, shape.InputSize),
            Uniform(shape.RecurrentWeightCount, shape.HiddenSize),
            Uniform(shape.BiasCount, shape.HiddenSize),
            Uniform(shape.PeepholeCount, shape.HiddenSize),
            Uniform(shape.ProjectionCount, shape.HiddenSize));
    }

    /// <summary>Names the first weight that is NaN or infinite, such as <c>R[5, 2] is NaN</c>; null when all are finite.</summary>
    public string? FindNonFinite() =>
        First("W", _inputWeights, Shape.InputSize) ?? First("R", _recurrentWeights, Shape.OutputSize) ?? First("b", _bias, 1)
        ?? First("peepholes", _peepholes, 1) ?? First("W_p", _projection, Shape.HiddenSize);

    /// <summary>Such as <c>weights of lstm_i64_h128</c>.</summary>
    public override string ToString() => $"weights of {Shape}";

    /// <summary>A part, row-major.</summary>
    internal ReadOnlySpan<float> Part(WeightParts part) => Writable(part);

    /// <summary>A part, for the one owner of weights that change.</summary>
    internal Span<float> Writable(WeightParts part) => part switch
    {
        WeightParts.InputWeights => _inputWeights,
        WeightParts.RecurrentWeights => _recurrentWeights,
        WeightParts.Bias => _bias,
        WeightParts.Peepholes => _peepholes,
        WeightParts.Projection => _projection,
        _ => default,
    };

    internal static string? First(string name, ReadOnlySpan<float> values, int columns)
    {
        int at = 0;
        while (at < values.Length && float.IsFinite(values[at]))
            at++;
        if (at == values.Length)
            return null;
        string index = columns == 1 ? $"{at}" : $"{at / columns}, {at % columns}";
        return string.Create(CultureInfo.InvariantCulture, $"{name}[{index}] is {values[at]}");
    }

    /// <summary>Refuses weights of another shape than that of the layer they are to go into.</summary>
    internal static void RequireShape(LayerWeights weights, LayerShape shape)
    {
        if (weights.Shape != shape)
        {
            throw new ArgumentException(
                $"The weights are of {weights.Shape}, this layer is {shape}. Prepare another layer for another shape.", nameof(weights));
        }
    }

    private static void RequireMatrix(LayerShape shape, string parameter, string name, int length, int rows, int columns, string symbol)
    {
        if (length == rows * columns)
            return;

        string hint = "";
        if (columns > 0 && length % columns == 0)
        {
            int gotRows = length / columns;
            if (gotRows % shape.HiddenSize == 0)
            {
                string like = (gotRows / shape.HiddenSize) switch
                {
                    1 => "an Elman cell",
                    3 => "a GRU",
                    4 => "an LSTM",
                    _ => "",
                };
                hint = like.Length == 0 ? "" : string.Create(CultureInfo.InvariantCulture,
                    $" {gotRows} rows = {gotRows / shape.HiddenSize} × {shape.HiddenSize} look like {like}.");
            }
        }

        throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
            $"{name} has {length} values, but {Describe(shape)} needs [{rows}, {columns}] = {(long)rows * columns} "
            + $"([G·H, {symbol}], G = {shape.GateCount}).{hint}"), parameter);
    }

    private static void RequireExtra(LayerShape shape, string parameter, string name, int length, int expected, string dimensions, string property)
    {
        if (length == expected)
            return;
        string need = expected == 0 ? $"has none: set {property} in the shape" : string.Create(CultureInfo.InvariantCulture,
            $"needs {expected} ({dimensions})");
        throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{name} has {length} values, but {shape} {need}."), parameter);
    }

    private static string Describe(LayerShape shape)
    {
        return string.Create(CultureInfo.InvariantCulture,
            $"{shape.Definition.NameWithArticle} of input size {shape.InputSize} and hidden size {shape.HiddenSize}");
    }
}
