using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>The end of <see cref="SplitKStepKernel"/>: from the slices' sums to the cell.</summary>
internal interface ISliceEnds<TSelf>
    where TSelf : struct, ISliceEnds<TSelf>
{
    /// <summary>Fetches what the thread will need beside the sums.</summary>
    static abstract TSelf Begin<TPointwise>(StepArguments a, int rowBase, int tileRows)
        where TPointwise : struct, IPointwise;

    /// <summary>Puts the sums together in shared memory, and finishes. All threads come here; there are barriers inside.</summary>
    static abstract void End<TPointwise, TRows>(TSelf self, StepArguments a, TRows sums, ArrayView<Float4> tile)
        where TPointwise : struct, IPointwise
        where TRows : unmanaged, IRows<TRows>;
}

/// <summary>By shuffles within the warps, in the order of <see cref="SliceSums"/>; a warp finishes a row.</summary>
internal struct ShuffledEnds : ISliceEnds<ShuffledEnds>
{
    public SliceThread Me;
    public float Start, Carried;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ShuffledEnds Begin<TPointwise>(StepArguments a, int rowBase, int tileRows)
        where TPointwise : struct, IPointwise
    {
        ShuffledEnds ends = default;
        ends.Me = SliceThread.Of(rowBase, tileRows, a.Rows, a.Columns4);
        ends.Start = a.Preactivation.Cast<float>()[(ends.Me.RowInside * a.Columns4 + ends.Me.Column4Inside) * 4 + ends.Me.Column];
        // Such a cell has one unit in a column.
        if (TPointwise.ReadsCarried)
            ends.Carried = a.Carried[ends.Me.RowInside * a.HiddenSize + ends.Me.Column4Inside];
        return ends;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void End<TPointwise, TRows>(ShuffledEnds self, StepArguments a, TRows sums, ArrayView<Float4> tile)
        where TPointwise : struct, IPointwise
        where TRows : unmanaged, IRows<TRows>
    {
        ArrayView<float> partial = tile.Cast<float>();
        TRows.Scatter<WarpShuffle>(sums, partial, self.Me.Thread, partial);
        Group.Barrier();
        Float4 sum = SliceSums.Gather<WarpShuffle>(partial, self.Me, self.Start, partial);
        int unit = self.Me.Column4 * TPointwise.Units, at = self.Me.Row * a.HiddenSize + unit, column = self.Me.Column;
        if (!self.Me.Finishes)
            return;
        float carried = self.Carried;
        Float4 h = TPointwise.Step(ref sum, ref carried, unit, a.Cell);
        if (TPointwise.Units > 1)
        {
            if (unit + column < a.HiddenSize)
                a.Output[at + column] = SliceSums.Of(h, column);
        }
        else if (column == 0)
        {
            a.Output[at] = h.X;
            if (TPointwise.WritesCarried)
                a.Carried[at] = carried;
        }

        if (column == 0)
            CellStep.StoreWanted<TPointwise>(a.Wanted, sum, carried, self.Me.Row, unit, a.Cell);
    }
}

/// <summary>Through shared memory alone, for devices without shuffles, in the same order: one thread a row and float4 column finishes.</summary>
internal struct SharedEnds : ISliceEnds<SharedEnds>
{
    public Float4 Start;
    public float Carried;
    public int Row, Local, Column4, Finishes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static SharedEnds Begin<TPointwise>(StepArguments a, int rowBase, int tileRows)
        where TPointwise : struct, IPointwise
    {
        SharedEnds ends = default;
        ends.Local = Group.IdxY;
        ends.Row = rowBase + ends.Local;
        ends.Column4 = Grid.IdxX * SplitKTile.Columns4 + Group.IdxX;
        if (ends.Local < tileRows && ends.Row < a.Rows && ends.Column4 < a.Columns4)
        {
            ends.Finishes = 1;
            ends.Start = a.Preactivation[ends.Row * a.Columns4 + ends.Column4];
            if (TPointwise.ReadsCarried)
                ends.Carried = a.Carried[ends.Row * a.HiddenSize + ends.Column4];
        }

        return ends;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void End<TPointwise, TRows>(SharedEnds self, StepArguments a, TRows sums, ArrayView<Float4> tile)
        where TPointwise : struct, IPointwise
        where TRows : unmanaged, IRows<TRows>
    {
        TRows.Store(sums, tile, Group.IdxY * SplitKTile.Columns4 + Group.IdxX, SplitKTile.Row);
        Group.Barrier();
        if (self.Finishes != 0)
        {
            int at = self.Local * SplitKTile.Row + Group.IdxX;
            Float4 sum = SliceSums.Sum(tile, at, self.Start);
            CellStep.InMemory<TPointwise>(a, ref sum, self.Carried, self.Row, self.Column4);
        }
    }
}
