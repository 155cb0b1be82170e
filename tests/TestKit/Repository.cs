namespace FastRecurrence.TestKit;

/// <summary>The sources that the tests were built from, found from where they run: a build in CI writes other paths into them.</summary>
internal static class Repository
{
    /// <summary>The folder that has FastRecurrence.sln.</summary>
    public static string Root { get; } = Find();

    private static string Find()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "FastRecurrence.sln")))
            folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException("FastRecurrence.sln lies in no folder above the tests.");
    }
}
