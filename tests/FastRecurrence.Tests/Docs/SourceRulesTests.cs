namespace FastRecurrence.Tests.Docs;

/// <summary>The sizes of <c>src/</c> and of kernels.md, file by file.</summary>
public sealed class SourceRulesTests
{
    private const int MostFilesWithCellKind = 10, MostLinesOfTheTool = 4500;

    private static readonly string[] s_files =
        [.. Directory.EnumerateFiles(Path.Combine(Repository.Root, "src"), "*.cs", SearchOption.AllDirectories).Select(Relative).Where(IsWritten).Order()];

    [Fact]
    public void Lines_files_and_parameter_lists_are_short()
    {
        Assert.NotEmpty(s_files);
        Assert.Empty(s_files.SelectMany(file => SourceRules.Violations(file, Read(file))));
    }

    [Fact]
    public void Few_files_ask_which_cell_it_is() =>
        Assert.InRange(s_files.Count(file => Read(file).Contains("CellKind", StringComparison.Ordinal)), 1, MostFilesWithCellKind);

    [Fact]
    public void The_tool_is_small() =>
        Assert.InRange(s_files.Where(file => file.StartsWith("src/FastRecurrence.Cli/", StringComparison.Ordinal)).Sum(Lines), 1, MostLinesOfTheTool);

    [Theory]
    [InlineData("void F(int a, int b)", 2)]
    [InlineData("record R(\n    [property: JsonIgnore] Point? A, IReadOnlyList<(int X, double[] Y)> B, Func<int, string> C = null, params ReadOnlySpan<int> d)", 4)]
    [InlineData("int Local(ref readonly V a, out V b, scoped in Gates<V> c, delegate*<int, void> d) => G(a, b);", 4)]
    [InlineData("x.Select((int i, string s) => $\"{i}, {s}\")", 2)]
    [InlineData("F(\"a, b\", c); // int a, int b", 0)]
    [InlineData("if (a < b && F(c) > d) G(x, new Y(1), a ? b : c, z => z.W);", 0)]
    [InlineData("switch (a, b) { case (1, 2): break; }", 0)]
    public void A_parameter_list_is_told_from_arguments(string code, int parameters) =>
        Assert.Equal(parameters, SourceRules.ParameterLists(code).Select(list => list.Count).DefaultIfEmpty().Max());

    [Fact]
    public void What_is_too_large_is_found()
    {
        string wide = new('x', SourceRules.MostCharacters + 1), many = string.Join(", ", Enumerable.Range(0, SourceRules.MostParameters + 1).Select(i => $"int a{i}"));
        string text = $"// {wide}\nvoid F({many})\n{string.Concat(Enumerable.Repeat("\n", SourceRules.MostLines))}}}\n";
        string[] found = [.. SourceRules.Violations("F.cs", text)];
        Assert.Equal(3, found.Length);
        Assert.All(found.Zip([" lines,", "F.cs:1 ", "F has 9 parameters"]), pair => Assert.Contains(pair.Second, pair.First));
    }

    private static string Relative(string file) => Path.GetRelativePath(Repository.Root, file).Replace('\\', '/');

    private static bool IsWritten(string file) => !file.Contains("/obj/", StringComparison.Ordinal) && !file.Contains("/bin/", StringComparison.Ordinal);

    private static string Read(string file) => File.ReadAllText(Path.Combine(Repository.Root, file)).ReplaceLineEndings("\n");

    private static int Lines(string file) => Read(file).TrimEnd('\n').Split('\n').Length;
}
