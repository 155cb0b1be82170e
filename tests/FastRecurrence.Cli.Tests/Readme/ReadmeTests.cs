using System.Text.RegularExpressions;
using FastRecurrence.Cli.Tests.Tool;
using BackendList = FastRecurrence.Cli.BackendList;

namespace FastRecurrence.Cli.Tests.Readme;

/// <summary>The README against what it describes: examples, commands, names, paths. Drift fails; nothing is rewritten.</summary>
public sealed partial class ReadmeTests
{
    private static readonly string s_root = Repository.Root;
    private static readonly string s_readme = File.ReadAllText(Path.Combine(s_root, "README.md"));

    [Fact]
    public void Is_short() => Assert.InRange(s_readme.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries).Length, 400, 1200);

    [Fact]
    public void First_code_is_on_the_first_screen() =>
        Assert.InRange(s_readme[..s_readme.IndexOf("layer.Run(", StringComparison.Ordinal)].Split('\n').Length, 1, 32);

    [Theory]
    [InlineData(1, "README example 1", "FastRecurrence.Cli.Tests/Readme/EmbeddingExample.cs")]
    [InlineData(2, "README example 2", "FastRecurrence.Cli.Tests/Readme/TrainingExample.cs")]
    [InlineData(3, "README example 3", "FastRecurrence.Cli.Tests/Readme/DeviceExample.cs")]
    [InlineData(4, "\"Many live streams\"", "FastRecurrence.Tests/Streams/StreamExample.cs")]
    public void Examples_are_the_ones_that_compile_and_run(int number, string mark, string file)
    {
        string[] examples = Blocks("csharp");
        Assert.Equal(4, examples.Length);
        string source = File.ReadAllText(Path.Combine(s_root, "tests", file)).ReplaceLineEndings("\n");
        string begin = $"// {mark}\n", end = $"// end of {mark}\n";
        string tested = source[(source.IndexOf(begin, StringComparison.Ordinal) + begin.Length)..source.IndexOf(end, StringComparison.Ordinal)];
        string shown = Usings().Replace(examples[number - 1], "").TrimStart('\n');
        Assert.Equal(shown.TrimEnd(), Unindent(tested).TrimEnd());
    }

    [Fact]
    public void Commands_are_the_ones_that_CI_runs()
    {
        string ci = File.ReadAllText(Path.Combine(s_root, ".ci/run"));
        string[] commands = [.. Blocks("bash").Select(b => b.Trim())];
        Assert.Equal(["dotnet run -c Release --project src/FastRecurrence.Cli -- crossover", "dotnet test"], commands);
        Assert.All(commands, command => Assert.Contains($"\n{command}", ci));
    }

    [Fact]
    public void Backends_of_the_table_are_the_tools()
    {
        string[] named = [.. Section("Backends", Page("docs/dispatch.md")).SelectMany(line => Code().Matches(line.Split('|').ElementAtOrDefault(1) ?? "")).Select(m => m.Groups[1].Value)];
        // One device of a kind stands for all.
        string[] known = [.. BackendList.All.Select(b => Regex.Replace(b.Name, ":[0-9]+$", ":0")).Append("simd").Distinct()];
        Assert.Equal(known.Order(), named.Order());
    }

    [Fact]
    public void Commands_of_the_tool_are_the_ones_it_has()
    {
        string help = ToolRun.Of().Error;
        string[] described = [.. Section("Commands", Page("docs/tool.md")).Select(line => Regex.Match(line, @"^\| `([a-z]+)[^`]*` \| [^`]")).Where(m => m.Success).Select(m => m.Groups[1].Value).Distinct()];
        Assert.Equal(["info", "exercises", "gradients", "verify", "inspect", "sweep", "compare", "report", "crossover"], described);
        Assert.All(described, command => Assert.Contains($"\n  {command} ", help));
    }

    [Fact]
    public void Options_it_mentions_exist()
    {
        string help = string.Concat(((string[])["exercises", "gradients", "verify", "inspect", "sweep", "compare", "report", "crossover"]).Select(c => ToolRun.Of(c, "--help").Output));
        string page = Page("docs/tool.md");
        string[] options = [.. Section("Commands", page).Concat(Section("Problems and options", page)).SelectMany(line => Regex.Matches(line, "`(--?[A-Za-z-]+)")).Select(m => m.Groups[1].Value).Distinct()];
        Assert.Contains("--explain", options);
        Assert.All(options, option => Assert.Matches($@"(^|[\s,]){Regex.Escape(option)}[\s,]", help));
    }

    [Fact]
    public void Links_to_files_lead_somewhere() =>
        Assert.All(Regex.Matches(s_readme, @"\]\((?!https?:)([^)#]+)\)"), link => Assert.True(Path.Exists(Path.Combine(s_root, link.Groups[1].Value)), $"{link.Groups[1].Value} does not exist"));

    private static string[] Blocks(string language) =>
        [.. Regex.Matches(s_readme, $"```{language}\n(.*?)```", RegexOptions.Singleline).Select(m => m.Groups[1].Value)];

    private static string Page(string path) => File.ReadAllText(Path.Combine(s_root, path)).ReplaceLineEndings("\n");

    private static string[] Section(string heading, string? page = null)
    {
        page ??= s_readme;
        int start = page.IndexOf($"\n## {heading}\n", StringComparison.Ordinal);
        Assert.True(start >= 0, $"no section '{heading}'");
        int end = page.IndexOf("\n## ", start + 1, StringComparison.Ordinal);
        return page[start..(end < 0 ? page.Length : end)].Split('\n');
    }

    private static string Unindent(string code)
    {
        string[] lines = code.Split('\n');
        int margin = lines.Where(l => l.Length > 0).Min(l => l.Length - l.TrimStart().Length);
        return string.Join('\n', lines.Select(l => l.Length > margin ? l[margin..] : ""));
    }

    [GeneratedRegex("^using [^;(]+;\n", RegexOptions.Multiline)]
    private static partial Regex Usings();

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex Code();
}
