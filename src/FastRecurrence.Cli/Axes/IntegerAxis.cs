using System.Globalization;
using System.Text.RegularExpressions;

namespace FastRecurrence.Cli.Axes;

/// <summary>
/// One axis of a sweep: <c>1,2,8</c> a list, <c>1..256</c> doubling, <c>64..512+64</c> a step, <c>1..1000x10</c> a factor
/// (<c>x</c>, since shells expand <c>*</c>). Ranges mix in a list; a range ends at its last value that is not beyond the end.
/// </summary>
internal static partial class IntegerAxis
{
    private const int MostValues = 10_000;

    /// <summary>Reads an axis; duplicates are dropped, the order is kept.</summary>
    /// <exception cref="FormatException">The text is no axis, or a value lies outside the limits.</exception>
    public static IReadOnlyList<int> Parse(string text, int atLeast, int atMost = int.MaxValue)
    {
        int[] values = [.. text.Split(',', StringSplitOptions.TrimEntries).SelectMany(term => Term(term)).Take(MostValues + 1).Distinct()];
        if (values.Length > MostValues)
            throw new FormatException($"'{text}' has more than {MostValues} values.");
        foreach (int value in values)
        {
            if (value < atLeast)
                throw new FormatException($"'{text}' holds {value}, the smallest value is {atLeast}.");
            if (value > atMost)
                throw new FormatException($"'{text}' holds {value}, the largest value is {atMost}.");
        }

        return values;
    }

    /// <summary>
    /// The same for input sizes, which may be 0, or <c>same</c> (null in the result) for the hidden size, or <c>skip</c> for
    /// 0: the recurrent work alone.
    /// </summary>
    public static IReadOnlyList<int?> ParseOrSame(string text) =>
        string.Equals(text, "same", StringComparison.OrdinalIgnoreCase) ? [null]
        : string.Equals(text, "skip", StringComparison.OrdinalIgnoreCase) ? [0]
        : [.. Parse(text, atLeast: 0).Select(value => (int?)value)];

    /// <summary>Threads of a team; <c>all</c> is the machine's processors.</summary>
    public static IReadOnlyList<int> ParseThreads(string text)
    {
        string all = Math.Min(Environment.ProcessorCount, WorkerTeam.MaxWorkers).ToString(CultureInfo.InvariantCulture);
        string[] terms = text.Split(',', StringSplitOptions.TrimEntries);
        return Parse(string.Join(',', terms.Select(t => string.Equals(t, "all", StringComparison.OrdinalIgnoreCase) ? all : t)), 1, WorkerTeam.MaxWorkers);
    }

    private static IEnumerable<int> Term(string term)
    {
        Match match = Grammar().Match(term);
        if (!match.Success)
            throw NoAxis(term);
        int first = Number(match.Groups["first"], term);
        if (!match.Groups["last"].Success)
            return [first];
        int last = Number(match.Groups["last"], term);
        if (last < first)
            throw new FormatException($"'{term}' ends before it begins.");
        if (match.Groups["step"].Success)
        {
            int step = Number(match.Groups["step"], term);
            return step >= 1 ? Values(first, last, v => v + step) : throw new FormatException($"'{term}' has step {step}; a step is 1 or more.");
        }

        int factor = match.Groups["factor"].Success ? Number(match.Groups["factor"], term) : 2;
        if (factor < 2)
            throw new FormatException($"'{term}' has factor {factor}; a factor is 2 or more.");
        return first >= 1 ? Values(first, last, v => v * factor)
            : throw new FormatException($"'{term}' begins at 0, which no factor moves; begin at 1 or use a step.");
    }

    private static IEnumerable<int> Values(int first, int last, Func<long, long> next)
    {
        for (long value = first; value <= last; value = next(value))
            yield return (int)value;
    }

    private static int Number(Group digits, string term) =>
        int.TryParse(digits.ValueSpan, NumberStyles.None, CultureInfo.InvariantCulture, out int value) ? value : throw NoAxis(term);

    private static FormatException NoAxis(string term) =>
        new($"'{term}' is not a {(term.Contains("..", StringComparison.Ordinal) ? "range" : "number")}. Use 1,2,8 or 1..256 or 64..512+64 or 1..1000x10.");

    [GeneratedRegex(@"^(?<first>[0-9]+)(\.\.(?<last>[0-9]+)(\+(?<step>[0-9]+)|x(?<factor>[0-9]+))?)?$",
        RegexOptions.CultureInvariant | RegexOptions.ExplicitCapture)]
    private static partial Regex Grammar();
}
