using System.Text.Json;
using FastRecurrence.Import;

namespace FastRecurrence.TestKit.Cases;

/// <summary>The cases of a folder: JSON files, safetensors files, and folders with a model.onnx and its test data.</summary>
internal static class CaseFolder
{
    /// <summary>
    /// The cases by name. Names that begin with <c>_</c> and text files are none; of other files each is a case, and what
    /// cannot be read as one is returned as a case that fails with the reason.
    /// </summary>
    public static IReadOnlyList<ConformanceCase> Read(string folder)
    {
        var cases = new List<ConformanceCase>();
        foreach (string path in Directory.EnumerateFileSystemEntries(folder).Order(StringComparer.Ordinal))
        {
            string name = Path.GetFileNameWithoutExtension(path);
            if (name.StartsWith('_') || name.StartsWith('.') || name.StartsWith("LICENSE", StringComparison.Ordinal) || name.StartsWith("README", StringComparison.Ordinal)
                || name.StartsWith("SOURCES", StringComparison.Ordinal))
                continue;
            string extension = Path.GetExtension(path);
            if (Directory.Exists(path))
            {
                if (File.Exists(Path.Combine(path, "model.onnx")))
                    AddNodes(cases, path);
            }
            else if (extension is ".json" or ".safetensors")
            {
                cases.Add(Guard(name, () => extension == ".json" ? ReadJson(path) : new TorchCase(name, SafetensorsFile.Read(File.ReadAllBytes(path), Path.GetFileName(path)))));
            }
        }

        return cases;
    }

    private static void AddNodes(List<ConformanceCase> cases, string folder)
    {
        string name = Path.GetFileName(folder);
        string[] sets = [.. Directory.EnumerateDirectories(folder, "test_data_set_*").Order(StringComparer.Ordinal)];
        foreach (string set in sets)
            cases.Add(Guard(name, () => new OnnxNodeCase(sets.Length == 1 ? name : $"{name}/{Path.GetFileName(set)}", folder, set)));
        if (sets.Length == 0)
            cases.Add(new UnreadableCase(name, "the folder has a model.onnx but no test_data_set_0."));
    }

    private static ConformanceCase ReadJson(string path)
    {
        using JsonDocument document = CaseJson.Parse(Path.GetFileName(path), File.ReadAllBytes(path));
        JsonElement root = document.RootElement;
        string name = Path.GetFileNameWithoutExtension(path);
        if (root.ValueKind == JsonValueKind.Object && root.TryGetProperty("framework", out JsonElement framework))
        {
            return framework.GetString() switch
            {
                "keras" => new KerasCase(name, root),
                "pytorch" => new TorchJsonCase(name, root),
                var other => throw new NotSupportedException($"the framework '{other}' is unknown; there are keras and pytorch."),
            };
        }

        return new OperatorCase(name, root);
    }

    private static ConformanceCase Guard(string name, Func<ConformanceCase> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (CaseRunner.IsRefusal(e) || e is IOException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            return new UnreadableCase(name, e.Message.ReplaceLineEndings(" "));
        }
    }

    /// <summary>A file that is no case, with the reason: it fails, so that nothing is passed over in silence.</summary>
    private sealed class UnreadableCase(string name, string reason) : ConformanceCase(name)
    {
        public override IReadOnlyDictionary<string, NumberTensor> Exact() => throw new ModelFormatException(Name, reason);

        public override IReadOnlyDictionary<string, NumberTensor> Run(Backend backend) => throw new ModelFormatException(Name, reason);
    }
}
