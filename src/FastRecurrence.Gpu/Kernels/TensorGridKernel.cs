using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// <see cref="GridPersistentKernel"/> on tensor cores, for more rows: a group's warps share the k's out in panels of 16. Where registers have room for h,
/// every lane fetches just what its warp multiplies, and a step has one barrier; else h goes through shared memory. Where it gives up, <see cref="TensorSplitKStepKernel"/> runs
/// the steps: its sums have the same order.
/// </summary>
internal static class TensorGridKernel
{
    /// <summary>Warps of a group.</summary>
    public const int Warps = SplitKTile.Threads / TensorGemmLoop.Lanes;

    /// <summary>Fours from a panel of a warp to its next.</summary>
    public const int PanelStep = Warps * TensorGemmLoop.Depth / 4;

    /// <summary>A row of h in shared memory in fours, a few more than it has, so that the rows of a fragment lie in different banks.</summary>
    public const int SharedRow = SplitKTile.Row + 4;

    // A row of partial sums, one more than it has, so that the rows of a fragment lie in different banks.
    private const int PartialRow = SplitKTile.Threads + 1;

    // Panels of a warp from which on h goes through shared memory.
    private const int ManyPanels = 8;

    /// <summary>
    /// The kernel. Grid: groups of float4 columns × tiles of rows × directions; group: <see cref="SplitKTile.Columns4"/> × <see cref="SplitKTile.Slices"/>
    /// threads. H is a multiple of 4; R is in the order of <see cref="TensorFragments"/>. <typeparamref name="TPolled"/> is as many rows as
    /// <typeparamref name="TRows"/>.
    /// </summary>
    public static void Run<TPointwise, TPanels, THidden, TRows, TPolled, TExchange>(GridArguments g)
        where TPointwise : struct, IPointwise
        where TPanels : struct, ITensorPanels<TPanels, THidden>
        where THidden : struct
        where TRows : struct, ITensorRows<TRows>
        where TPolled : unmanaged, IRows<TPolled>
        where TExchange : struct, IExchange
    {
        SequenceArguments a = g.Sequence;
        // Two sets of partial sums in turn: a warp that is a step ahead does not disturb one that still reads. A second barrier does that, too.
        bool shares = TPanels.Count >= ManyPanels;
        ArrayView<float> partials = SharedMemory.Allocate<float>(TPanels.Count >= ManyPanels ? TRows.Count * PartialRow : 2 * TRows.Count * PartialRow);
        ArrayView<Float4> tile = SharedMemory.Allocate<Float4>(TPanels.Count >= ManyPanels ? TRows.Count * SharedRow : 1);
        ArrayView<int> late = SharedMemory.Allocate<int>(1);

        int rowBase = Grid.IdxY * TRows.Count;
        SliceThread me = SliceThread.Of(rowBase, Warps, a.Rows, a.Columns4);
        int rowWords = a.HiddenSize >> 2, warp = me.Local;
        int begin = 0;
        if (Grid.IdxZ != 0)
        {
            begin = a.Steps * a.Rows;
            g = GridArguments.OfSecond(g);
            a = g.Sequence;
        }

        if (me.Thread == 0)
            late[0] = 0;

        PanelSource source = default;
        source.Fragments = a.Weights.SubView(Grid.IdxX * (4 * TensorGemmLoop.Lanes) + me.Lane);
        (source.Stride, source.Panels) = (TensorFragments.Across(a.Columns4) * TensorGemmLoop.Lanes, a.HiddenSize + TensorGemmLoop.Depth - 1 >> 4);
        TPanels held = TPanels.Load(source, warp);

        // What is outside is clamped: such sums are never stored. Polled by lanes as they multiply it, or by all threads, each the same four units of all rows.
        HiddenSource hidden = default;
        (hidden.Four, hidden.Last) = (me.Lane & 3, rowWords - 1);
        hidden.Row0 = IntrinsicMath.Min(rowBase + (me.Lane >> 2), a.Rows - 1) * rowWords;
        hidden.Row8 = IntrinsicMath.Min(rowBase + 8 + (me.Lane >> 2), a.Rows - 1) * rowWords;
        hidden.Words = a.Initial.Cast<Float4>();
        int polled = rowBase * rowWords + IntrinsicMath.Min(me.Thread, rowWords - 1);
        THidden h = default;
        TPolled all = default;
        if (shares)
        {
            // Zeros beyond the last k, once.
            if (me.Thread >= rowWords)
                TPolled.Store(all, tile, me.Thread, SharedRow);
            all = TPolled.Load<TExchange>(hidden.Words, polled, rowWords, a.Rows - rowBase);
        }
        else
        {
            h = TPanels.Fetch<TExchange>(hidden, warp);
        }

        hidden.Words = a.Output.Cast<Float4>().SubView(begin * rowWords);
        GridRow row = GridRow.Begin<TPointwise>(a, me, rowBase + warp, begin, TRows.Count > 8);

        Group.Barrier();

        // Every group passes the barrier of every step, also after giving up: then without work, so soon done.
        bool gaveUp = false;
        int set = 0;
        for (int t = 0; t < a.Steps; t++)
        {
            bool last = t + 1 == a.Steps;
            TensorFour sums = default;
            if (shares)
            {
                if (me.Thread < rowWords)
                    TPolled.Store(all, tile, me.Thread, SharedRow);
                Group.Barrier();
                sums = TPanels.MultiplyAdd(held, tile.SubView((me.Lane >> 2) * SharedRow + warp * (TensorGemmLoop.Depth / 4) + (me.Lane & 3)), 0, sums);
            }
            else
            {
                sums = TPanels.MultiplyAdd(held, h, sums);
            }

            TRows.Store(sums, partials, set + warp * TensorGemmLoop.Lanes, PartialRow, me.Lane);
            Group.Barrier();
            gaveUp = late[0] != 0;
            ArrayView<float> partial = partials.SubView(set + warp * PartialRow);
            Float4 sum = Float4.Zero;
            if (TRows.Count > 8)
                sum = SliceSums.Gather(partial, partial.SubView(8 * PartialRow), me, row.Start, row.Start8);
            else
                sum = SliceSums.Gather(partial, me, row.Start);
            GridRow.Finish<TPointwise, TExchange>(ref row, sum, me, g, new GridStep
            {
                First = begin + t * a.Rows,
                Last = last,
                GaveUp = gaveUp,
                Two = TRows.Count > 8,
            });
            if (!shares)
                set = TRows.Count * PartialRow - set;
            if (!last && !gaveUp)
            {
                int polls = 0;
                bool waits = true;
                while (waits && !shares)
                {
                    h = TPanels.Fetch<TExchange>(hidden, warp);
                    polls++;
                    waits = !TPanels.Written(h) && GridWait.Again<TExchange>(g, polls, late);
                }

                waits &= shares && me.Thread < rowWords;
                while (waits)
                {
                    all = TPolled.Load<TExchange>(hidden.Words, polled, rowWords, a.Rows - rowBase);
                    polls++;
                    waits = !TPolled.Written(all) && GridWait.Again<TExchange>(g, polls, late);
                }
            }

            if (!last)
                hidden.Words = hidden.Words.SubView(a.Rows * rowWords);
        }

        GridRow.End<TPointwise>(row, g, gaveUp);
    }
}
