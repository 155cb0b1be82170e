namespace FastRecurrence.Cli.Axes;

/// <summary>How weights are kept, as options, ids and JSON name it.</summary>
/// <param name="Name">On the command line.</param>
/// <param name="Format">The library's.</param>
/// <param name="Share">Of the bytes of fp32.</param>
/// <param name="Tolerance">What rounding the weights may move h by, over sums of 128 terms; the column of errors shows what it does.</param>
internal sealed record WeightType(string Name, WeightFormat Format, double Share, double Tolerance)
{
    public static IReadOnlyList<WeightType> All { get; } =
        [new("fp32", WeightFormat.Float32, 1, 0), new("bf16", WeightFormat.Bfloat16, 0.5, 1e-2), new("int8", WeightFormat.Int8, 0.25, 3e-2)];

    /// <summary>Reads names separated by commas.</summary>
    /// <exception cref="FormatException">A name is unknown.</exception>
    public static IReadOnlyList<WeightType> ParseList(string text) => [.. text.Split(',', StringSplitOptions.TrimEntries).Select(Find).Distinct()];

    /// <exception cref="FormatException">The name is unknown.</exception>
    public static WeightType Find(string name) =>
        All.FirstOrDefault(w => string.Equals(w.Name, name, StringComparison.OrdinalIgnoreCase))
        ?? throw new FormatException($"'{name}' is not a type of weights. Use {string.Join(", ", All.Select(w => w.Name))}.");
}
