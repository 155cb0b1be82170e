using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// A thread's part in a group of <see cref="SplitKTile"/>. While products are added, it has one slice of one float4 column; at the end the warps have a
/// row each, and a lane one of the four columns of a float4 column.
/// </summary>
internal struct SliceThread
{
    /// <summary>The thread; its lane; its slice of the k's.</summary>
    public int Thread, Lane, Slice;

    /// <summary>The float4 column, and which of its four columns at the end; the row at the end.</summary>
    public int Column4, Column, Row;

    /// <summary>The row's number in the tile.</summary>
    public int Local;

    /// <summary>The row and the float4 column, or the last ones: what is read for those beyond is never stored.</summary>
    public int RowInside, Column4Inside;

    /// <summary>Whether the warp has a row to finish here.</summary>
    public bool Finishes;

    /// <summary>That of the running thread; <paramref name="tileRows"/> is a power of two, at most the warps of a group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SliceThread Of(int rowBase, int tileRows, int rows, int columns4)
    {
        int x = Group.IdxX, y = Group.IdxY, thread = y * SplitKTile.Columns4 + x, warp = thread >> 5;
        SliceThread me = default;
        (me.Thread, me.Lane, me.Slice) = (thread, thread & 31, y);
        (me.Column4, me.Column) = (Grid.IdxX * SplitKTile.Columns4 + x, (thread & 31) >> 3);
        me.Local = warp & (tileRows - 1);
        me.Row = rowBase + me.Local;
        (me.RowInside, me.Column4Inside) = (IntrinsicMath.Min(me.Row, rows - 1), IntrinsicMath.Min(me.Column4, columns4 - 1));
        me.Finishes = warp < tileRows && me.Row < rows && me.Column4 < columns4;
        return me;
    }
}

/// <summary>
/// The partial sums of a group's 32 slices, put together in a fixed order, the same whatever the kernel: within a warp's four (0 + 2) + (1 + 3), then over
/// the eight warps ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)). By shuffles: every lane of a warp must come here.
/// </summary>
internal static class SliceSums
{
    /// <summary>Leaves in shared memory, for a thread's row and lane, its warp's sum of the lane's column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scatter(Float4 sum, ArrayView<float> partial, int thread)
    {
        // Two halves of a warp exchange two columns each, then neighbours of eight lanes one: each lane keeps what it will store.
        bool upper = (thread & 16) != 0, odd = (thread & 8) != 0;
        float first = (upper ? sum.Z : sum.X) + Warp.ShuffleXor(upper ? sum.X : sum.Z, 16);
        float second = (upper ? sum.W : sum.Y) + Warp.ShuffleXor(upper ? sum.Y : sum.W, 16);
        partial[thread] = (odd ? second : first) + Warp.ShuffleXor(odd ? first : second, 8);
    }

    /// <summary>The sum of all warps for the lane's row, with <paramref name="start"/> of its column, as the whole float4 column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Gather(ArrayView<float> partial, SliceThread me, float start)
    {
        ArrayView<float> p = partial.SubView(me.Local * SplitKTile.Threads + me.Lane);
        float total = ((p[0] + p[128]) + (p[64] + p[192])) + ((p[32] + p[160]) + (p[96] + p[224])) + start;
        int x = me.Lane & 7;
        Float4 sum = Float4.Zero;
        sum.X = Warp.Shuffle(total, x);
        sum.Y = Warp.Shuffle(total, x + 8);
        sum.Z = Warp.Shuffle(total, x + 16);
        sum.W = Warp.Shuffle(total, x + 24);
        return sum;
    }

    /// <summary>One of four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Of(Float4 four, int column) => column < 2 ? column == 0 ? four.X : four.Y : column == 2 ? four.Z : four.W;
}
