namespace FastRecurrence.Cli;

/// <summary>What every command is given: where results and errors go, whether a person watches, and when to stop.</summary>
internal sealed class Session(TextWriter output, TextWriter error, bool showProgress, CancellationToken cancellation)
{
    private int _progressWidth;

    /// <summary>Results, and nothing else.</summary>
    public TextWriter Output { get; } = output;

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
        Output.WriteLine(line);
        Output.Flush();
    }

    /// <summary>Tells of a failure in one line.</summary>
    public void Fail(string message)
    {
        ClearProgress();
        error.WriteLine($"fastrecurrence: {message.ReplaceLineEndings(" ")}");
    }

    /// <summary>Tells of a failure in one line, and where it came from if asked.</summary>
    public void Fail(Exception e)
    {
        Fail(e.Message);
        if (Verbose)
            error.WriteLine(e);
    }

    /// <summary>The place for the help that accompanies a usage error.</summary>
    public TextWriter ErrorWriter => error;
}
