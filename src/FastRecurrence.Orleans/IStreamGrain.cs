using Orleans;

namespace FastRecurrence.Orleans;

/// <summary>
/// One live stream of the cluster; its key is the stream's name. Frames carry numbers, from 0 up, so that a frame is applied exactly once whatever is
/// sent again. <see cref="ClusterStream"/> speaks this protocol; use the grain itself only to speak it on your own.
/// </summary>
/// <remarks>
/// Calls fail with <see cref="StreamLostException"/> when the state cannot be had any more, with <see cref="StreamUnavailableException"/> when the same call
/// may succeed later, and with <see cref="ArgumentException"/> for frames that do not fit. A call that fails has applied nothing.
/// </remarks>
[Alias("FastRecurrence.IStreamGrain")]
public interface IStreamGrain : IGrainWithStringKey
{
    /// <summary>
    /// Begins the stream with a zero state, and writes its first checkpoint before it answers. Opening again with the same <paramref name="incarnation"/>
    /// changes nothing, so that an answer that got lost can be asked for again.
    /// </summary>
    /// <param name="incarnation">Tells this life of the name from earlier and later ones: a new Guid, not empty.</param>
    /// <exception cref="InvalidOperationException">The stream is open under another incarnation: resume it, or close it first.</exception>
    [Alias("Open")]
    Task<StreamPosition> Open(Guid incarnation);

    /// <summary>Where the stream stands, after a checkpoint of just that: for a caller that takes a stream over and holds no frames of it.</summary>
    [Alias("TakeOver")]
    Task<StreamPosition> TakeOver();

    /// <summary>Applies frames, in order, and gives their outputs.</summary>
    /// <param name="frames">The frames with their numbers. Their values must not change any more.</param>
    [Alias("Push")]
    Task<StreamAnswer> Push(StreamFrames frames);

    /// <summary>Writes a checkpoint now; afterwards no frame so far needs to be sent again.</summary>
    /// <param name="incarnation">As it was opened.</param>
    [Alias("Checkpoint")]
    Task<StreamPosition> Checkpoint(Guid incarnation);

    /// <summary>Ends the stream and deletes its checkpoint. Closing again changes nothing.</summary>
    /// <param name="incarnation">As it was opened.</param>
    [Alias("Close")]
    Task Close(Guid incarnation);
}
