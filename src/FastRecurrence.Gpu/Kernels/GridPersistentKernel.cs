using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// A whole sequence in one launch by a grid that stays: every group keeps its columns of R in registers for all steps, and
/// h goes from group to group through <see cref="IExchange"/>. All groups must be resident at once, since each waits for
/// the others; waiting is bounded: a group that waited too long raises the error flag and all leave. Then outputs and c
/// are worthless, and the host runs the steps again by <see cref="SplitKStepKernel"/> from h0 and the old c.
/// </summary>
internal static class GridPersistentKernel
{
    /// <summary>Polls between two looks at the error flag; a power of two.</summary>
    private const int FlagInterval = 256;

    /// <summary>
    /// The kernel. Grid: groups of float4 columns × tiles of rows; <typeparamref name="TTile"/>'s columns × <see cref="SplitKTile.Slices"/> threads. H is
    /// a multiple
    /// of 4. A grid two deep runs a second direction beside the first, by groups of its own that share nothing with the others but the flag: its
    /// steps are <c>steps</c> to <c>2·steps − 1</c> of the preactivations, the output and the gates, in the order in which it walks.
    /// </summary>
    public static void Run<TPointwise, TWeights, TRows, TTile, TExchange>(GridArguments g)
        where TPointwise : struct, IPointwise
        where TWeights : struct, IWeights<TWeights>
        where TRows : unmanaged, IRows<TRows>
        where TTile : struct, IGridTile
        where TExchange : struct, IExchange
    {
        SequenceArguments a = g.Sequence;
        // Where h and the partial sums would take more than 32 KB, or not all rows are multiplied at once, the sums take
        // h's place, at the price of further barriers.
        int together = TTile.RowsTogether(TWeights.Chunks);
        int aliased = TRows.Count > together || TTile.Columns4 * TRows.Count > 4 * SplitKTile.Columns4 ? 1 : 0;
        int stride = TTile.Columns4 * SplitKTile.Slices;
        ArrayView<Float4> tile = SharedMemory.Allocate<Float4>(
            TRows.Count > TTile.RowsTogether(TWeights.Chunks) || TTile.Columns4 * TRows.Count > 4 * SplitKTile.Columns4
                ? TTile.Columns4 * SplitKTile.Slices * TRows.Count
                : 2 * TTile.Columns4 * SplitKTile.Slices * TRows.Count);
        ArrayView<Float4> partial = tile.SubView(aliased != 0 ? 0 : stride * TRows.Count, stride * TRows.Count);
        ArrayView<int> late = SharedMemory.Allocate<int>(1), half = SharedMemory.Allocate<int>(1);
        ArrayView<Float4> words = a.Output.Cast<Float4>();

        int x = Group.IdxX, y = Group.IdxY;
        int thread = y * TTile.Columns4 + x;
        int column4 = Grid.IdxX * TTile.Columns4 + x;
        int rowBase = Grid.IdxY * TRows.Count, row = rowBase + y;
        int unit = column4 * TPointwise.Units, at = row * a.HiddenSize + unit;
        int step = a.Rows * a.HiddenSize, rowWords = a.HiddenSize >> 2;
        bool finishes = y < TRows.Count && row < a.Rows && column4 < a.Columns4;
        bool fetches = thread < rowWords;

        int begin = 0;
        if (Grid.IdxZ != 0)
        {
            begin = a.Steps;
            a.Carried = g.Second.Carried;
            a.Weights = g.Second.Weights;
        }

        if (thread == 0)
        {
            late[0] = 0;
            half[0] = 16;
        }

        float value = 0f;
        if (TPointwise.ReadsCarried && finishes)
            value = a.Carried[at];
        WeightSlice slice = default;
        (slice.Weights, slice.Depth, slice.Columns4, slice.Column4) = (a.Weights, a.HiddenSize, a.Columns4, column4);
        (slice.Slices, slice.Slice) = (SplitKTile.Slices, y);
        TWeights held = TWeights.Load(slice, 0);
        Group.Barrier();

        // Every group passes every barrier of every step, also after giving up: then without work, so soon done.
        bool gaveUp = false;
        for (int t = begin; t < begin + a.Steps; t++)
        {
            Float4 start = Float4.Zero;
            if (finishes)
                start = a.Preactivation[(t * a.Rows + row) * a.Columns4 + column4];

            // Each thread fetches the same four units of every row: independent loads, one wait. Threads beyond the last
            // unit clear the padding of the last chunk, which partial sums may have overwritten.
            TRows h = default;
            if (fetches && !gaveUp)
            {
                int first = rowBase * rowWords + thread, from = first + (t - 1) * a.Rows * rowWords;
                // Either address as it comes, since a choice before the loop would take registers through it.
                if (t == 0)
                    h = TRows.Load<TExchange>(a.Initial.Cast<Float4>(), first, rowWords, a.Rows - rowBase);
                else if (t == begin)
                    h = TRows.Load<TExchange>(g.Second.Initial.Cast<Float4>(), first, rowWords, a.Rows - rowBase);
                bool waits = t > begin;
                int polls = 0;
                while (waits)
                {
                    h = TRows.Load<TExchange>(words, from, rowWords, a.Rows - rowBase);
                    polls++;
                    waits = !TRows.Written(h);
                    if (waits && (polls >= g.PollBudget || ((polls & (FlagInterval - 1)) == 0 && TExchange.LoadFlag(g.Flags, 0) != 0)))
                    {
                        TExchange.RaiseFlag(g.Flags, 0);
                        late[0] = 1;
                        waits = false;
                    }
                }
            }

            TRows.Store(h, tile, thread, stride);
            Group.Barrier();
            gaveUp = late[0] != 0;
            Products products = default;
            (products.Hidden, products.Partial, products.Half) = (tile, partial, half);
            (products.Slice, products.Thread, products.Stride, products.Together, products.Aliased) = (y, thread, stride, together, aliased);
            TRows.Multiply(held, products);
            Group.Barrier();
            if (finishes && !gaveUp)
            {
                Float4 sum = Float4.Add(start, SplitKSums.Sum(partial, y * stride + x, TTile.Columns4, TTile.Slices));
                Float4 next = TPointwise.Step(ref sum, ref value, unit, a.Cell);
                Publish<TPointwise, TExchange>(next, a.Output, t * step + at, a.HiddenSize - unit);
                CellStep.StoreWanted<TPointwise>(a.Wanted, sum, value, t * a.Rows + row, unit, a.Cell);
            }

            if (aliased != 0)
                Group.Barrier();
        }

        if (Grid.IdxZ != 0)
            g.NextCarried = g.Second.NextCarried;
        if (TPointwise.WritesCarried && finishes && !gaveUp)
            g.NextCarried[at] = value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Publish<TPointwise, TExchange>(Float4 h, ArrayView<float> output, int at, int left)
        where TPointwise : struct, IPointwise
        where TExchange : struct, IExchange
    {
        TExchange.Publish(output, at, h.X);
        if (TPointwise.Units > 1)
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
