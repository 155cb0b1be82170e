using Orleans;

namespace FastRecurrence.Orleans;

/// <summary>What became of frames.</summary>
public enum StreamAnswerKind
{
    /// <summary>They are applied, now or by an earlier call, and their outputs are here; see <see cref="StreamAnswer.Next"/> for how many.</summary>
    Applied,

    /// <summary>Some were applied by an earlier call and their outputs are no longer kept. Nothing was applied now.</summary>
    AlreadyApplied,

    /// <summary>The stream stands before them and nothing was applied: send from <see cref="StreamAnswer.Next"/> on.</summary>
    Gap,
}

/// <summary>The answer to frames.</summary>
/// <param name="Kind">What became of them.</param>
/// <param name="Next">The number of the next frame that the stream takes. After <see cref="StreamAnswerKind.Gap"/> it is the one to send from.</param>
/// <param name="Durable">All frames below are in the checkpoint in the storage and are never asked for again.</param>
/// <param name="Outputs">y, <c>[frames, H]</c> of the frames from the first one sent; fewer than were sent where the silo's queue was full.</param>
[GenerateSerializer, Immutable, Alias("FastRecurrence.StreamAnswer")]
public sealed record StreamAnswer(
    [property: Id(0)] StreamAnswerKind Kind, [property: Id(1)] long Next, [property: Id(2)] long Durable, [property: Id(3)] float[] Outputs);
