namespace FastRecurrence;

/// <summary>
/// A file, or bytes that stand for one, is damaged or contradicts itself. The one exception that a reader lets out for bad
/// content; what is well-formed but not supported is a <see cref="NotSupportedException"/>.
/// </summary>
public sealed class ModelFormatException : Exception
{
    /// <summary>Says where and why.</summary>
    /// <param name="location">The file, and in it the tensor, node or offset. Such as <c>model.onnx, node 'LSTM_4'</c>.</param>
    /// <param name="reason">What is wrong, with both numbers where two disagree.</param>
    public ModelFormatException(string location, string reason)
        : this(location, reason, null)
    {
    }

    /// <summary>Says where and why, and keeps the cause.</summary>
    public ModelFormatException(string location, string reason, Exception? innerException)
        : base(OneLine($"{location}: {reason}"), innerException)
    {
        Location = OneLine(location);
        Reason = OneLine(reason);
    }

    /// <summary>The file, and in it the tensor, node or offset.</summary>
    public string Location { get; }

    /// <summary>What is wrong.</summary>
    public string Reason { get; }

    // Names come from the file: a line break in one must not forge a second line of output.
    private static string OneLine(string text) => text.AsSpan().IndexOfAnyInRange('\0', '\x1F') < 0 ? text : string.Concat(text.Select(c => c < ' ' ? '?' : c));
}
