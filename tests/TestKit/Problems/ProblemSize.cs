using System.Globalization;
using System.Text.RegularExpressions;

namespace FastRecurrence.TestKit.Problems;

/// <summary>One point of a sweep: a layer or a stack of them, T steps, N rows. Its id names it in options, tables, JSON and failures.</summary>
internal sealed partial record ProblemSize(CellName Cell, int SequenceLength, int BatchSize, int InputSize, int HiddenSize, int Layers = 1, LayerDirection Direction = LayerDirection.Forward)
{
    /// <summary>The first layer.</summary>
    public LayerShape Shape { get; } = Cell.Shape(InputSize, HiddenSize);

    /// <summary>1, or 2 for a bidirectional problem.</summary>
    public int Directions => Direction == LayerDirection.Bidirectional ? 2 : 1;

    /// <summary>Features of the output of every step.</summary>
    public int OutputSize => HiddenSize * Directions;

    /// <summary>Whether the problem is one layer forward, which every command takes.</summary>
    public bool IsPlain => Layers == 1 && Direction == LayerDirection.Forward;

    /// <summary>Such as <c>lstm_t50_n16_i256_h256</c>, then <c>_l2</c> for two layers, then <c>_bi</c> or <c>_rev</c>.</summary>
    public string Id => string.Create(CultureInfo.InvariantCulture,
        $"{Cell.Name}_t{SequenceLength}_n{BatchSize}_i{InputSize}_h{HiddenSize}{(Layers == 1 ? "" : $"_l{Layers}")}{DirectionName.Suffix(Direction)}");

    /// <summary>All layers and directions.</summary>
    public double FlopsPerStep => Sum(s => s.FlopsPerStep(BatchSize));

    /// <summary>R and b of all layers and directions in bytes: what every step reads again.</summary>
    public double RecurrentBytes => 4.0 * Sum(s => (double)s.RecurrentWeightCount + s.BiasCount);

    /// <summary>W, R and b.</summary>
    public double WeightBytes => RecurrentBytes + 4.0 * Sum(s => s.InputWeightCount);

    /// <summary>
    /// What a step has to read and write at least, by the model of the roofline: R and b once, its share of W, which a call
    /// over T steps may read once, x and h of every layer once, the state read and written.
    /// </summary>
    public double BytesPerStep =>
        RecurrentBytes + (WeightBytes - RecurrentBytes) / SequenceLength + 4.0 * BatchSize * Sum(s => (double)s.InputSize / Directions + HiddenSize * (s.HasCellState ? 5.0 : 3.0));

    /// <summary>The bytes that cross to a device and back in a call: x there, the last layer's h here.</summary>
    public double TransferBytes => 4.0 * SequenceLength * BatchSize * (InputSize + (double)OutputSize);

    /// <summary>A layer of the stack: from the second on, its input is the output of the one before.</summary>
    public LayerShape ShapeOf(int layer) => layer == 0 ? Shape : Cell.Shape(OutputSize, HiddenSize);

    /// <summary>Every combination, the batch running fastest: a crossover is read along it.</summary>
    public static IEnumerable<ProblemSize> Combine(
        IReadOnlyList<CellName> cells, IReadOnlyList<int> lengths, IReadOnlyList<int> batches, IReadOnlyList<int?> inputs, IReadOnlyList<int> hidden,
        IReadOnlyList<int>? layers = null, IReadOnlyList<LayerDirection>? directions = null) =>
        from cell in cells
        from L in layers ?? [1]
        from direction in directions ?? [LayerDirection.Forward]
        from H in hidden
        from I in inputs
        from T in lengths
        from N in batches
        select new ProblemSize(cell, T, N, I ?? H, H, L, direction);

    /// <summary>Reads ids separated by commas.</summary>
    /// <exception cref="FormatException">A text is no id.</exception>
    public static IReadOnlyList<ProblemSize> ParseList(string text) => [.. text.Split(',', StringSplitOptions.TrimEntries).Select(Parse).Distinct()];

    /// <summary>Reads an id.</summary>
    /// <exception cref="FormatException">The text is no id.</exception>
    public static ProblemSize Parse(string text)
    {
        Match match = Grammar().Match(text);
        if (!match.Success)
            throw NoId(text);
        int Number(string group, int atLeast)
        {
            if (!match.Groups[group].Success)
                return 1;
            return int.TryParse(match.Groups[group].ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= atLeast ? value : throw NoId(text);
        }

        CellName cell = CellName.Find(match.Groups["cell"].Value);
        try
        {
            return new ProblemSize(cell, Number("t", 1), Number("n", 1), Number("i", 0), Number("h", 1), Number("l", 1), DirectionName.FromSuffix(match.Groups["direction"].Value));
        }
        catch (ArgumentException e)
        {
            throw new FormatException($"'{text}' cannot be made: {e.Message.ReplaceLineEndings(" ")}", e);
        }
    }

    public override string ToString() => Id;

    /// <summary>Over all layers and directions.</summary>
    private double Sum(Func<LayerShape, double> of) => Directions * Enumerable.Range(0, Layers).Sum(layer => of(ShapeOf(layer)));

    private static FormatException NoId(string text) =>
        new($"'{text}' is not a problem. Use an id such as lstm_t50_n16_i256_h256: cell, steps, rows, input, hidden; then _l2 for two layers, _bi or _rev for the direction.");

    [GeneratedRegex(@"^(?<cell>[A-Za-z-]+)_t(?<t>[0-9]+)_n(?<n>[0-9]+)_i(?<i>[0-9]+)_h(?<h>[0-9]+)(_l(?<l>[0-9]+))?(?<direction>(_bi|_rev)?)$", RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Grammar();
}
