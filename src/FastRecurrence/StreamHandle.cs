using System.Globalization;

namespace FastRecurrence;

/// <summary>
/// One stream of a <see cref="LiveStreams"/>. Each stream that is opened has a handle of its own, also where it takes the place of one that was closed: a
/// handle that is no longer of use, or another owner's, is always noticed. Equal handles are the same stream; the default value is none.
/// </summary>
public readonly record struct StreamHandle
{
    internal StreamHandle(int owner, int slot, uint generation) => (Owner, Slot, Generation) = (owner, slot, generation);

    /// <summary>Which <see cref="LiveStreams"/> made it; 0 for none.</summary>
    internal int Owner { get; }

    /// <summary>Its place there.</summary>
    internal int Slot { get; }

    /// <summary>Counts the streams of a place; odd.</summary>
    internal uint Generation { get; }

    /// <summary>Such as <c>stream 12, use 3 of its place</c>.</summary>
    public override string ToString() =>
        Owner == 0 ? "no stream" : string.Create(CultureInfo.InvariantCulture, $"stream {Slot}, use {(Generation + 1) / 2} of its place");
}
