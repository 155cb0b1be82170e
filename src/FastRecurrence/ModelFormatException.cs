namespace FastRecurrence;

/// <summary>
/// A file, or bytes that stand for one, is damaged or contradicts itself. The one exception that a reader lets out for bad
/// content; what is well-formed but not supported is a <see cref="NotSupportedException"/>.
/// </summary>
public sealed class ModelFormatException : Exception
{
    private const int MaxLength = 1000;

    /// <summary>Says where and why.</summary>
    /// <param name="location">The file, and in it the tensor, node or offset. Such as <c>model.onnx, node 'LSTM_4'</c>.</param>
    /// <param name="reason">What is wrong, with both numbers where two disagree.</param>
    public ModelFormatException(string location, string reason)
        : this(location, reason, null)
    {
    }

    /// <summary>Says where and why, and keeps the cause. Of very long texts the middle is left out, and line breaks are replaced.</summary>
    public ModelFormatException(string location, string reason, Exception? innerException)
        : base($"{OneLine(location)}: {OneLine(reason)}", innerException)
    {
        Location = OneLine(location);
        Reason = OneLine(reason);
    }

    /// <summary>The file, and in it the tensor, node or offset.</summary>
    public string Location { get; }

    /// <summary>What is wrong.</summary>
    public string Reason { get; }

    // Names come from the file: a line break in one must not forge a second line of output, nor a name of a megabyte flood it.
    private static string OneLine(string text)
    {
        string cut = text.Length <= MaxLength ? text : string.Concat(text.AsSpan(0, MaxLength / 2), " … ", text.AsSpan(text.Length - MaxLength / 2));
        return cut.Any(IsBreak) ? string.Concat(cut.Select(c => IsBreak(c) ? '?' : c)) : cut;
    }

    private static bool IsBreak(char c) => char.IsControl(c) || c is '\u2028' or '\u2029';
}
