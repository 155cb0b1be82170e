namespace FastRecurrence.GpuCheck;

/// <summary>Lines to the screen and to one file, which is complete up to the last line even when the program is killed.</summary>
internal sealed class Report : IDisposable
{
    private readonly StreamWriter _file;

    public Report()
    {
        string folder = Environment.GetEnvironmentVariable("OUT") is { Length: > 0 } given ? given : ".";
        Directory.CreateDirectory(folder);
        _file = new StreamWriter(Path.Combine(folder, "gpu-check.md")) { AutoFlush = true };
    }

    public void Line(string text = "")
    {
        Console.WriteLine(text);
        _file.WriteLine(text);
    }

    public void Dispose() => _file.Dispose();
}
