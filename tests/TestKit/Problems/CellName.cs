namespace FastRecurrence.TestKit.Problems;

/// <summary>A cell as options, problem ids and JSON name it. <c>elman</c> alone is the tanh one, <c>gru</c> alone is linear before its reset.</summary>
internal sealed record CellName(string Name, Func<int, int, LayerShape> Shape)
{
    /// <summary>Every cell; a new one joins the tool here.</summary>
    public static IReadOnlyList<CellName> All { get; } =
    [
        new("lstm", LayerShape.Lstm),
        new("gru", (i, h) => LayerShape.Gru(i, h)),
        new("gru-resetbefore", (i, h) => LayerShape.Gru(i, h, linearBeforeReset: false)),
        new("elman", (i, h) => LayerShape.Elman(i, h)),
        new("elman-relu", (i, h) => LayerShape.Elman(i, h, Activation.Relu)),
        new("elman-sigmoid", (i, h) => LayerShape.Elman(i, h, Activation.Sigmoid)),
        new("elman-linear", (i, h) => LayerShape.Elman(i, h, Activation.Linear)),
    ];

    /// <summary>Reads names separated by commas.</summary>
    /// <exception cref="FormatException">A name is unknown.</exception>
    public static IReadOnlyList<CellName> ParseList(string text) => [.. text.Split(',', StringSplitOptions.TrimEntries).Select(Find).Distinct()];

    /// <summary>Reads one name.</summary>
    /// <exception cref="FormatException">The name is unknown.</exception>
    public static CellName Find(string name) =>
        All.FirstOrDefault(c => string.Equals(c.Name, name, StringComparison.OrdinalIgnoreCase))
        ?? throw new FormatException($"'{name}' is not a cell.{Suggestion.For(name, All.Select(c => c.Name))} Use {string.Join(", ", All.Select(c => c.Name))}.");
}
