namespace FastRecurrence.TestKit.Problems;

/// <summary>Which ways a problem's layers walk a sequence.</summary>
internal enum Walk
{
    Forward,
    Reverse,

    /// <summary>Both, each layer's two outputs side by side: <c>[T, N, 2·H]</c>.</summary>
    Bidirectional,
}

/// <summary>The names of <see cref="Walk"/>: whole on the command line, short in ids, where forward goes without saying.</summary>
internal static class WalkName
{
    private static readonly (Walk Walk, string Name, string Suffix)[] s_names =
        [(Walk.Forward, "forward", ""), (Walk.Reverse, "reverse", "_rev"), (Walk.Bidirectional, "bidirectional", "_bi")];

    public static string Of(Walk walk) => s_names.Single(n => n.Walk == walk).Name;

    public static string Suffix(Walk walk) => s_names.Single(n => n.Walk == walk).Suffix;

    public static Walk FromSuffix(string suffix) => s_names.Single(n => n.Suffix == suffix).Walk;

    /// <exception cref="FormatException">A name is unknown.</exception>
    public static IReadOnlyList<Walk> ParseList(string text) => [.. text.Split(',', StringSplitOptions.TrimEntries).Select(Find).Distinct()];

    private static Walk Find(string name)
    {
        foreach ((Walk walk, string known, _) in s_names)
        {
            if (string.Equals(known, name, StringComparison.OrdinalIgnoreCase))
                return walk;
        }

        throw new FormatException($"'{name}' is not a direction.{Suggestion.For(name, s_names.Select(n => n.Name))} Use forward, reverse, bidirectional.");
    }
}
