using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// One time step in one launch for few rows, where a tile would mostly multiply padding: a group of 8 float4 columns × 32 slices
/// reads its part of R once, all loads in flight together, for up to 8 rows. The sums are those of
/// <see cref="GridPersistentKernel"/>, bit for bit: it is what a sequence falls back to.
/// </summary>
internal static class SplitKStepKernel
{
    /// <summary>
    /// The kernel. Grid: groups of float4 columns × tiles of rows; <see cref="SplitKTile.Columns4"/> × <see cref="SplitKTile.Slices"/> threads.
    /// </summary>
    public static void Run<TPointwise, TChunk, TRows>(StepArguments a)
        where TPointwise : struct, IPointwise
        where TChunk : struct, IWeights<TChunk>
        where TRows : unmanaged, IRows<TRows>
    {
        // With many rows the partial sums take the place of h, which would be more than 32 KB beside them.
        ArrayView<Float4> shared = SharedMemory.Allocate<Float4>(TRows.Count > 4 ? SplitKTile.Row * TRows.Count : 2 * SplitKTile.Row * TRows.Count);
        ArrayView<Float4> partial = shared.SubView(TRows.Count > 4 ? 0 : SplitKTile.Row * TRows.Count, SplitKTile.Row * TRows.Count);
        ArrayView<float> tile = shared.Cast<float>();

        int x = Group.IdxX, y = Group.IdxY;
        int thread = y * SplitKTile.Columns4 + x;
        int column4 = Grid.IdxX * SplitKTile.Columns4 + x;
        int rowBase = Grid.IdxY * TRows.Count;
        bool finishes = y < TRows.Count && rowBase + y < a.Rows && column4 < a.Columns4;
        // Both under way before the products, which nothing of it waits for.
        Float4 start = Float4.Zero;
        float carried = 0f;
        if (finishes)
        {
            start = a.Preactivation[(rowBase + y) * a.Columns4 + column4];
            if (TPointwise.ReadsCarried)
                carried = a.Carried[(rowBase + y) * a.HiddenSize + column4];
        }

        WeightSlice slice = default;
        (slice.Weights, slice.Depth, slice.Columns4, slice.Column4) = (a.Weights, a.Depth, a.Columns4, column4);
        (slice.Slices, slice.Slice) = (SplitKTile.Slices, y);
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
                    tile[row * SplitKTile.MaxHidden + k] = h;
                }
            }

            Group.Barrier();
            int chunks = padded >> SplitKTile.ChunkShift, first = k0 >> SplitKTile.ChunkShift;
            for (int c = 0; c < chunks; c++)
                sums = TChunk.MultiplyAdd(TChunk.Load(slice, first + c), sums, shared, c * SplitKTile.Slices + y, SplitKTile.Slices, SplitKTile.Row, 16);
            Group.Barrier();
        }

        // Every slice's part of the sums, put together by one thread a row and column.
        TRows.Store(sums, partial, thread, SplitKTile.Row);
        Group.Barrier();
        if (finishes)
        {
            Float4 sum = Float4.Add(start, SplitKSums.Sum(partial, y * SplitKTile.Row + x, SplitKTile.Columns4, SplitKTile.Slices));
            CellStep.InMemory<TPointwise>(a, ref sum, carried, rowBase + y, column4);
        }
    }
}
