using Orleans;

namespace FastRecurrence.Orleans;

/// <summary>Where a stream of the cluster stands.</summary>
/// <param name="Incarnation">The life of the name, as it was opened.</param>
/// <param name="Next">The number of the next frame.</param>
/// <param name="Durable">All frames below are in the checkpoint in the storage and are never asked for again.</param>
/// <param name="InputSize">I, values of a frame.</param>
/// <param name="OutputSize">H, values of the output of a frame.</param>
/// <param name="MaxFrames">The most frames in a call.</param>
[GenerateSerializer, Immutable, Alias("FastRecurrence.StreamPosition")]
public sealed record StreamPosition(
    [property: Id(0)] Guid Incarnation, [property: Id(1)] long Next, [property: Id(2)] long Durable,
    [property: Id(3)] int InputSize, [property: Id(4)] int OutputSize, [property: Id(5)] int MaxFrames);
