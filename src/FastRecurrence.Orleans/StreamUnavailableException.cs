using Orleans;

namespace FastRecurrence.Orleans;

/// <summary>
/// The stream cannot take the call now (its storage does not answer, the silo's queue is full, a step failed) and has applied nothing. Make the same call
/// again later: nothing is lost. <see cref="ClusterStream"/> does so by itself, for as long as its patience lasts.
/// </summary>
[GenerateSerializer, Alias("FastRecurrence.StreamUnavailableException")]
public sealed class StreamUnavailableException : Exception
{
    /// <summary>A stream that cannot take a call now.</summary>
    /// <param name="stream">Its name.</param>
    /// <param name="reason">Why, as a sentence.</param>
    public StreamUnavailableException(string stream, string reason)
        : base($"Stream '{stream}' is not available now: {reason} Nothing was applied; make the same call again later.") => Stream = stream;

    /// <summary>The stream's name.</summary>
    [Id(0)]
    public string Stream { get; }
}
