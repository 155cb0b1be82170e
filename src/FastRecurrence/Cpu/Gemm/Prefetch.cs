using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cpu;

/// <summary>What a tile fetches of the weights that are needed soon, while it computes: a constant to the JIT.</summary>
internal unsafe interface IPrefetch
{
    /// <summary>Fetches this tile's part of what one k of a panel occupies.</summary>
    static abstract void Ahead<L, C>(float* next, nint k)
        where L : ILanesCount
        where C : struct, IColumns;
}

/// <summary>The weights are in the cache already, or another tile fetches them.</summary>
internal readonly unsafe struct NoPrefetch : IPrefetch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead<L, C>(float* next, nint k)
        where L : ILanesCount
        where C : struct, IColumns
    {
    }
}

/// <summary>The tile fetches all. Without it the first tile over a slice waits for the weights and the others have nothing to wait for.</summary>
internal readonly unsafe struct PrefetchAll : IPrefetch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead<L, C>(float* next, nint k)
        where L : ILanesCount
        where C : struct, IColumns => Lines.Fetch(next, k, C.Count * L.Count);
}

/// <summary>Two tiles share it: memory does not give a slice as fast as one tile would ask for it.</summary>
internal readonly unsafe struct PrefetchHalf : IPrefetch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead<L, C>(float* next, nint k)
        where L : ILanesCount
        where C : struct, IColumns => Lines.Fetch(next, k, C.Count * L.Count / 2);
}

/// <summary>Four tiles share it.</summary>
internal readonly unsafe struct PrefetchQuarter : IPrefetch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead<L, C>(float* next, nint k)
        where L : ILanesCount
        where C : struct, IColumns => Lines.Fetch(next, k, C.Count * L.Count / 4);
}

file static unsafe class Lines
{
    private const int LineFloats = 16;

    /// <summary>The k-th run of so many floats, into the second cache level.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Fetch(float* p, nint k, int floats)
    {
        if (!Sse.IsSupported)
            return;
        p += k * floats;
        Sse.Prefetch1(p);
        if (floats > LineFloats)
            Sse.Prefetch1(p + LineFloats);
        if (floats > 2 * LineFloats)
            Sse.Prefetch1(p + 2 * LineFloats);
        if (floats > 3 * LineFloats)
            Sse.Prefetch1(p + 3 * LineFloats);
    }
}
