namespace FastRecurrence.Cli.Sweeping;

/// <summary>
/// A file that is there whole or not at all: written in its folder under another name and then renamed. Room for it is
/// taken at once, so that a folder without permission or a full disk shows before anything is measured.
/// </summary>
internal sealed class SaveFile : IDisposable
{
    private readonly string _temporary;
    private bool _saved;

    /// <summary>Its full path.</summary>
    public string Path { get; }

    /// <exception cref="CommandException">The file could not be written.</exception>
    public SaveFile(string path, long expectedBytes)
    {
        Path = System.IO.Path.GetFullPath(path);
        _temporary = $"{Path}.{Environment.ProcessId}.tmp";
        if (Directory.Exists(Path))
            throw new CommandException(ExitCode.Failure, $"cannot save to {path}: it is a folder");
        Guarded(() =>
        {
            using var file = new FileStream(_temporary, new FileStreamOptions
            {
                Mode = FileMode.Create,
                Access = FileAccess.Write,
                PreallocationSize = expectedBytes,
            });
            file.SetLength(expectedBytes);
        });
    }

    /// <summary>A file for a run of so many points, with a few bytes for every sample, generously; null without a path.</summary>
    public static SaveFile? For(string? path, int points, RunSettings settings) =>
        path is null ? null : new SaveFile(path, 65_536 + points * settings.Launches * 4_096L);

    /// <summary>Makes the text the file's contents; again and again, each time whole.</summary>
    /// <exception cref="CommandException">The disk refuses.</exception>
    public void Save(string text) => Guarded(() =>
    {
        File.WriteAllText(_temporary, text);
        File.Move(_temporary, Path, overwrite: true);
        _saved = true;
    });

    public void Dispose()
    {
        // After a save the temporary file has become the file.
        if (!_saved)
            File.Delete(_temporary);
    }

    private void Guarded(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            string why = e is DirectoryNotFoundException ? $"there is no folder {System.IO.Path.GetDirectoryName(Path)}"
                : e.Message.Replace(_temporary, Path, StringComparison.Ordinal);
            throw new CommandException(ExitCode.Failure, $"cannot save to {Path}: {why}", e);
        }
    }
}
