using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using FastRecurrence.Lanes;

namespace FastRecurrence.Simd;

/// <summary>Whether a tile fetches weights that are needed soon, while it computes: a constant to the JIT.</summary>
internal unsafe interface IFetch
{
    /// <summary>Fetches what one k of a panel occupies.</summary>
    static abstract void Ahead<L, C>(float* p)
        where L : ILanesCount
        where C : struct, IColumns;
}

/// <summary>The weights are in the cache already.</summary>
internal readonly unsafe struct NoFetch : IFetch
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead<L, C>(float* p)
        where L : ILanesCount
        where C : struct, IColumns
    {
    }
}

/// <summary>The weights come from beyond the second level: without this, the first tile over a slice waits for them and the others have nothing to wait for.</summary>
internal readonly unsafe struct Fetch : IFetch
{
    private const int LineFloats = 16;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Ahead<L, C>(float* p)
        where L : ILanesCount
        where C : struct, IColumns
    {
        if (!Sse.IsSupported)
            return;
        Sse.Prefetch1(p);
        if (C.Count * L.Count > LineFloats)
            Sse.Prefetch1(p + LineFloats);
        if (C.Count * L.Count > 2 * LineFloats)
            Sse.Prefetch1(p + 2 * LineFloats);
        if (C.Count * L.Count > 3 * LineFloats)
            Sse.Prefetch1(p + 3 * LineFloats);
    }
}
