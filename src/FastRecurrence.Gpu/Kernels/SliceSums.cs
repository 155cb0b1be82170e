using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>The partial sums of a group's slices, put together in a fixed order: the same bits whatever the grid.</summary>
internal static class SliceSums
{
    /// <summary>Four chains over every fourth slice, then their sum. <paramref name="slices"/> is a multiple of 4.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quad Sum(ArrayView<Quad> partial, int at, int stride, int slices)
    {
        Quad a = partial[at], b = partial[at + stride], c = partial[at + 2 * stride], d = partial[at + 3 * stride];
        for (int s = 4; s < slices; s += 4)
        {
            a = Quad.Add(a, partial[at + s * stride]);
            b = Quad.Add(b, partial[at + (s + 1) * stride]);
            c = Quad.Add(c, partial[at + (s + 2) * stride]);
            d = Quad.Add(d, partial[at + (s + 3) * stride]);
        }

        return Quad.Add(Quad.Add(a, b), Quad.Add(c, d));
    }
}
