namespace FastRecurrence.TestKit.Problems;

/// <summary>How weights are kept, as options, ids and JSON name it.</summary>
/// <param name="Name">On the command line.</param>
/// <param name="Format">The library's.</param>
/// <param name="Share">Of the bytes of fp32.</param>
internal sealed record WeightType(string Name, WeightFormat Format, double Share)
{
    public static IReadOnlyList<WeightType> All { get; } =
        [new("fp32", WeightFormat.Float32, 1), new("bf16", WeightFormat.Bfloat16, 0.5), new("int8", WeightFormat.Int8, 0.25)];

    /// <summary>Reads names separated by commas.</summary>
    /// <exception cref="FormatException">A name is unknown.</exception>
    public static IReadOnlyList<WeightType> ParseList(string text) => [.. text.Split(',', StringSplitOptions.TrimEntries).Select(Find).Distinct()];

    /// <exception cref="FormatException">The name is unknown.</exception>
    public static WeightType Find(string name) =>
        All.FirstOrDefault(w => string.Equals(w.Name, name, StringComparison.OrdinalIgnoreCase))
        ?? throw new FormatException($"'{name}' is not a type of weights. Use {string.Join(", ", All.Select(w => w.Name))}.");
}
