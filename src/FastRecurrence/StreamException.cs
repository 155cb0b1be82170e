namespace FastRecurrence;

/// <summary>Why a call with stream handles was refused.</summary>
public enum StreamError
{
    /// <summary>The stream was closed, or the handle is of another <see cref="LiveStreams"/>, or of none.</summary>
    StaleHandle,

    /// <summary>A stream appears twice in one call.</summary>
    DuplicateStream,

    /// <summary>Another call in progress has the stream.</summary>
    StreamInUse,

    /// <summary>As many streams are open as there may be.</summary>
    TooManyStreams,

    /// <summary>As many frames wait in a <see cref="StreamScheduler"/> as may wait, of this stream or of all.</summary>
    QueueFull,
}

/// <summary>A call with stream handles was refused; it has changed nothing, and no stream of the call has moved.</summary>
public sealed class StreamException : InvalidOperationException
{
    /// <summary>Says why, and which handle it was.</summary>
    /// <param name="error">Why.</param>
    /// <param name="index">Its place among the handles of the call; −1 where the call has no list of them.</param>
    /// <param name="message">In words.</param>
    public StreamException(StreamError error, int index, string message)
        : base(message) => (Error, Index) = (error, index);

    /// <summary>Why.</summary>
    public StreamError Error { get; }

    /// <summary>Which of the call's handles, counted from 0; −1 where the call has no list of them.</summary>
    public int Index { get; }
}
