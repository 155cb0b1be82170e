using System.Diagnostics;

namespace FastRecurrence.GpuCheck.Results;

/// <summary>Takes records as they are made: a line on the screen, and both files written anew, so that a killed visit leaves all that it found.</summary>
internal sealed class Journal
{
    private readonly string _folder;
    private readonly TextWriter _screen;
    private readonly Stopwatch _clock = Stopwatch.StartNew();

    /// <exception cref="IOException">The folder cannot be made or written to.</exception>
    public Journal(string folder, CheckDocument document, TextWriter screen)
    {
        (_folder, Document, _screen) = (folder, document, screen);
        Directory.CreateDirectory(folder);
        Save();
    }

    public CheckDocument Document { get; }

    public TimeSpan Elapsed => _clock.Elapsed;

    /// <summary>Whether every verification so far was right and no part failed.</summary>
    public bool IsRight { get; private set; } = true;

    public void Add(CheckRecord record)
    {
        Document.Records.Add(record);
        IsRight &= record.Verification?.Right ?? true;
        Say($"{record.Part,-18} {Markdown.Line(record)}");
        Save();
    }

    /// <summary>Work that ended with an error.</summary>
    public void Fail(CheckRecord record, Exception error)
    {
        IsRight = false;
        Add(record with { Note = $"FAILED, {error.GetType().Name}: {error.Message}" });
    }

    /// <summary>A line on the screen alone.</summary>
    public void Say(string line) => _screen.WriteLine($"{_clock.Elapsed.TotalSeconds,6:0.0} s  {line}");

    public void Save()
    {
        Write("gpu-check.json", Document.ToJson());
        Write("gpu-check.md", Markdown.Render(Document));
    }

    /// <summary>Whole or not at all.</summary>
    private void Write(string name, string text)
    {
        string path = Path.Combine(_folder, name), beside = path + ".part";
        File.WriteAllText(beside, text);
        File.Move(beside, path, overwrite: true);
    }
}
