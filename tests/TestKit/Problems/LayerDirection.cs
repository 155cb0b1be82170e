namespace FastRecurrence.TestKit.Problems;

/// <summary>In which direction a problem's layers go through a sequence.</summary>
internal enum LayerDirection
{
    Forward,
    Reverse,

    /// <summary>Both, each layer's two outputs side by side: <c>[T, N, 2·H]</c>.</summary>
    Bidirectional,
}

/// <summary>The names of <see cref="LayerDirection"/>: whole on the command line, short in ids, where forward goes without saying.</summary>
internal static class DirectionName
{
    private static readonly (LayerDirection Direction, string Name, string Suffix)[] s_names =
        [(LayerDirection.Forward, "forward", ""), (LayerDirection.Reverse, "reverse", "_rev"), (LayerDirection.Bidirectional, "bidirectional", "_bi")];

    public static string Of(LayerDirection direction) => s_names.Single(n => n.Direction == direction).Name;

    public static string Suffix(LayerDirection direction) => s_names.Single(n => n.Direction == direction).Suffix;

    public static LayerDirection FromSuffix(string suffix) => s_names.Single(n => n.Suffix == suffix).Direction;

    /// <exception cref="FormatException">A name is unknown.</exception>
    public static IReadOnlyList<LayerDirection> ParseList(string text) => [.. text.Split(',', StringSplitOptions.TrimEntries).Select(Find).Distinct()];

    private static LayerDirection Find(string name)
    {
        foreach ((LayerDirection direction, string known, _) in s_names)
        {
            if (string.Equals(known, name, StringComparison.OrdinalIgnoreCase))
                return direction;
        }

        throw new FormatException($"'{name}' is not a direction.{Suggestion.For(name, s_names.Select(n => n.Name))} Use forward, reverse, bidirectional.");
    }
}
