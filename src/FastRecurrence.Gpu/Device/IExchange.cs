using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// How the groups of a persistent grid hand h to each other: words of device memory that validate themselves. A word is
/// <see cref="Words.Unwritten"/> until its one writer stores h there; readers load until it is not. Each step has its own
/// words, so nothing is reset, nothing is overwritten, and no order between words is needed.
/// </summary>
internal interface IExchange
{
    /// <summary>Four words as they are now in memory that all groups share: never from a cache of this group's own.</summary>
    static abstract Float4 Load(ArrayView<Float4> words, int at);

    /// <summary>Stores a word for all groups to see.</summary>
    static abstract void Publish(ArrayView<float> words, int at, float value);

    /// <summary>A flag as it is now.</summary>
    static abstract int LoadFlag(ArrayView<int> flags, int at);

    /// <summary>Raises a flag for all groups to see.</summary>
    static abstract void RaiseFlag(ArrayView<int> flags, int at);
}

/// <summary>The words' code.</summary>
internal static class Words
{
    /// <summary>What memory filled with 0xFF bytes holds: a NaN that arithmetic does not produce.</summary>
    public const uint Unwritten = 0xFFFFFFFFu;

    /// <summary>Whether all four words have been written.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Written(Float4 words) =>
        (Interop.FloatAsInt(words.X) != Unwritten) & (Interop.FloatAsInt(words.Y) != Unwritten)
        & (Interop.FloatAsInt(words.Z) != Unwritten) & (Interop.FloatAsInt(words.W) != Unwritten);

    /// <summary>A value as a written word: the one NaN that means "unwritten" (only a caller's own payload makes it) becomes another.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Valid(float value)
    {
        uint bits = Interop.FloatAsInt(value);
        return Interop.IntAsFloat(bits == Unwritten ? 0x7FC00000u : bits);
    }
}

/// <summary>By atomic operations, which every device has: for rehearsals, slow.</summary>
internal readonly struct AtomicExchange : IExchange
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Load(ArrayView<Float4> words, int at)
    {
        ArrayView<int> bits = words.Cast<int>();
        Float4 values = Float4.Zero;
        values.X = Interop.IntAsFloat((uint)Atomic.Add(ref bits[4 * at], 0));
        values.Y = Interop.IntAsFloat((uint)Atomic.Add(ref bits[4 * at + 1], 0));
        values.Z = Interop.IntAsFloat((uint)Atomic.Add(ref bits[4 * at + 2], 0));
        values.W = Interop.IntAsFloat((uint)Atomic.Add(ref bits[4 * at + 3], 0));
        return values;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Publish(ArrayView<float> words, int at, float value)
    {
        ArrayView<int> bits = words.Cast<int>();
        Atomic.Exchange(ref bits[at], (int)Interop.FloatAsInt(Words.Valid(value)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LoadFlag(ArrayView<int> flags, int at) => Atomic.Add(ref flags[at], 0);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void RaiseFlag(ArrayView<int> flags, int at) => Atomic.Exchange(ref flags[at], 1);
}
