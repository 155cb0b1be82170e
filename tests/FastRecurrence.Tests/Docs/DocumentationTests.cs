using System.Reflection;
using System.Text.RegularExpressions;
using FastRecurrence.Cpu;

namespace FastRecurrence.Tests.Docs;

/// <summary>kernels.md, docs/ and the pages at the top against the code and the tree.</summary>
public sealed class DocumentationTests
{
    private const int KernelsBytes = 15 * 1024;

    private static readonly string s_root = SourceIndex.Repository.Root;

    public static TheoryData<string> Documents =>
        [.. Directory.EnumerateFiles(Path.Combine(s_root, "docs"), "*.md", SearchOption.AllDirectories)
            .Select(file => Path.GetRelativePath(s_root, file).Replace('\\', '/'))
            .Concat(["kernels.md", "README.md", "CONTRIBUTING.md", "SECURITY.md"]).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Documents))]
    public void Names_constants_links_and_files_are_those_of_the_repository(string path) =>
        Assert.Empty(DocumentChecks.Problems(path, Read(path)));

    [Theory]
    [InlineData("`SequenceWalker` does it.", "no source has SequenceWalker")]
    [InlineData("`Tuning.Nonsense` is one.", "no source has Nonsense")]
    [InlineData("`Tuning.CreateState` is of another type.", "Tuning has no CreateState")]
    [InlineData("`ProjectedRows = 193`.", "ProjectedRows is 192, not 193")]
    [InlineData("`ScratchBytes = 64 << 21`.", "ScratchBytes is 67108864, not 134217728")]
    [InlineData("`RowsPerBolt = 96`.", "there is no constant RowsPerBolt")]
    [InlineData("`Variable = 1`.", "write the type before it")]
    [InlineData("[a page](nowhere.md)", "leads nowhere")]
    [InlineData("[a page](equations.md#99-nothing)", "leads to no heading")]
    [InlineData("Measured: bench/results/nowhere/peers.md.", "bench/results/nowhere/peers.md does not exist")]
    [InlineData("`src/FastRecurrence/Simd/`", "src/FastRecurrence/Simd/ does not exist")]
    [InlineData("`FASTRECURRENCE_NOTHING=1`", "no source has the environment variable")]
    [InlineData("`sweep --no-such-option`", "nothing has the option --no-such-option")]
    [InlineData("It took 3 µs (scratch measurement).", "says 'scratch measurement'")]
    [InlineData("From `src/FastRecurrence/Cells/Elman.cs`:\n\n```csharp\nint x = 1;\n```", "does not have: int x = 1;")]
    public void What_is_wrong_is_found(string text, string problem) =>
        Assert.Contains(DocumentChecks.Problems("docs/planted.md", text), found => found.Contains(problem, StringComparison.Ordinal));

    [Fact]
    public void Kernels_md_can_be_read_at_a_sitting() =>
        Assert.InRange(new FileInfo(Path.Combine(s_root, "kernels.md")).Length, 4096, KernelsBytes);

    [Fact]
    public void Every_page_is_linked_from_kernels_md()
    {
        string kernels = Read("kernels.md");
        Assert.All(Directory.EnumerateFiles(Path.Combine(s_root, "docs"), "*.md").Select(Path.GetFileName), page => Assert.Contains($"(docs/{page})", kernels));
    }

    /// <summary>That the quotations are lines of that file, <see cref="Names_constants_links_and_files_are_those_of_the_repository"/> holds.</summary>
    [Fact]
    public void How_to_add_a_cell_quotes_all_code_of_the_tests_cell_and_no_other()
    {
        const string Cell = "tests/FastRecurrence.Tests/Cells/MinGru.cs";
        string guide = Read("docs/how-to-add.md");
        string section = guide[guide.IndexOf("\n## A cell\n", StringComparison.Ordinal)..guide.IndexOf("\n## A width\n", StringComparison.Ordinal)];
        (string Path, string Code)[] quotations = [.. DocumentChecks.Quotations(section)];
        Assert.NotEmpty(quotations);
        Assert.All(quotations, quotation => Assert.Equal(Cell, quotation.Path));

        string[] quoted = [.. quotations.SelectMany(quotation => quotation.Code.Split('\n')).Select(line => line.Trim())];
        string[] code = [.. Read(Cell).Split('\n').SkipWhile(line => !line.StartsWith("internal", StringComparison.Ordinal)).Select(line => line.Trim())
            .Where(line => line.Length > 0 && !line.StartsWith("//", StringComparison.Ordinal) && !line.StartsWith("[MethodImpl", StringComparison.Ordinal))];
        Assert.Empty(code.Except(quoted));
    }

    [Fact]
    public void Every_tunable_is_in_cpu_md_with_its_value()
    {
        string[] quoted = [.. DocumentChecks.QuotedConstants(Read("docs/cpu.md"))];
        const BindingFlags Constants = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic;
        string[] tunables = [.. typeof(Tuning).GetFields(Constants).Where(f => f.IsLiteral).Select(f => f.Name)];
        Assert.NotEmpty(tunables);
        Assert.All(tunables, name => Assert.Contains(name, quoted));

        // What is derived from the caches, for the sizes that the page's table takes.
        var tuning = new Tuning(new CacheSizes(48 << 10, 1 << 20, 32 << 20));
        PropertyInfo[] derived = typeof(Tuning).GetProperties(BindingFlags.Instance | BindingFlags.Public);
        Assert.NotEmpty(derived);
        Assert.All(derived, size => Assert.Matches($@"\n\| `{size.Name}` \|.*\| {size.GetValue(tuning)} \|\n", Read("docs/cpu.md")));
    }

    [Fact]
    public void Every_decision_says_what_decided_it()
    {
        string index = Read("docs/decisions/README.md");
        string[] pages = [.. Directory.EnumerateFiles(Path.Combine(s_root, "docs/decisions")).Where(page => Path.GetFileName(page) != "README.md")];
        Assert.NotEmpty(pages);
        Assert.All(pages, page =>
        {
            string text = File.ReadAllText(page);
            Assert.Contains($"({Path.GetFileName(page)})", index);
            Assert.All((string[])["**Decision.**", "**Instead of.**", "**Why.**", "**Evidence.**"], part => Assert.Contains(part, text));
            Assert.Matches(@"bench/results/|`\w+(Tests|Contracts?)`|scripts/", text[text.IndexOf("**Evidence.**", StringComparison.Ordinal)..]);
        });
    }

    [Fact]
    public void The_map_in_kernels_md_has_every_folder_of_the_libraries()
    {
        string kernels = Read("kernels.md");
        Assert.All(Folders("src/FastRecurrence").Concat(Folders("src/FastRecurrence.Gpu")), folder => Assert.Contains($"`{folder}/`", kernels));
        IEnumerable<string> others = Folders(".").Select(folder => folder[2..]).Except(["artifacts", "docs", "src", "shared", "TestResults"]);
        Assert.All(Folders("src").Except(["src/FastRecurrence.Gpu"]).Concat(others), folder => Assert.Matches($"`{Regex.Escape(folder)}/(`|\\*)", kernels));
    }

    /// <summary>Folders with something in them, relative to the root; hidden ones and those of a build left out.</summary>
    private static IEnumerable<string> Folders(string of) =>
        Directory.EnumerateDirectories(Path.Combine(s_root, of)).Select(Path.GetFileName).Where(name => name![0] != '.' && name is not ("obj" or "bin"))
            .Select(name => $"{of}/{name}").Order(StringComparer.Ordinal);

    private static string Read(string path) => File.ReadAllText(Path.Combine(s_root, path)).ReplaceLineEndings("\n");
}
