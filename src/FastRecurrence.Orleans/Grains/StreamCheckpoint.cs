using Orleans;

namespace FastRecurrence.Orleans.Grains;

/// <summary>
/// What the storage has of a stream: its state after a frame, and the outputs that its caller may not have yet. Bytes, so that any storage's serializer
/// gives back the same bits.
/// </summary>
[GenerateSerializer, Alias("FastRecurrence.StreamCheckpoint")]
internal sealed class StreamCheckpoint
{
    /// <summary>Empty in a record that stands for none.</summary>
    [Id(0)]
    public Guid Incarnation { get; set; }

    /// <summary>The frame that comes next.</summary>
    [Id(1)]
    public long Next { get; set; }

    /// <summary>What <see cref="LiveStreams"/> saved: versioned, with the weights' fingerprint and a checksum.</summary>
    [Id(2)]
    public byte[] State { get; set; } = [];

    /// <summary>The frame of the first output in <see cref="Answers"/>.</summary>
    [Id(3)]
    public long AnswersFrom { get; set; }

    /// <summary>y of the frames from <see cref="AnswersFrom"/> to <see cref="Next"/>, little-endian.</summary>
    [Id(4)]
    public byte[] Answers { get; set; } = [];
}
