using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// What a lane of a persistent grid finishes in every step: one float4 column of a row, alone of its warp's lanes or beside others that compute the same; of
/// sixteen rows the lower half of a warp has one, the upper another. Where its next preactivation lies and its next h goes is added to, not computed from
/// the step's number.
/// </summary>
internal struct GridRow
{
    /// <summary>c, or a GRU's h of the step before.</summary>
    public float Carried;

    /// <summary>The next preactivation of the lane's column, of the warp's first row and of its second, eight rows further on.</summary>
    public float Start, Start8;

    /// <summary>Where those are.</summary>
    public int Preactivation, Preactivation8;

    /// <summary>The first unit of the row; where h goes.</summary>
    public int At, Put;

    /// <summary>Which of a float4 column the lane stores; of two rows a warp also the one two further on.</summary>
    public int Column;

    /// <summary>Not 0 where the row and the float4 column are real ones.</summary>
    public int Finishes;

    /// <summary>
    /// Before the first step. <paramref name="row"/> is the warp's first row, <paramref name="begin"/> the first row of the direction among those of all
    /// steps; <paramref name="two"/> where the warp has two rows.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static GridRow Begin<TPointwise>(SequenceArguments a, SliceThread me, int row, int begin, bool two)
        where TPointwise : struct, IPointwise
    {
        GridRow self = default;
        self.Preactivation = ((begin + IntrinsicMath.Min(row, a.Rows - 1)) * a.Columns4 + me.Column4Inside) * 4 + me.Column;
        self.Start = a.Preactivation.Cast<float>()[self.Preactivation];
        self.Column = me.Column;
        if (two)
        {
            self.Preactivation8 = ((begin + IntrinsicMath.Min(row + 8, a.Rows - 1)) * a.Columns4 + me.Column4Inside) * 4 + me.Column;
            self.Start8 = a.Preactivation.Cast<float>()[self.Preactivation8];
            self.Column = me.Column & 1;
            row += (me.Lane >> 4) << 3;
        }

        self.At = row * a.HiddenSize + me.Column4 * TPointwise.Units;
        self.Finishes = row < a.Rows && me.Column4 < a.Columns4 ? 1 : 0;
        self.Put = begin * a.HiddenSize + self.At;
        if (TPointwise.ReadsCarried && self.Finishes != 0)
            self.Carried = a.Carried[self.At];
        return self;
    }

    /// <summary>From the complete preactivations of a float4 column to its h, which all groups then see.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Finish<TPointwise, TExchange>(ref GridRow self, Float4 sum, SliceThread me, GridArguments g, GridStep step)
        where TPointwise : struct, IPointwise
        where TExchange : struct, IExchange
    {
        SequenceArguments a = g.Sequence;
        int unit = me.Column4 * TPointwise.Units;
        if (self.Finishes != 0 && !step.GaveUp)
        {
            Float4 next = TPointwise.Step(ref sum, ref self.Carried, unit, a.Cell);
            if (TPointwise.Units == 1)
            {
                if (self.Column == 0)
                    Publish<TExchange>(self, g, 0, next.X, step.Last);
            }
            else
            {
                if (unit + self.Column < a.HiddenSize)
                    Publish<TExchange>(self, g, self.Column, SliceSums.Of(next, self.Column), step.Last);
                if (step.Two && unit + self.Column + 2 < a.HiddenSize)
                    Publish<TExchange>(self, g, self.Column + 2, SliceSums.Of(next, self.Column + 2), step.Last);
            }

            // The row anew instead of from a register that would be held through the products.
            int row = step.First + me.Row + (step.Two ? (me.Lane >> 4) << 3 : 0);
            if (self.Column == 0)
                CellStep.StoreWanted<TPointwise>(a.Wanted, sum, self.Carried, row, unit, a.Cell);
        }

        // The next step's preactivations, under the wait; the last step reads its own again.
        int further = step.Last ? 0 : a.Rows * a.Columns4 * 4;
        self.Preactivation += further;
        self.Start = a.Preactivation.Cast<float>()[self.Preactivation];
        if (step.Two)
        {
            self.Preactivation8 += further;
            self.Start8 = a.Preactivation.Cast<float>()[self.Preactivation8];
        }

        self.Put += a.Rows * a.HiddenSize;
    }

    /// <summary>After the last step.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void End<TPointwise>(GridRow self, GridArguments g, bool gaveUp)
        where TPointwise : struct, IPointwise
    {
        if (TPointwise.WritesCarried && self.Finishes != 0 && self.Column == 0 && !gaveUp)
            g.NextCarried[self.At] = self.Carried;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Publish<TExchange>(GridRow self, GridArguments g, int column, float value, bool last)
        where TExchange : struct, IExchange
    {
        TExchange.Publish(g.Sequence.Output, self.Put + column, value);
        if (last)
            g.NextHidden[self.At + column] = value;
    }
}

/// <summary>Where a persistent grid is.</summary>
internal struct GridStep
{
    /// <summary>The step's first row among those of all steps.</summary>
    public int First;

    /// <summary>Whether it is the last step; whether some group has waited too long; whether a warp has two rows.</summary>
    public bool Last, GaveUp, Two;
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
