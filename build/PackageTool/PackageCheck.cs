using System.IO.Compression;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace FastRecurrence.PackageTool;

/// <summary>What a visitor of a package gallery and a user's tools expect of a package.</summary>
internal static partial class PackageCheck
{
    private const int ReadmeLines = 60;

    /// <summary>Words that each package must be found by.</summary>
    private static readonly Dictionary<string, string[]> s_tags = new()
    {
        ["FastRecurrence"] = ["lstm", "gru", "rnn", "simd", "inference", "pytorch", "safetensors"],
        ["FastRecurrence.Onnx"] = ["lstm", "gru", "rnn", "onnx", "inference"],
        ["FastRecurrence.TorchSharp"] = ["lstm", "gru", "rnn", "training", "torchsharp", "pytorch"],
        ["FastRecurrence.Gpu"] = ["lstm", "gru", "rnn", "gpu", "cuda", "opencl", "ilgpu"],
        ["FastRecurrence.Orleans"] = ["lstm", "gru", "rnn", "orleans", "streaming", "inference"],
        ["FastRecurrence.Cli"] = ["lstm", "gru", "rnn", "benchmark"],
    };

    /// <summary>One line for each fault of a package.</summary>
    public static IEnumerable<string> Faults(string path)
    {
        using ZipArchive package = ZipFile.OpenRead(path);
        ZipArchiveEntry? nuspec = package.Entries.SingleOrDefault(e => e.FullName.EndsWith(".nuspec", StringComparison.Ordinal));
        if (nuspec is null)
            return [$"{path}: no nuspec"];
        using Stream stream = nuspec.Open();
        XElement metadata = XDocument.Load(stream).Root!.Elements().Single(e => e.Name.LocalName == "metadata");
        string Field(string name) => metadata.Elements().FirstOrDefault(e => e.Name.LocalName == name)?.Value ?? "";
        string id = Field("id");
        return [.. Metadata(id, Field).Concat(Readme(id, package, Field("readme"))).Concat(Documentation(package)).Concat(Content(id, package, metadata)).Select(f => $"{Path.GetFileName(path)}: {f}")];
    }

    private static IEnumerable<string> Metadata(string id, Func<string, string> field)
    {
        foreach (string name in (string[])["title", "description", "tags", "readme", "icon", "license", "releaseNotes"])
        {
            if (field(name).Length == 0)
                yield return $"the nuspec has no {name}";
        }

        if (!s_tags.TryGetValue(id, out string[]? expected))
            yield return $"no tags are known for {id}: add it to PackageCheck";
        string[] tags = field("tags").Split(' ', StringSplitOptions.RemoveEmptyEntries);
        foreach (string tag in (expected ?? []).Except(tags))
            yield return $"the tag '{tag}' is missing";
        if (id == "FastRecurrence" && tags.Any(t => t is "gpu" or "cuda" or "opencl"))
            yield return "the core has no device, but a tag for one";
        foreach (string cell in (string[])["LSTM", "GRU"])
        {
            if (!field("description").Contains(cell, StringComparison.Ordinal))
                yield return $"the description does not say {cell}";
        }
    }

    private static List<string> Readme(string id, ZipArchive package, string name)
    {
        if (package.GetEntry(name) is not { } entry)
            return ["the readme is not in the package"];
        using var reader = new StreamReader(entry.Open());
        string text = reader.ReadToEnd();
        var faults = new List<string>();
        int lines = text.Split('\n').Length;
        if (lines > ReadmeLines)
            faults.Add($"the readme has {lines} lines, more than a screen ({ReadmeLines})");
        string install = id.EndsWith(".Cli", StringComparison.Ordinal) ? $"dotnet tool install --global {id}" : $"dotnet add package {id}\n";
        if (!text.Contains(install, StringComparison.Ordinal))
            faults.Add($"the readme does not say '{install.Trim()}'");
        if (!text.Contains("```", StringComparison.Ordinal))
            faults.Add("the readme has no code");
        if (text.Contains("{ProjectUrl}", StringComparison.Ordinal))
            faults.Add("the readme has a property that the build did not fill in");
        faults.AddRange(Link().Matches(text).Select(m => m.Groups[1].Value).Where(target => !target.StartsWith("https://", StringComparison.Ordinal))
            .Select(target => $"the readme's link to '{target}' is not absolute"));
        return faults;
    }

    private static IEnumerable<string> Documentation(ZipArchive package)
    {
        foreach (ZipArchiveEntry xml in package.Entries.Where(e => e.Name.StartsWith("FastRecurrence", StringComparison.Ordinal) && e.Name.EndsWith(".xml", StringComparison.Ordinal)))
        {
            ZipArchiveEntry? dll = package.GetEntry(Path.ChangeExtension(xml.FullName, ".dll"));
            if (dll is null)
                continue;
            using var assembly = new MemoryStream();
            using (Stream stream = dll.Open())
                stream.CopyTo(assembly);
            assembly.Position = 0;
            HashSet<string> visible = PublicMembers.Of(assembly);
            using Stream text = xml.Open();
            string[] documented = [.. XDocument.Load(text).Descendants("member").Select(m => (string)m.Attribute("name")!)];
            string[] hidden = [.. documented.Where(m => !visible.Contains(m))];
            if (hidden.Length > 0)
                yield return $"{xml.Name} documents {hidden.Length} members that no user can see, such as {hidden[0]}";
            // What Orleans' generator writes (codecs, proxies) has to be public, but is for nobody to call.
            string[] lacking = [.. visible.Where(m => m.StartsWith("T:", StringComparison.Ordinal) && !m.StartsWith("T:OrleansCodeGen.", StringComparison.Ordinal)).Except(documented)];
            if (lacking.Length > 0 && !package.Entries.Any(e => e.Name == "DotnetToolSettings.xml"))
                yield return $"{xml.Name} lacks {lacking.Length} public types, such as {lacking[0]}";
        }
    }

    private static IEnumerable<string> Content(string id, ZipArchive package, XElement metadata)
    {
        if (id == "FastRecurrence")
        {
            foreach (string folder in (string[])["build", "buildTransitive"])
            {
                if (package.GetEntry($"{folder}/FastRecurrence.targets") is null)
                    yield return $"{folder}/FastRecurrence.targets, which sets the instruction set of Native AOT, is missing";
            }

            if (metadata.Descendants().Any(e => e.Name.LocalName == "dependency"))
                yield return "the core has a dependency";
        }

        if (id != "FastRecurrence.Cli")
            yield break;
        ZipArchiveEntry? settings = package.Entries.FirstOrDefault(e => e.Name == "FastRecurrence.Cli.runtimeconfig.json");
        if (settings is null)
        {
            yield return "the tool has no runtime settings";
            yield break;
        }

        using var reader = new StreamReader(settings.Open());
        if (!reader.ReadToEnd().Contains("\"rollForward\": \"Major\"", StringComparison.Ordinal))
            yield return "the tool does not roll forward to a newer .NET";
        foreach (ZipArchiveEntry entry in package.Entries.Where(e => e.Name.EndsWith(".pdb", StringComparison.Ordinal) || e.Name.StartsWith("FastRecurrence", StringComparison.Ordinal) && e.Name.EndsWith(".xml", StringComparison.Ordinal)))
            yield return $"{entry.Name} is of no use in a tool";
    }

    [GeneratedRegex(@"\]\(([^)\s]+)")]
    private static partial Regex Link();
}
