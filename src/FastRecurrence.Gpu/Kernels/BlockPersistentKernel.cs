using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// A whole sequence in one launch for small layers: each group takes a tile of rows and all float4 columns, and keeps h in shared
/// memory, c (and R, where it fits) in registers. Groups never meet: no assumption about when they run, any device.
/// </summary>
internal static class BlockPersistentKernel
{
    /// <summary>Parts that a float4 column's k's are dealt to; also the most rows of a group's tile.</summary>
    public const int Slices = 4;

    /// <summary>k's in a chunk of every slice.</summary>
    public const int ChunkDepth = 4 * Slices;

    /// <summary>The most float4 columns of a layer.</summary>
    public const int MaxColumns4 = 128;

    /// <summary>The most units of a layer.</summary>
    public const int MaxHidden = 512;

    /// <summary>The kernel. Grid: tiles of rows; group: the layer's float4 columns × <see cref="Slices"/>.</summary>
    public static void Run<TPointwise, TWeights, TRows>(SequenceArguments a)
        where TPointwise : struct, IPointwise
        where TWeights : struct, IWeights<TWeights>
        where TRows : unmanaged, IRows<TRows>
    {
        ArrayView<Float4> tile = SharedMemory.Allocate<Float4>(TRows.Count * (MaxHidden / 4));
        ArrayView<Float4> partial = SharedMemory.Allocate<Float4>(TRows.Count * Slices * MaxColumns4);
        ArrayView<int> half = SharedMemory.Allocate<int>(1);
        ArrayView<float> hidden = tile.Cast<float>();

        int column4 = Group.IdxX, y = Group.IdxY;
        int rowBase = Grid.IdxX * TRows.Count, row = rowBase + y;
        int unit = column4 * TPointwise.Units, at = row * a.HiddenSize + unit;
        int step = a.Rows * a.HiddenSize;
        bool finishes = y < TRows.Count && row < a.Rows;

        // All that the products read: what lies beyond the last unit or row meets zero weights or is never stored, but must
        // be finite. Held chunks may be more than H needs.
        int padded = TWeights.Chunks > 0 ? TWeights.Chunks * ChunkDepth : (a.HiddenSize + ChunkDepth - 1) & ~(ChunkDepth - 1);
        for (int r = 0; r < TRows.Count; r++)
        {
            for (int k = y * a.Columns4 + column4; k < padded; k += a.Columns4 * Slices)
            {
                float h = 0f;
                if (k < a.HiddenSize && rowBase + r < a.Rows)
                    h = a.Initial[(rowBase + r) * a.HiddenSize + k];
                hidden[r * MaxHidden + k] = h;
            }
        }

        half[0] = 16;
        float value = 0f;
        if (TPointwise.ReadsCarried && finishes)
            value = a.Carried[at];

        WeightSlice slice = default;
        (slice.Weights, slice.Depth, slice.Columns4, slice.Column4, slice.Slices, slice.Slice) = (a.Weights, a.HiddenSize, a.Columns4, column4, Slices, y);
        TWeights held = TWeights.Load(slice, 0);
        Group.Barrier();

        for (int t = 0; t < a.Steps; t++)
        {
            Float4 start = Float4.Zero;
            if (finishes)
                start = a.Preactivation[(t * a.Rows + row) * a.Columns4 + column4];
            TRows sums = TWeights.MultiplyAdd<TRows>(held, default, tile, y, Slices, MaxHidden / 4, half[0]);
            TRows.Store(sums, partial, y * MaxColumns4 + column4, Slices * MaxColumns4);
            Group.Barrier();
            if (finishes)
            {
                ArrayView<Float4> slices = partial.SubView(y * Slices * MaxColumns4 + column4);
                Float4 sum = Float4.Add(Float4.Add(slices[0], slices[MaxColumns4]), Float4.Add(slices[2 * MaxColumns4], slices[3 * MaxColumns4]));
                sum = Float4.Add(start, sum);
                Float4 h = TPointwise.Step(ref sum, ref value, unit, a.Cell);
                CellStep.StoreHidden<TPointwise>(h, a.Output, t * step + at, a.HiddenSize - unit);
                CellStep.StoreHidden<TPointwise>(h, hidden, y * MaxHidden + unit, a.HiddenSize - unit);
                CellStep.StoreWanted<TPointwise>(a.Wanted, sum, value, t * a.Rows + row, unit, a.Cell);
            }

            Group.Barrier();
        }

        if (TPointwise.WritesCarried && finishes)
            a.Carried[at] = value;
    }
}
