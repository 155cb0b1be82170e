using System.Text.RegularExpressions;

namespace FastRecurrence.Cli;

/// <summary>What every command is given: where results and errors go, whether a person watches, and when to stop.</summary>
internal sealed partial class Session(TextWriter output, TextWriter error, bool showProgress, CancellationToken cancellation)
{
    private int _progressWidth;

    public CancellationToken Cancellation { get; } = cancellation;

    /// <summary>Stack traces with errors.</summary>
    public bool Verbose { get; set; }

    /// <summary>Shows what is going on, on one line of a terminal that the next message overwrites; does nothing elsewhere.</summary>
    public void Progress(string message)
    {
        Cancellation.ThrowIfCancellationRequested();
        if (!showProgress)
            return;
        error.Write($"\r{message.PadRight(_progressWidth)}");
        _progressWidth = message.Length;
    }

    /// <summary>Wipes the progress line. Call it before writing results.</summary>
    public void ClearProgress()
    {
        if (_progressWidth == 0)
            return;
        error.Write($"\r{new string(' ', _progressWidth)}\r");
        _progressWidth = 0;
    }

    /// <summary>Writes a line of results at once, so that a reader sees it before the next measurement.</summary>
    public void WriteLine(string line = "")
    {
        ClearProgress();
        try
        {
            output.WriteLine(line);
            output.Flush();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // A reader that went away is no error, and the console swallows it; a full disk or a closed stdout is one.
            throw new CommandException(ExitCode.Failure, $"cannot write the results: {e.Message}", e);
        }
    }

    /// <summary>Writes a table, or lines of one.</summary>
    public void WriteLines(IEnumerable<string> lines)
    {
        foreach (string line in lines)
            WriteLine(line);
    }

    /// <summary>Writes a document for programs.</summary>
    public void WriteJson<T>(T document) => WriteLine(JsonOutput.Serialize(document));

    /// <summary>Tells of a failure in one line.</summary>
    public void Fail(string message)
    {
        ClearProgress();
        error.WriteLine($"fastrecurrence: {ParameterName().Replace(message.ReplaceLineEndings(" "), "")}");
    }

    /// <summary>Tells of a failure in one line, and where it came from if asked.</summary>
    public void Fail(Exception e)
    {
        Fail(e.Message);
        if (Verbose)
            error.WriteLine(e);
    }

    /// <summary>What .NET adds to a message for programmers: the parameter of a call that the user did not write.</summary>
    [GeneratedRegex(@" \(Parameter '[^']*'\)")]
    private static partial Regex ParameterName();

    /// <summary>For the parser's own output, such as help.</summary>
    public TextWriter ResultWriter => output;

    /// <summary>For the help that accompanies a usage error.</summary>
    public TextWriter ErrorWriter => error;
}
