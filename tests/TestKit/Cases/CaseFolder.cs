using System.Text.Json;
using FastRecurrence.Import;

namespace FastRecurrence.TestKit.Cases;

/// <summary>The cases of a folder: JSON files, safetensors files, and folders with a model.onnx and its test data.</summary>
internal static class CaseFolder
{
    /// <summary>
    /// The cases by name, those of folders within too. Names that begin with <c>_</c> and text files are none; of other files each is a case, and what
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
                // A folder without a model holds cases of its own, named by the way to them.
                if (File.Exists(Path.Combine(path, "model.onnx")))
                    AddNodes(cases, path);
                else if (!File.GetAttributes(path).HasFlag(FileAttributes.ReparsePoint)) // a link may lead back here
                    cases.AddRange(Read(path).Select(inner => inner.Within(Path.GetFileName(path))));
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
        string name = Path.GetFileNameWithoutExtension(path);
        using JsonDocument document = CaseJson.Parse(Path.GetFileName(path), File.ReadAllBytes(path));
        CaseField root = CaseField.Of(name, document.RootElement);
        return !root.IsObject || !root["framework"].Exists ? new OperatorCase(name, document.RootElement)
            : root["framework"].Text() switch
            {
                "keras" => new KerasCase(name, document.RootElement),
                "pytorch" => new TorchJsonCase(name, document.RootElement),
                var other => throw new NotSupportedException($"the framework '{other}' is unknown; there are keras and pytorch."),
            };
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
        public override ExactOutputs Exact() => throw new ModelFormatException(Name, reason);

        public override IReadOnlyDictionary<string, NumberTensor> Run(Backend backend) => throw new ModelFormatException(Name, reason);
    }
}
