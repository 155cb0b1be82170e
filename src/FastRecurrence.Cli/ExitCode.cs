namespace FastRecurrence.Cli;

/// <summary>
/// What the process returns. If several apply: <see cref="WrongResult"/>, then <see cref="Failure"/>, <see cref="Slower"/>, <see cref="Ambiguous"/>.
/// </summary>
internal static class ExitCode
{
    public const int Ok = 0;

    /// <summary>The run failed: an absent backend was named, a device or the disk refused.</summary>
    public const int Failure = 1;

    /// <summary>The command line is wrong.</summary>
    public const int Usage = 2;

    /// <summary>A point of <c>compare</c> became slower.</summary>
    public const int Slower = 3;

    /// <summary>A number is off.</summary>
    public const int WrongResult = 4;

    /// <summary>A point of <c>compare --strict</c> is ambiguous.</summary>
    public const int Ambiguous = 5;

    /// <summary>Ctrl-C.</summary>
    public const int Cancelled = 130;
}
