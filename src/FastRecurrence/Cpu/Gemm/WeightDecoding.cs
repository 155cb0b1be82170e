using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cpu;

/// <summary>
/// How a lane of a packed panel holds weights: one float, or some neighbouring k of the same row, so that what a weight
/// decodes to does not depend on the vector width. All members are constants to the JIT.
/// </summary>
internal interface IWeightDecoding
{
    /// <summary>Weights in a lane, of ascending k.</summary>
    static abstract int PerLane { get; }

    /// <summary>Whether a sum is multiplied by its row's scale.</summary>
    static abstract bool IsScaled { get; }

    /// <summary>Lanes that <paramref name="depth"/> weights of a row take.</summary>
    static abstract int Groups(int depth);

    /// <summary>The weight at a place of every lane.</summary>
    static abstract V Weight<V, L>(V stored, int place)
        where V : struct
        where L : IMemoryLanes<V>;
}

/// <summary>float32.</summary>
internal readonly struct Float32Weights : IWeightDecoding
{
    public static int PerLane => 1;

    public static bool IsScaled => false;

    public static int Groups(int depth) => depth;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Weight<V, L>(V stored, int place)
        where V : struct
        where L : IMemoryLanes<V> => stored;
}

/// <summary>
/// Two bfloat16: the low half of the lane moves up by a shift; the high half is taken as it is, with the low half as its
/// last bits, which packing allows for.
/// </summary>
internal readonly struct Bfloat16Weights : IWeightDecoding
{
    public static int PerLane => 2;

    public static bool IsScaled => false;

    public static int Groups(int depth) => (depth + 1) / 2;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Weight<V, L>(V stored, int place)
        where V : struct
        where L : IMemoryLanes<V> => place == 0 ? L.ShiftLeft(stored, 16) : stored;
}

/// <summary>
/// Four 8-bit integers: each moves to the top of the lane, the ones below it as a fraction that packing allows for, and is
/// converted; 2⁻²⁴ is part of the scale.
/// </summary>
internal readonly struct Int8Weights : IWeightDecoding
{
    public static int PerLane => 4;

    public static bool IsScaled => true;

    public static int Groups(int depth) => (depth + 3) / 4;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Weight<V, L>(V stored, int place)
        where V : struct
        where L : IMemoryLanes<V> => L.ConvertInteger(place == 3 ? stored : L.ShiftLeft(stored, 24 - 8 * place));
}
