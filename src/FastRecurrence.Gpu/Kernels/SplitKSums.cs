using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>The partial sums of a group's slices, put together in a fixed order: the same bits whatever the grid.</summary>
internal static class SplitKSums
{
    /// <summary>Four chains over every fourth slice, then their sum. <paramref name="slices"/> is a multiple of 4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Sum(ArrayView<Float4> partial, int at, int stride, int slices)
    {
        Float4 a = partial[at], b = partial[at + stride], c = partial[at + 2 * stride], d = partial[at + 3 * stride];
        for (int s = 4; s < slices; s += 4)
        {
            a = Float4.Add(a, partial[at + s * stride]);
            b = Float4.Add(b, partial[at + (s + 1) * stride]);
            c = Float4.Add(c, partial[at + (s + 2) * stride]);
            d = Float4.Add(d, partial[at + (s + 3) * stride]);
        }

        return Float4.Add(Float4.Add(a, b), Float4.Add(c, d));
    }
}
