using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// One time step in one launch for few rows, where a tile would mostly multiply padding: a group of 8 float4 columns × 32 slices reads its part of R once
/// for up to 8 rows. With <see cref="ShuffledEnds"/> the sums are those of <see cref="GridPersistentKernel"/>, bit for bit: it is what a sequence falls
/// back to.
/// </summary>
internal static class SplitKStepKernel
{
    /// <summary>
    /// The kernel. Grid: groups of float4 columns × tiles of rows; <see cref="SplitKTile.Columns4"/> × <see cref="SplitKTile.Slices"/> threads.
    /// </summary>
    public static void Run<TPointwise, TChunk, TRows, TLoop, TEnds>(StepArguments a)
        where TPointwise : struct, IPointwise
        where TChunk : struct, IChunk<TChunk>
        where TRows : unmanaged, IRows<TRows>
        where TLoop : struct, ISliceLoop
        where TEnds : struct, ISliceEnds<TEnds>
    {
        ArrayView<Float4> tile = SharedMemory.Allocate<Float4>(TRows.Count * SplitKTile.Row);
        int rowBase = Grid.IdxY * TRows.Count;
        WeightSlice slice = default;
        (slice.Weights, slice.Depth, slice.Columns4) = (a.Weights, a.Depth, a.Columns4);
        (slice.Column4, slice.Slices, slice.Slice) = (Grid.IdxX * SplitKTile.Columns4 + Group.IdxX, SplitKTile.Slices, Group.IdxY);
        TRows sums = TLoop.Multiply<TPointwise, TChunk, TRows, TEnds>(a, tile, slice, rowBase, out TEnds ends);
        TEnds.End<TPointwise, TRows>(ends, a, sums, tile);
    }
}

/// <summary>The products of a thread's slice over all k's; ends with a barrier, after which the tile is free.</summary>
internal interface ISliceLoop
{
    /// <summary>
    /// Waits for the step before, fetches what the end will need, and adds the products up. The tile has <see cref="SplitKTile.Row"/> float4s a row.
    /// </summary>
    static abstract TRows Multiply<TPointwise, TChunk, TRows, TEnds>(
        StepArguments a, ArrayView<Float4> tile, WeightSlice slice, int rowBase, out TEnds ends)
        where TPointwise : struct, IPointwise
        where TChunk : struct, IChunk<TChunk>
        where TRows : unmanaged, IRows<TRows>
        where TEnds : struct, ISliceEnds<TEnds>;
}

/// <summary>
/// A depth that is a multiple of 4: R's first two chunks are under way before the step before has ended, always two are, and no load is in a branch. What
/// lies outside is clamped: such weights meet zeros of h, or sums that are never stored.
/// </summary>
internal readonly struct ByFours : ISliceLoop
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TRows Multiply<TPointwise, TChunk, TRows, TEnds>(
        StepArguments a, ArrayView<Float4> tile, WeightSlice slice, int rowBase, out TEnds ends)
        where TPointwise : struct, IPointwise
        where TChunk : struct, IChunk<TChunk>
        where TRows : unmanaged, IRows<TRows>
        where TEnds : struct, ISliceEnds<TEnds>
    {
        int thread = Group.IdxY * SplitKTile.Columns4 + Group.IdxX, depth4 = a.Depth >> 2;
        int chunks = a.Depth + SplitKTile.ChunkDepth - 1 >> SplitKTile.ChunkShift;
        ArrayView<Float4> hidden = a.Hidden.Cast<Float4>().SubView(rowBase * depth4);
        TChunk even = TChunk.LoadInside(slice, 0), odd = TChunk.LoadInside(slice, 1);
        DependentLaunch.Wait();
        ends = TEnds.Begin<TPointwise>(a, rowBase, TRows.Count);
        TRows sums = default;
        for (int c0 = 0; c0 < chunks; c0 += SplitKTile.MaxHidden / SplitKTile.ChunkDepth)
        {
            // A panel of h: a float4 a thread and row, zeros beyond the last k.
            int k4 = c0 * SplitKTile.Slices + thread;
            TRows h = TRows.Load<PlainLoads>(hidden, IntrinsicMath.Min(k4, depth4 - 1), depth4, a.Rows - rowBase);
            TRows.Store(TRows.Keep(h, k4 < depth4), tile, thread, SplitKTile.Row);
            Group.Barrier();
            int until = IntrinsicMath.Min(chunks - c0, SplitKTile.MaxHidden / SplitKTile.ChunkDepth);
            for (int c = 0; c < until; c += 2)
            {
                int at = c * SplitKTile.Slices + slice.Slice;
                sums = TChunk.MultiplyAdd(even, sums, tile, at, SplitKTile.Slices, SplitKTile.Row, 16);
                even = TChunk.LoadInside(slice, c0 + c + 2);
                sums = TChunk.MultiplyAdd(odd, sums, tile, at + SplitKTile.Slices, SplitKTile.Slices, SplitKTile.Row, 16);
                odd = TChunk.LoadInside(slice, c0 + c + 3);
            }

            Group.Barrier();
        }

        return sums;
    }
}

/// <summary>Any depth.</summary>
internal readonly struct ByOnes : ISliceLoop
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TRows Multiply<TPointwise, TChunk, TRows, TEnds>(
        StepArguments a, ArrayView<Float4> tile, WeightSlice slice, int rowBase, out TEnds ends)
        where TPointwise : struct, IPointwise
        where TChunk : struct, IChunk<TChunk>
        where TRows : unmanaged, IRows<TRows>
        where TEnds : struct, ISliceEnds<TEnds>
    {
        int thread = Group.IdxY * SplitKTile.Columns4 + Group.IdxX;
        ArrayView<float> hidden = tile.Cast<float>();
        DependentLaunch.Wait();
        ends = TEnds.Begin<TPointwise>(a, rowBase, TRows.Count);
        TRows sums = default;
        for (int k0 = 0; k0 < a.Depth; k0 += SplitKTile.MaxHidden)
        {
            // A panel of h goes to shared memory, filled up with zeros to whole chunks.
            int panel = a.Depth - k0 < SplitKTile.MaxHidden ? a.Depth - k0 : SplitKTile.MaxHidden;
            int padded = (panel + SplitKTile.ChunkDepth - 1) & ~(SplitKTile.ChunkDepth - 1);
            for (int row = 0; row < TRows.Count; row++)
            {
                for (int k = thread; k < padded; k += SplitKTile.Threads)
                {
                    float h = 0f;
                    if (k < panel && rowBase + row < a.Rows)
                        h = a.Hidden[(rowBase + row) * a.Depth + k0 + k];
                    hidden[row * SplitKTile.MaxHidden + k] = h;
                }
            }

            Group.Barrier();
            int chunks = padded >> SplitKTile.ChunkShift, first = k0 >> SplitKTile.ChunkShift;
            for (int c = 0; c < chunks; c++)
            {
                int at = c * SplitKTile.Slices + slice.Slice;
                sums = TChunk.MultiplyAdd(TChunk.Load(slice, first + c), sums, tile, at, SplitKTile.Slices, SplitKTile.Row, 16);
            }

            Group.Barrier();
        }

        return sums;
    }
}

/// <summary>Ordinary loads, in the form of an exchange.</summary>
internal readonly struct PlainLoads : IExchange
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Load(ArrayView<Float4> words, int at) => words[at];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Publish(ArrayView<float> words, int at, float value) => words[at] = value;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LoadFlag(ArrayView<int> flags, int at) => flags[at];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void RaiseFlag(ArrayView<int> flags, int at) => flags[at] = 1;
}
