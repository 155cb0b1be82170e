using System.Globalization;
using System.Text.RegularExpressions;

namespace FastRecurrence.Tests.Docs;

/// <summary>
/// What is wrong with a document of this repository, in words: names that no source has, constants of another value, links and result files that lead
/// nowhere, quoted code that the file does not have, words that the project does not use.
/// </summary>
internal static partial class DocumentChecks
{
    private static readonly string[] s_banned =
        ["asked for", "scratch measurement", "the prototype", "the door", "judge", "the accused", "ladder", "lone", "textbook", "not measured: no"];

    private static readonly string[] s_folders = ["src/", "tests/", "bench/", "docs/", "samples/", "scripts/", ".ci/", ".github/"];

    /// <summary>All problems of a document.</summary>
    /// <param name="path">Where it lies, relative to the root: links start there.</param>
    /// <param name="text">What it says.</param>
    public static IReadOnlyList<string> Problems(string path, string text)
    {
        SourceIndex index = SourceIndex.Repository;
        string prose = CodeBlock().Replace(text, "");
        string[] spans = [.. Span().Matches(prose).Select(m => m.Groups[1].Value)];
        return
        [
            .. spans.SelectMany(span => OfSpan(index, span)),
            .. Link().Matches(prose).SelectMany(link => OfLink(index, path, link.Groups[1].Value)),
            .. ResultFile().Matches(prose).Select(m => m.Value.TrimEnd('.')).Where(file => !Path.Exists(Path.Combine(index.Root, file)))
                .Select(file => $"{file} does not exist"),
            .. Quotations(text).SelectMany(quotation => OfQuote(index, quotation.Path, quotation.Code)),
            .. s_banned.Where(word => Regex.IsMatch(prose, $@"\b{word}\b", RegexOptions.IgnoreCase)).Select(word => $"says '{word}'"),
        ];
    }

    /// <summary>The constants that a document quotes as <c>Name = value</c>.</summary>
    public static IEnumerable<string> QuotedConstants(string text) =>
        Span().Matches(text).Select(m => Constant().Match(m.Groups[1].Value)).Where(m => m.Success).Select(m => m.Groups["name"].Value);

    /// <summary>The code that a document quotes, with the files that it is from.</summary>
    public static IEnumerable<(string Path, string Code)> Quotations(string text) =>
        QuotedCode().Matches(text).Select(m => (m.Groups[1].Value, m.Groups[2].Value));

    private static IEnumerable<string> OfSpan(SourceIndex index, string span)
    {
        if (Constant().Match(span) is { Success: true } constant)
            return OfConstant(constant);
        if (span.StartsWith("FASTRECURRENCE_", StringComparison.Ordinal))
            return index.HasText(span.Split('=')[0]) ? [] : [$"no source has the environment variable {span}"];
        if (s_folders.Any(folder => span.StartsWith(folder, StringComparison.Ordinal)) && !span.Contains(' '))
            return Path.Exists(Path.Combine(index.Root, Wildcard().Replace(span, ""))) ? [] : [$"{span} does not exist"];
        if (Name().IsMatch(span) && span.Any(char.IsLower) && !span.StartsWith("DOTNET_", StringComparison.Ordinal))
            return OfName(index, span);
        return span.StartsWith("dotnet", StringComparison.Ordinal) ? []
            : Option().Matches(span).Select(m => m.Value).Where(option => !index.HasText(option)).Select(option => $"nothing has the option {option}");
    }

    private static IEnumerable<string> OfName(SourceIndex index, string span)
    {
        if (Directory.Exists(Path.Combine(index.Root, "src", span)))
            yield break; // a package
        string[] parts = Generic().Replace(span, "").Split('.');
        foreach (string part in parts.Where(part => !index.Knows(part)))
            yield return $"no source has {part} (in `{span}`)";
        for (int i = 1; i < parts.Length; i++)
        {
            if (!index.Knows(parts[i - 1], parts[i]))
                yield return $"{parts[i - 1]} has no {parts[i]}";
        }
    }

    private static IEnumerable<string> OfConstant(Match constant)
    {
        string[] name = constant.Groups["name"].Value.Split('.');
        IReadOnlyDictionary<string, object> found = SourceIndex.Constants(name.Length > 1 ? name[^2] : null, name[^1]);
        if (found.Count != 1)
        {
            yield return found.Count == 0 ? $"there is no constant {constant.Groups["name"].Value}"
                : $"{name[^1]} may be any of {string.Join(", ", found.Keys)}: write the type before it";
            yield break;
        }

        double quoted = double.Parse(constant.Groups["value"].Value, CultureInfo.InvariantCulture);
        if (constant.Groups["shift"].Success)
            quoted *= Math.Pow(2, int.Parse(constant.Groups["shift"].Value, CultureInfo.InvariantCulture));
        double actual = Convert.ToDouble(found.Values.Single(), CultureInfo.InvariantCulture);
        if (actual != quoted)
            yield return string.Create(CultureInfo.InvariantCulture, $"{constant.Groups["name"].Value} is {actual}, not {quoted}");
    }

    private static IEnumerable<string> OfLink(SourceIndex index, string path, string target)
    {
        if (target.StartsWith("http", StringComparison.Ordinal))
            yield break;
        string[] parts = target.Split('#', 2);
        string file = parts[0].Length == 0 ? Path.Combine(index.Root, path) : Path.Combine(index.Root, Path.GetDirectoryName(path)!, parts[0]);
        if (!Path.Exists(file))
            yield return $"the link {target} leads nowhere";
        else if (parts.Length == 2 && !Headings(File.ReadAllText(file)).Contains(parts[1]))
            yield return $"the link {target} leads to no heading";
    }

    /// <summary>A block of code after <c>From `path`:</c> is in that file, line by line; <c>…</c> stands for what was left out.</summary>
    private static IEnumerable<string> OfQuote(SourceIndex index, string path, string code)
    {
        string file = Path.Combine(index.Root, path);
        if (!File.Exists(file))
            return [$"code is quoted from {path}, which does not exist"];
        string source = Flat(File.ReadAllText(file));
        return code.Split('…').Select(Flat).Where(part => part.Length > 0 && !source.Contains(part, StringComparison.Ordinal))
            .Select(part => $"{path} does not have: {part}");
    }

    private static string Flat(string code) => Space().Replace(code, " ").Trim();

    /// <summary>Headings as the anchors that GitHub makes of them.</summary>
    private static HashSet<string> Headings(string text) =>
        [.. Heading().Matches(CodeBlock().Replace(text, "")).Select(m => m.Groups[1].Value.Trim().ToLowerInvariant())
            .Select(heading => NotInAnchor().Replace(heading, "").Replace(' ', '-'))];

    [GeneratedRegex("^```.*?^```", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex CodeBlock();

    [GeneratedRegex("(?<!`)`([^`\n]+)`(?!`)")]
    private static partial Regex Span();

    [GeneratedRegex(@"\]\(([^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex("bench/results/[A-Za-z0-9_./-]+")]
    private static partial Regex ResultFile();

    [GeneratedRegex("From `([^`]+)`:\n\n```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex QuotedCode();

    [GeneratedRegex(@"^(?<name>[A-Z][\w.]*) = (?<value>[0-9.]+)( << (?<shift>[0-9]+))?$")]
    private static partial Regex Constant();

    [GeneratedRegex(@"^[A-Z]\w*(<[\w, ]+>)?(\.[A-Z]\w*)*$")]
    private static partial Regex Name();

    [GeneratedRegex("<[^>]*>")]
    private static partial Regex Generic();

    [GeneratedRegex("(?<![\\w-])--[a-z][a-z-]+")]
    private static partial Regex Option();

    [GeneratedRegex(@"/?\*[.\w]*$")]
    private static partial Regex Wildcard();

    [GeneratedRegex("^#+ (.+)$", RegexOptions.Multiline)]
    private static partial Regex Heading();

    [GeneratedRegex(@"[^\p{L}\p{N} _-]")]
    private static partial Regex NotInAnchor();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Space();
}
