namespace FastRecurrence.TestKit;

/// <summary>Where the conformance data lie; tests that need them skip visibly when there are none.</summary>
internal static class ConformanceData
{
    private const string Variable = "FASTRECURRENCE_CONFORMANCE";

    /// <summary>A folder of the data, or a skip.</summary>
    /// <exception cref="DirectoryNotFoundException">The variable names no folder, or a part is missing.</exception>
    public static string Folder(params string[] parts)
    {
        string path = Path.Combine([Root(), .. parts]);
        return Path.Exists(path) ? path : throw new DirectoryNotFoundException($"{path} is missing from the conformance data.");
    }

    private static string Root()
    {
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } named)
            return Directory.Exists(named) ? named : throw new DirectoryNotFoundException($"{Variable} names {named}, which is no folder.");

        // Beside the repository's root, or beside the root of the checkout that holds it.
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string beside = Path.Combine(folder.FullName, "..", "shared", "conformance");
            if (File.Exists(Path.Combine(folder.FullName, "FastRecurrence.sln")) && Directory.Exists(beside))
                return Path.GetFullPath(beside);
        }

        throw new TestSkippedException($"no conformance data: set {Variable}, or put the data into ../shared/conformance beside the repository.");
    }
}
