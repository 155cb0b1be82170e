using System.Reflection;
using System.Text.RegularExpressions;
using FastRecurrence.Gpu;

namespace FastRecurrence.Tests.Docs;

/// <summary>What documents may name: the identifiers of the sources, the constants of the libraries, the options of the tool. Read once.</summary>
internal sealed partial class SourceIndex
{
    private readonly Dictionary<string, HashSet<string>> _membersByType = [];
    private readonly HashSet<string> _names = [], _testNames = [];
    private readonly string _options;

    private SourceIndex(string root)
    {
        Root = root;
        foreach (string file in Sources("src"))
        {
            string code = WithoutComments(File.ReadAllText(file));
            string[] names = [.. Identifier().Matches(code).Select(m => m.Value)];
            _names.UnionWith(names);
            foreach (Match type in TypeDeclaration().Matches(code))
            {
                if (!_membersByType.TryGetValue(type.Groups[1].Value, out HashSet<string>? members))
                    _membersByType.Add(type.Groups[1].Value, members = []);
                members.UnionWith(names);
            }
        }

        foreach (string file in Sources("tests"))
            _testNames.UnionWith(TypeDeclaration().Matches(WithoutComments(File.ReadAllText(file))).Select(m => m.Groups[1].Value));
        _options = string.Concat(Sources("src").Concat(Sources("bench")).Concat(Sources("samples")).Select(File.ReadAllText))
            + string.Concat(Directory.EnumerateFiles(Path.Combine(root, "scripts")).Select(File.ReadAllText));
    }

    /// <summary>The index of this repository.</summary>
    public static SourceIndex Repository { get; } = new(TestKit.Repository.Root);

    /// <summary>The folder that has FastRecurrence.sln.</summary>
    public string Root { get; }

    /// <summary>Whether code, apart from its comments, has the identifier; test classes count where the name ends like one.</summary>
    public bool Knows(string name) => _names.Contains(name) || (TestClass().IsMatch(name) && _testNames.Contains(name));

    /// <summary>Whether a file that declares the type has the member; true where no type of that name exists, since it is a namespace then.</summary>
    public bool Knows(string type, string member) => !_membersByType.TryGetValue(type, out HashSet<string>? members) || members.Contains(member);

    /// <summary>Whether the sources of the tool, the benches or the scripts have the text, such as an option or an environment variable.</summary>
    public bool HasText(string text) => Regex.IsMatch(_options, $@"(?<![\w-]){Regex.Escape(text)}(?![\w-])");

    /// <summary>The values of all constants of a name, by the full names of the types that have them.</summary>
    /// <param name="type">The type's simple name, or null for any.</param>
    /// <param name="name">The constant.</param>
    public static IReadOnlyDictionary<string, object> Constants(string? type, string name)
    {
        const BindingFlags Any = BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.DeclaredOnly;
        return new[] { typeof(Backend).Assembly, typeof(GpuBackend).Assembly }
            .SelectMany(assembly => assembly.GetTypes())
            .Where(t => type is null || t.Name.Split('`')[0] == type)
            .SelectMany(t => t.GetFields(Any))
            .Where(f => f.IsLiteral && f.Name == name)
            .ToDictionary(f => f.DeclaringType!.FullName!, f => f.GetRawConstantValue()!);
    }

    private IEnumerable<string> Sources(string folder) =>
        Directory.EnumerateFiles(Path.Combine(Root, folder), "*.cs", SearchOption.AllDirectories).Where(f => !BuildOutput().IsMatch(f));

    private static string WithoutComments(string code) => LineComment().Replace(code, "");

    [GeneratedRegex(@"[A-Za-z_]\w*")]
    private static partial Regex Identifier();

    [GeneratedRegex(@"\b(?:class|struct|interface|enum|record struct|record class|record) ([A-Z]\w*)")]
    private static partial Regex TypeDeclaration();

    [GeneratedRegex("(Tests|Contracts?|Tolerance)$")]
    private static partial Regex TestClass();

    [GeneratedRegex(@"^\s*//.*$|(?<=[;{}\s])// .*$", RegexOptions.Multiline)]
    private static partial Regex LineComment();

    [GeneratedRegex(@"[/\\](obj|bin)[/\\]")]
    private static partial Regex BuildOutput();
}
