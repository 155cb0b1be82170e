using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// A whole sequence in one launch for small layers: each group takes a tile of rows and all quads, and keeps h in shared
/// memory, c (and R, where it fits) in registers. Groups never meet: no assumption about when they run, any device.
/// </summary>
internal static class GroupSequenceKernel
{
    /// <summary>Parts that a quad's k's are dealt to; also the most rows of a group's tile.</summary>
    public const int Slices = 4;

    /// <summary>k's in a chunk of every slice.</summary>
    public const int ChunkDepth = 4 * Slices;

    /// <summary>The most quads of a layer.</summary>
    public const int MaxQuads = 128;

    /// <summary>The most units of a layer.</summary>
    public const int MaxHidden = 512;

    /// <summary>
    /// The kernel. Grid: tiles of rows; group: the layer's quads × <see cref="Slices"/>. <paramref name="initial"/> is
    /// h0, <c>[N, H]</c>; <paramref name="output"/> is <c>[steps, N, H]</c>.
    /// </summary>
    public static void Run<TCell, TWeights, TRows>(ArrayView<float> initial, ArrayView<float> output, ArrayView<Quad> weights, ArrayView<Quad> preactivation, ArrayView<float> own, ArrayView<float> gates, int steps, int batchSize, int hiddenSize, int quads, CellParameters cell, int wantGates)
        where TCell : struct, ICellEpilogue
        where TWeights : struct, IWeights<TWeights>
        where TRows : unmanaged, IRows<TRows>
    {
        ArrayView<Quad> tile = SharedMemory.Allocate<Quad>(TRows.Count * (MaxHidden / 4));
        ArrayView<Quad> partial = SharedMemory.Allocate<Quad>(TRows.Count * Slices * MaxQuads);
        ArrayView<int> half = SharedMemory.Allocate<int>(1);
        ArrayView<float> hidden = tile.Cast<float>();

        int quad = Group.IdxX, y = Group.IdxY;
        int rowBase = Grid.IdxX * TRows.Count, row = rowBase + y;
        int unit = quad * TCell.Units, at = row * hiddenSize + unit;
        int step = batchSize * hiddenSize;
        bool finishes = y < TRows.Count && row < batchSize;

        // All that the products read: what lies beyond the last unit or row meets zero weights or is never stored, but must
        // be finite. Held chunks may be more than H needs.
        int padded = TWeights.Chunks > 0 ? TWeights.Chunks * ChunkDepth : (hiddenSize + ChunkDepth - 1) & ~(ChunkDepth - 1);
        for (int r = 0; r < TRows.Count; r++)
        {
            for (int k = y * quads + quad; k < padded; k += quads * Slices)
            {
                float h = 0f;
                if (k < hiddenSize && rowBase + r < batchSize)
                    h = initial[(rowBase + r) * hiddenSize + k];
                hidden[r * MaxHidden + k] = h;
            }
        }

        half[0] = 16;
        float value = 0f;
        if (TCell.ReadsOwn && finishes)
            value = own[at];

        WeightSlice slice = default;
        (slice.Weights, slice.Depth, slice.Quads, slice.Quad, slice.Slices, slice.Slice) = (weights, hiddenSize, quads, quad, Slices, y);
        TWeights held = TWeights.Load(slice, 0);
        Group.Barrier();

        for (int t = 0; t < steps; t++)
        {
            Quad start = Quad.Zero;
            if (finishes)
                start = preactivation[(t * batchSize + row) * quads + quad];
            TRows sums = TWeights.MultiplyAdd<TRows>(held, default, tile, y, Slices, MaxHidden / 4, half[0]);
            TRows.Store(sums, partial, y * MaxQuads + quad, Slices * MaxQuads);
            Group.Barrier();
            if (finishes)
            {
                Quad sum = Quad.Add(start, SliceSums.Sum(partial, y * Slices * MaxQuads + quad, MaxQuads, Slices));
                Quad h = TCell.Step(ref sum, ref value, unit, cell);
                CellStep.StoreHidden<TCell>(h, output, t * step + at, hiddenSize - unit);
                CellStep.StoreHidden<TCell>(h, hidden, y * MaxHidden + unit, hiddenSize - unit);
                if (wantGates != 0)
                    CellStep.StoreGates<TCell>(sum, gates, t * batchSize + row, unit, hiddenSize);
            }

            Group.Barrier();
        }

        if (TCell.WritesOwn && finishes)
            own[at] = value;
    }
}
