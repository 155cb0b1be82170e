using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// One time step in one launch for few rows, where a tile would mostly multiply padding: a group of 8 quads × 32 slices
/// reads its part of R once, all loads in flight together, for up to 8 rows. The sums are those of
/// <see cref="GridSequenceKernel"/>, bit for bit: it is what a sequence falls back to.
/// </summary>
internal static class SliceStepKernel
{
    /// <summary>The kernel. Grid: groups of quads × tiles of rows; <see cref="SliceTile.Quads"/> × <see cref="SliceTile.Slices"/> threads.</summary>
    public static void Run<TCell, TChunk, TRows>(ArrayView<float> hidden, ArrayView<Quad> weights, ArrayView<Quad> preactivation, ArrayView<float> own, ArrayView<float> output, ArrayView<float> gates, int batchSize, int depth, int hiddenSize, int quads, CellParameters cell, int wantGates)
        where TCell : struct, ICellEpilogue
        where TChunk : struct, IWeights<TChunk>
        where TRows : unmanaged, IRows<TRows>
    {
        ArrayView<Quad> shared = SharedMemory.Allocate<Quad>(TRows.Count > 4 ? SliceTile.Row * TRows.Count : 2 * SliceTile.Row * TRows.Count);
        ArrayView<Quad> partial = shared.SubView(TRows.Count > 4 ? 0 : SliceTile.Row * TRows.Count, SliceTile.Row * TRows.Count);
        ArrayView<float> tile = shared.Cast<float>();

        int x = Group.IdxX, y = Group.IdxY;
        int thread = y * SliceTile.Quads + x;
        int quad = Grid.IdxX * SliceTile.Quads + x;
        int rowBase = Grid.IdxY * TRows.Count;
        bool finishes = y < TRows.Count && rowBase + y < batchSize && quad < quads;
        Quad start = Quad.Zero;
        if (finishes)
            start = preactivation[(rowBase + y) * quads + quad];

        WeightSlice slice = default;
        (slice.Weights, slice.Depth, slice.Quads, slice.Quad, slice.Slices, slice.Slice) = (weights, depth, quads, quad, SliceTile.Slices, y);
        TRows sums = default;
        for (int k0 = 0; k0 < depth; k0 += SliceTile.MaxHidden)
        {
            int panel = depth - k0 < SliceTile.MaxHidden ? depth - k0 : SliceTile.MaxHidden;
            int padded = (panel + SliceTile.ChunkDepth - 1) & ~(SliceTile.ChunkDepth - 1);
            for (int row = 0; row < TRows.Count; row++)
            {
                for (int k = thread; k < padded; k += SliceTile.Threads)
                {
                    float h = 0f;
                    if (k < panel && rowBase + row < batchSize)
                        h = hidden[(rowBase + row) * depth + k0 + k];
                    tile[row * SliceTile.MaxHidden + k] = h;
                }
            }

            Group.Barrier();
            int chunks = padded >> SliceTile.ChunkShift, first = k0 >> SliceTile.ChunkShift;
            for (int c = 0; c < chunks; c++)
                sums = TChunk.MultiplyAdd(TChunk.Load(slice, first + c), sums, shared, c * SliceTile.Slices + y, SliceTile.Slices, SliceTile.Row, 16);
            Group.Barrier();
        }

        TRows.Store(sums, partial, thread, SliceTile.Row);
        Group.Barrier();
        if (finishes)
        {
            Quad sum = Quad.Add(start, SliceSums.Sum(partial, y * SliceTile.Row + x, SliceTile.Quads, SliceTile.Slices));
            CellStep.InMemory<TCell>(ref sum, own, output, gates, rowBase + y, quad, hiddenSize, cell, wantGates);
        }
    }
}
