using Orleans;

namespace FastRecurrence.Orleans;

/// <summary>Frames on their way to a stream.</summary>
/// <param name="Incarnation">As the stream was opened.</param>
/// <param name="First">The number of the first frame.</param>
/// <param name="Received">The caller has the outputs of all frames below; the stream keeps them no longer.</param>
/// <param name="Values">x, <c>[frames, I]</c>, at least one frame. Not copied inside a silo: they must not change any more.</param>
[GenerateSerializer, Immutable, Alias("FastRecurrence.StreamFrames")]
public sealed record StreamFrames(
    [property: Id(0)] Guid Incarnation, [property: Id(1)] long First, [property: Id(2)] long Received, [property: Id(3)] float[] Values);
