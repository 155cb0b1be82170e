using System.CommandLine;

namespace FastRecurrence.Cli.Commands;

/// <summary>A command line as one would type it again.</summary>
internal static class CommandText
{
    public static string Of(ParseResult parsed) => $"fastrecurrence {string.Join(' ', parsed.Tokens.Select(t => Quoted(t.Value)))}";

    private static string Quoted(string word) => word.Length > 0 && word.All(IsPlain) ? word : $"'{word.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static bool IsPlain(char c) => char.IsAsciiLetterOrDigit(c) || "-_.,:/=+%@\\".Contains(c, StringComparison.Ordinal);
}
