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

/// <summary>How the lanes of a warp hand each other values. All threads of the group come here.</summary>
internal interface IShuffle
{
    /// <summary>Floats of shared memory that it needs.</summary>
    static abstract int Scratch { get; }

    /// <summary>The value of the lane whose number differs by <paramref name="mask"/>.</summary>
    static abstract float Xor(float value, int mask, ArrayView<float> scratch, int thread);

    /// <summary>The value of a lane of the same warp.</summary>
    static abstract float From(float value, int lane, ArrayView<float> scratch, int thread);
}

/// <summary>By the instruction.</summary>
internal readonly struct WarpShuffle : IShuffle
{
    public static int Scratch => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Xor(float value, int mask, ArrayView<float> scratch, int thread) => Warp.ShuffleXor(value, mask);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float From(float value, int lane, ArrayView<float> scratch, int thread) => Warp.Shuffle(value, lane);
}

/// <summary>Through shared memory, for devices that ILGPU has no shuffles for: for rehearsals, slow.</summary>
internal readonly struct SharedShuffle : IShuffle
{
    public static int Scratch => SplitKTile.Threads;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Xor(float value, int mask, ArrayView<float> scratch, int thread) => Of(value, thread ^ mask, scratch, thread);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float From(float value, int lane, ArrayView<float> scratch, int thread) => Of(value, (thread & ~31) + lane, scratch, thread);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Of(float value, int other, ArrayView<float> scratch, int thread)
    {
        scratch[thread] = value;
        Group.Barrier();
        float result = scratch[other];
        Group.Barrier();
        return result;
    }
}

/// <summary>
/// The partial sums of a group's 32 slices, put together in a fixed order, the same whatever the kernel: within a warp's four (0 + 2) + (1 + 3), then over
/// the eight warps ((0 + 4) + (2 + 6)) + ((1 + 5) + (3 + 7)). All threads come here, also those that have nothing to finish: shuffles in a branch would
/// cost ptxas a second copy of a loop around it.
/// </summary>
internal static class SliceSums
{
    /// <summary>Leaves in shared memory, for a thread's row and lane, its warp's sum of the lane's column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scatter<TShuffle>(Float4 sum, ArrayView<float> partial, int thread, ArrayView<float> scratch)
        where TShuffle : struct, IShuffle
    {
        // Two halves of a warp exchange two columns each, then neighbours of eight lanes one: each lane keeps what it will store.
        bool upper = (thread & 16) != 0, odd = (thread & 8) != 0;
        float first = (upper ? sum.Z : sum.X) + TShuffle.Xor(upper ? sum.X : sum.Z, 16, scratch, thread);
        float second = (upper ? sum.W : sum.Y) + TShuffle.Xor(upper ? sum.Y : sum.W, 16, scratch, thread);
        partial[thread] = (odd ? second : first) + TShuffle.Xor(odd ? first : second, 8, scratch, thread);
    }

    /// <summary>The sum of all warps for the lane's row, with <paramref name="start"/> of its column, as the whole float4 column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Gather<TShuffle>(ArrayView<float> partial, SliceThread me, float start, ArrayView<float> scratch)
        where TShuffle : struct, IShuffle
    {
        ArrayView<float> p = partial.SubView(me.Local * SplitKTile.Threads + me.Lane);
        float total = ((p[0] + p[128]) + (p[64] + p[192])) + ((p[32] + p[160]) + (p[96] + p[224])) + start;
        int x = me.Lane & 7;
        Float4 sum = Float4.Zero;
        sum.X = TShuffle.From(total, x, scratch, me.Thread);
        sum.Y = TShuffle.From(total, x + 8, scratch, me.Thread);
        sum.Z = TShuffle.From(total, x + 16, scratch, me.Thread);
        sum.W = TShuffle.From(total, x + 24, scratch, me.Thread);
        return sum;
    }

    /// <summary>The same sum by one thread, from all slices' sums in shared memory, <see cref="SplitKTile.Columns4"/> apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Sum(ArrayView<Float4> slices, int at, Float4 start)
    {
        Float4 even = Float4.Add(Float4.Add(OfWarp(slices, at, 0), OfWarp(slices, at, 4)), Float4.Add(OfWarp(slices, at, 2), OfWarp(slices, at, 6)));
        Float4 odd = Float4.Add(Float4.Add(OfWarp(slices, at, 1), OfWarp(slices, at, 5)), Float4.Add(OfWarp(slices, at, 3), OfWarp(slices, at, 7)));
        return Float4.Add(Float4.Add(even, odd), start);
    }

    /// <summary>One of four.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Of(Float4 four, int column) => column < 2 ? column == 0 ? four.X : four.Y : column == 2 ? four.Z : four.W;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Float4 OfWarp(ArrayView<Float4> slices, int at, int warp)
    {
        const int Next = SplitKTile.Columns4;
        ArrayView<Float4> own = slices.SubView(at + warp * 4 * Next);
        return Float4.Add(Float4.Add(own[0], own[2 * Next]), Float4.Add(own[Next], own[3 * Next]));
    }
}
