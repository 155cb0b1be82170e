namespace FastRecurrence.Cli.Output;

/// <summary>Small pieces of sentences.</summary>
internal static class Words
{
    /// <summary>A number with its noun: <c>1 thread</c>, <c>2 threads</c>.</summary>
    public static string Count(int number, string noun) => $"{number} {Plural(number, noun)}";

    /// <summary>The noun in the form that the number wants.</summary>
    public static string Plural(int number, string noun) => number == 1 ? noun : noun + (noun.EndsWith("ch", StringComparison.Ordinal) ? "es" : "s");
}
