using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>What the second direction of a layer has of its own. The rest of it lies behind the first direction's.</summary>
internal struct OtherDirection
{
    public ArrayView<float> Initial, Own, NextOwn;
    public ArrayView<Quad> Weights;
}

/// <summary>
/// A whole sequence in one launch by a grid that stays: every group keeps its columns of R in registers for all steps, and
/// h goes from group to group through <see cref="IExchange"/>. All groups must be resident at once, since each waits for
/// the others; waiting is bounded: a group that waited too long raises the error flag and all leave. Then outputs and c
/// are worthless, and the host runs the steps again by <see cref="SliceStepKernel"/> from h0 and the old c.
/// </summary>
internal static class GridSequenceKernel
{
    /// <summary>Polls between two looks at the error flag; a power of two.</summary>
    private const int FlagInterval = 256;

    /// <summary>
    /// The kernel. Grid: groups of quads × tiles of rows; <typeparamref name="TTile"/>'s quads × <see cref="SliceTile.Slices"/> threads.
    /// <paramref name="initial"/> is h0, <c>[N, H]</c>, H a multiple of 4; <paramref name="output"/> is <c>[steps, N, H]</c>,
    /// filled with 0xFF. <paramref name="flags"/>[0] is the error flag, 0 before the launch. A grid two deep runs a second direction
    /// beside the first, by groups of its own that share nothing with the others but the flag: its steps are <c>steps</c> to <c>2·steps − 1</c>
    /// of the preactivations, the output and the gates, in the order in which it walks.
    /// </summary>
    public static void Run<TCell, TWeights, TRows, TTile, TExchange>(ArrayView<float> initial, ArrayView<float> output, ArrayView<Quad> weights, ArrayView<Quad> preactivation, ArrayView<float> own, ArrayView<float> nextOwn, ArrayView<float> gates, ArrayView<int> flags, OtherDirection other, int steps, int batchSize, int hiddenSize, int quads, CellParameters cell, int wantGates, int pollBudget)
        where TCell : struct, ICellEpilogue
        where TWeights : struct, IWeights<TWeights>
        where TRows : unmanaged, IRows<TRows>
        where TTile : struct, IGridTile
        where TExchange : struct, IExchange
    {
        // Where h and the partial sums would take more than 32 KB, or not all rows are multiplied at once, the sums take
        // h's place, at the price of further barriers.
        int together = TTile.RowsTogether(TWeights.Chunks);
        int aliased = TRows.Count > together || TTile.Quads * TRows.Count > 4 * SliceTile.Quads ? 1 : 0;
        int stride = TTile.Quads * SliceTile.Slices;
        ArrayView<Quad> tile = SharedMemory.Allocate<Quad>(TRows.Count > TTile.RowsTogether(TWeights.Chunks) || TTile.Quads * TRows.Count > 4 * SliceTile.Quads ? TTile.Quads * SliceTile.Slices * TRows.Count : 2 * TTile.Quads * SliceTile.Slices * TRows.Count);
        ArrayView<Quad> partial = tile.SubView(aliased != 0 ? 0 : stride * TRows.Count, stride * TRows.Count);
        ArrayView<int> late = SharedMemory.Allocate<int>(1), half = SharedMemory.Allocate<int>(1);
        ArrayView<Quad> words = output.Cast<Quad>();

        int x = Group.IdxX, y = Group.IdxY;
        int thread = y * TTile.Quads + x;
        int quad = Grid.IdxX * TTile.Quads + x;
        int rowBase = Grid.IdxY * TRows.Count, row = rowBase + y;
        int unit = quad * TCell.Units, at = row * hiddenSize + unit;
        int step = batchSize * hiddenSize, rowWords = hiddenSize >> 2;
        bool finishes = y < TRows.Count && row < batchSize && quad < quads;
        bool fetches = thread < rowWords;

        int begin = 0;
        if (Grid.IdxZ != 0)
        {
            begin = steps;
            own = other.Own;
            weights = other.Weights;
        }

        if (thread == 0)
        {
            late[0] = 0;
            half[0] = 16;
        }

        float value = 0f;
        if (TCell.ReadsOwn && finishes)
            value = own[at];
        WeightSlice slice = default;
        (slice.Weights, slice.Depth, slice.Quads, slice.Quad, slice.Slices, slice.Slice) = (weights, hiddenSize, quads, quad, SliceTile.Slices, y);
        TWeights held = TWeights.Load(slice, 0);
        Group.Barrier();

        // Every group passes every barrier of every step, also after giving up: then without work, so soon done.
        bool gaveUp = false;
        for (int t = begin; t < begin + steps; t++)
        {
            Quad start = Quad.Zero;
            if (finishes)
                start = preactivation[(t * batchSize + row) * quads + quad];

            // Each thread fetches the same four units of every row: independent loads, one wait. Threads beyond the last
            // unit clear the padding of the last chunk, which partial sums may have overwritten.
            TRows h = default;
            if (fetches && !gaveUp)
            {
                int first = rowBase * rowWords + thread, from = first + (t - 1) * batchSize * rowWords;
                // Either address as it comes, since a choice before the loop would take registers through it.
                if (t == 0)
                    h = TRows.Load<TExchange>(initial.Cast<Quad>(), first, rowWords, batchSize - rowBase);
                else if (t == begin)
                    h = TRows.Load<TExchange>(other.Initial.Cast<Quad>(), first, rowWords, batchSize - rowBase);
                bool waits = t > begin;
                int polls = 0;
                while (waits)
                {
                    h = TRows.Load<TExchange>(words, from, rowWords, batchSize - rowBase);
                    polls++;
                    waits = !TRows.Written(h);
                    if (waits && (polls >= pollBudget || ((polls & (FlagInterval - 1)) == 0 && TExchange.LoadFlag(flags, 0) != 0)))
                    {
                        TExchange.RaiseFlag(flags, 0);
                        late[0] = 1;
                        waits = false;
                    }
                }
            }

            TRows.Store(h, tile, thread, stride);
            Group.Barrier();
            gaveUp = late[0] != 0;
            TRows.Multiply(held, tile, partial, y, thread, stride, together, aliased, half);
            Group.Barrier();
            if (finishes && !gaveUp)
            {
                Quad sum = Quad.Add(start, SliceSums.Sum(partial, y * stride + x, TTile.Quads, TTile.Slices));
                Quad next = TCell.Step(ref sum, ref value, unit, cell);
                Publish<TCell, TExchange>(next, output, t * step + at, hiddenSize - unit);
                if (wantGates != 0)
                    CellStep.StoreGates<TCell>(sum, gates, t * batchSize + row, unit, hiddenSize);
            }

            if (aliased != 0)
                Group.Barrier();
        }

        if (Grid.IdxZ != 0)
            nextOwn = other.NextOwn;
        if (TCell.WritesOwn && finishes && !gaveUp)
            nextOwn[at] = value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Publish<TCell, TExchange>(Quad h, ArrayView<float> output, int at, int left)
        where TCell : struct, ICellEpilogue
        where TExchange : struct, IExchange
    {
        TExchange.Publish(output, at, h.X);
        if (TCell.Units > 1)
        {
            if (left > 1)
                TExchange.Publish(output, at + 1, h.Y);
            if (left > 2)
                TExchange.Publish(output, at + 2, h.Z);
            if (left > 3)
                TExchange.Publish(output, at + 3, h.W);
        }
    }
}
