using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// A row that a warp of a persistent grid finishes in every step, and where its next preactivation lies and its next h goes: what a step changes is added to,
/// not computed from the step's number.
/// </summary>
internal struct GridRow
{
    /// <summary>c, or a GRU's h of the step before; the next preactivation of the lane's column.</summary>
    public float Carried, Start;

    /// <summary>The first unit of the row; where the preactivation is; where h goes; the row of all steps.</summary>
    public int At, Preactivation, Put, Wanted;

    /// <summary>Not 0 where the row and the float4 column are real ones.</summary>
    public int Finishes;

    /// <summary>Before the first step; <paramref name="begin"/> is the first row of the direction among those of all steps.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GridRow Begin<TPointwise>(SequenceArguments a, SliceThread me, int row, int begin)
        where TPointwise : struct, IPointwise
    {
        GridRow self = default;
        self.At = row * a.HiddenSize + me.Column4 * TPointwise.Units;
        self.Finishes = row < a.Rows && me.Column4 < a.Columns4 ? 1 : 0;
        self.Preactivation = ((begin + IntrinsicMath.Min(row, a.Rows - 1)) * a.Columns4 + me.Column4Inside) * 4 + me.Column;
        (self.Put, self.Wanted) = (begin * a.HiddenSize + self.At, begin + row);
        if (TPointwise.ReadsCarried && self.Finishes != 0)
            self.Carried = a.Carried[self.At];
        self.Start = a.Preactivation.Cast<float>()[self.Preactivation];
        return self;
    }

    /// <summary>From the warps' partial sums of the row to its h, which all groups then see. All lanes of the warp come here.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish<TPointwise, TExchange>(ref GridRow self, ArrayView<float> partial, SliceThread me, GridArguments g, bool gaveUp, bool last)
        where TPointwise : struct, IPointwise
        where TExchange : struct, IExchange
    {
        SequenceArguments a = g.Sequence;
        // By all warps, also those that have no row to finish: shuffles in a branch would cost ptxas a second copy of the loop.
        Float4 sum = SliceSums.Gather(partial, me, self.Start);
        int unit = me.Column4 * TPointwise.Units;
        if (self.Finishes != 0 && !gaveUp)
        {
            Float4 next = TPointwise.Step(ref sum, ref self.Carried, unit, a.Cell);
            if (TPointwise.Units == 1 ? me.Column == 0 : unit + me.Column < a.HiddenSize)
            {
                float value = TPointwise.Units == 1 ? next.X : SliceSums.Of(next, me.Column);
                int column = TPointwise.Units == 1 ? 0 : me.Column;
                TExchange.Publish(a.Output, self.Put + column, value);
                if (last)
                    g.NextHidden[self.At + column] = value;
            }

            if (me.Column == 0)
                CellStep.StoreWanted<TPointwise>(a.Wanted, sum, self.Carried, self.Wanted, unit, a.Cell);
        }

        // The next step's preactivation, under the wait; the last step reads its own again.
        if (!last)
            self.Preactivation += a.Rows * a.Columns4 * 4;
        self.Start = a.Preactivation.Cast<float>()[self.Preactivation];
        self.Put += a.Rows * a.HiddenSize;
        self.Wanted += a.Rows;
    }

    /// <summary>After the last step.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void End<TPointwise>(GridRow self, SliceThread me, GridArguments g, bool gaveUp)
        where TPointwise : struct, IPointwise
    {
        if (TPointwise.WritesCarried && self.Finishes != 0 && me.Column == 0 && !gaveUp)
            g.NextCarried[self.At] = self.Carried;
    }
}

/// <summary>How a thread of a persistent grid waits: not for ever.</summary>
internal static class GridWait
{
    // Polls between two looks at the error flag; a power of two.
    private const int FlagInterval = 256;

    /// <summary>Whether to poll once more after <paramref name="polls"/> in vain; where not, the flag is up, and <paramref name="late"/> tells the group.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Again<TExchange>(GridArguments g, int polls, ArrayView<int> late)
        where TExchange : struct, IExchange
    {
        if (polls < g.PollBudget && ((polls & (FlagInterval - 1)) != 0 || TExchange.LoadFlag(g.Flags, 0) == 0))
            return true;
        TExchange.RaiseFlag(g.Flags, 0);
        g.HostFlags[0] = 1;
        late[0] = 1;
        return false;
    }
}
