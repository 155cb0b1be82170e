using Orleans;

namespace FastRecurrence.Orleans;

/// <summary>
/// The state of a stream cannot be had any more: there is no checkpoint of it, or it is damaged, older than what the caller still holds, or of other
/// weights. The stream never goes on from a zero state in place of it; open it anew and begin with frame 0.
/// </summary>
[GenerateSerializer, Alias("FastRecurrence.StreamLostException")]
public sealed class StreamLostException : Exception
{
    /// <summary>A stream that is lost.</summary>
    /// <param name="stream">Its name.</param>
    /// <param name="reason">Why, as a sentence.</param>
    public StreamLostException(string stream, string reason)
        : base($"Stream '{stream}' is lost: {reason} Open it anew and send its frames from the first on.") => Stream = stream;

    /// <summary>The stream's name.</summary>
    [Id(0)]
    public string Stream { get; }
}
