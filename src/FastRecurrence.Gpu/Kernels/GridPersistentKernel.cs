using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// A whole sequence in one launch by a grid that stays: every group keeps its columns of R in registers for all steps, and h goes from group to group
/// through <see cref="IExchange"/>. All groups must be resident at once, since each waits for the others; waiting is bounded: a group that waited too long
/// raises the error flag and all leave. Then outputs and the next state are worthless, and the host runs the steps again by
/// <see cref="SplitKStepKernel"/> from the old state.
/// </summary>
internal static class GridPersistentKernel
{
    /// <summary>Polls between two looks at the error flag; a power of two.</summary>
    private const int FlagInterval = 256;

    /// <summary>
    /// The kernel. Grid: groups of float4 columns × tiles of rows; group: <see cref="SplitKTile.Columns4"/> × <see cref="SplitKTile.Slices"/> threads. H is
    /// a multiple of 4. A grid two deep runs a second direction beside the first, by groups of its own that share nothing with the others but the flag: its
    /// steps are <c>steps</c> to <c>2·steps − 1</c> of the preactivations, the output and the gates, in the order in which it walks.
    /// </summary>
    public static void Run<TPointwise, TWeights, TRows, TExchange, TShuffle>(GridArguments g)
        where TPointwise : struct, IPointwise
        where TWeights : struct, IWeights<TWeights>
        where TRows : unmanaged, IRows<TRows>
        where TExchange : struct, IExchange
        where TShuffle : struct, IShuffle
    {
        SequenceArguments a = g.Sequence;
        ArrayView<Float4> tile = SharedMemory.Allocate<Float4>(TRows.Count * SplitKTile.Row);
        ArrayView<float> partial = SharedMemory.Allocate<float>(TRows.Count * SplitKTile.Threads);
        ArrayView<float> scratch = SharedMemory.Allocate<float>(TShuffle.Scratch);
        ArrayView<int> late = SharedMemory.Allocate<int>(1), half = SharedMemory.Allocate<int>(1);

        SliceThread me = SliceThread.Of(Grid.IdxY * TRows.Count, TRows.Count, a.Rows, a.Columns4);
        int rowWords = a.HiddenSize >> 2, unit = me.Column4 * TPointwise.Units, at = me.Row * a.HiddenSize + unit;
        int step = a.Rows * a.HiddenSize, rowBase = Grid.IdxY * TRows.Count;
        bool fetches = me.Thread < rowWords;

        // Running offsets: what a step changes is added to, not computed from t. The second direction's rows lie behind the first's.
        int begin = 0;
        if (Grid.IdxZ != 0)
        {
            begin = a.Steps * a.Rows;
            (a.Initial, a.Carried, a.Weights) = (g.Second.Initial, g.Second.Carried, g.Second.Weights);
            (g.NextCarried, g.NextHidden) = (g.Second.NextCarried, g.Second.NextHidden);
        }

        if (me.Thread == 0)
        {
            late[0] = 0;
            half[0] = 16;
        }

        float carried = 0f;
        if (TPointwise.ReadsCarried && me.Finishes)
            carried = a.Carried[at];
        WeightSlice slice = default;
        (slice.Weights, slice.Depth, slice.Columns4, slice.Column4) = (a.Weights, a.HiddenSize, a.Columns4, me.Column4);
        (slice.Slices, slice.Slice) = (SplitKTile.Slices, me.Slice);
        TWeights held = TWeights.Load(slice, 0);

        // Each thread fetches the same four units of every row: independent loads, one wait. Threads beyond the last unit fill the padding of the last
        // chunk with zeros.
        int first = rowBase * rowWords + IntrinsicMath.Min(me.Thread, rowWords - 1), rows = a.Rows - rowBase;
        TRows h = TRows.Keep(TRows.Load<TExchange>(a.Initial.Cast<Float4>(), first, rowWords, rows), fetches);
        int mailAt = begin * rowWords + first;
        ArrayView<float> preactivation = a.Preactivation.Cast<float>();
        int pre = ((begin + me.RowInside) * a.Columns4 + me.Column4Inside) * 4 + me.Column, put = begin * a.HiddenSize + at, wantedRow = begin + me.Row;
        float start = preactivation[pre];
        Group.Barrier();

        // Every group passes every barrier of every step, also after giving up: then without work, so soon done.
        bool gaveUp = false;
        for (int t = 0; t < a.Steps; t++)
        {
            // At the top, not behind the publishing: on a CPU a group's threads go from barrier to barrier one after another, and the first would wait for
            // what the others publish only after it.
            int polls = 0;
            bool waits = fetches && t > 0 && !gaveUp;
            ArrayView<Float4> mail = a.Output.Cast<Float4>().SubView(mailAt);
            while (waits)
            {
                h = TRows.Load<TExchange>(mail, 0, rowWords, rows);
                polls++;
                waits = !TRows.Written(h);
                if (waits && (polls >= g.PollBudget || ((polls & (FlagInterval - 1)) == 0 && TExchange.LoadFlag(g.Flags, 0) != 0)))
                {
                    TExchange.RaiseFlag(g.Flags, 0);
                    g.HostFlags[0] = 1;
                    late[0] = 1;
                    waits = false;
                }
            }

            TRows.Store(h, tile, me.Thread, SplitKTile.Row);
            Group.Barrier();
            gaveUp = late[0] != 0;
            Products products = default;
            (products.Hidden, products.Partial, products.Scratch, products.Half) = (tile, partial, scratch, half);
            (products.Slice, products.Thread, products.Together) = (me.Slice, me.Thread, TWeights.Chunks > 6 ? 4 : TRows.Count);
            TRows.Multiply<TWeights, TShuffle>(held, products);
            Group.Barrier();

            Float4 sum = SliceSums.Gather<TShuffle>(partial, me, start, scratch);
            if (me.Finishes && !gaveUp)
            {
                Float4 next = TPointwise.Step(ref sum, ref carried, unit, a.Cell);
                if (TPointwise.Units == 1 ? me.Column == 0 : unit + me.Column < a.HiddenSize)
                {
                    float value = TPointwise.Units == 1 ? next.X : SliceSums.Of(next, me.Column);
                    TExchange.Publish(a.Output, TPointwise.Units == 1 ? put : put + me.Column, value);
                    if (t + 1 == a.Steps)
                        g.NextHidden[TPointwise.Units == 1 ? at : at + me.Column] = value;
                }

                if (me.Column == 0)
                    CellStep.StoreWanted<TPointwise>(a.Wanted, sum, carried, wantedRow, unit, a.Cell);
            }

            // The next step's preactivation, under the wait; the last step reads its own again.
            if (t + 1 < a.Steps)
                pre += a.Rows * a.Columns4 * 4;
            start = preactivation[pre];
            if (t > 0)
                mailAt += a.Rows * rowWords;
            put += step;
            wantedRow += a.Rows;
        }

        if (TPointwise.WritesCarried && me.Finishes && me.Column == 0 && !gaveUp)
            g.NextCarried[at] = carried;
    }
}
