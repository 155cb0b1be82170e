using System.Runtime.CompilerServices;
using FastRecurrence.Cells;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>What follows a recurrent product in the same kernel: a part of a cell, applied to one float4 column of one row.</summary>
internal interface IPointwise
{
    /// <summary>Hidden units in a float4 column: 1 where it holds a unit's preactivations, 4 where it holds units.</summary>
    static abstract int Units { get; }

    /// <summary>Whether a value of the unit's own is read: c, or h of the step before. Such a cell has one unit in a column.</summary>
    static abstract bool ReadsCarried { get; }

    /// <summary>Whether the new value is written back: c.</summary>
    static abstract bool WritesCarried { get; }

    /// <summary>Whether activated gates can be left for the launch of a second product.</summary>
    static abstract bool MayKeepColumns { get; }

    /// <summary>Advances the carried value and returns what comes out of the column's units, the first in X; may leave activated gates in the column.</summary>
    static abstract Float4 Step(ref Float4 gates, ref float carried, int unit, CellParameters cell);

    /// <summary>Writes the activated gates of one row, <c>[G, H]</c> from <paramref name="at"/> on, from what <see cref="Step"/> left in the column.</summary>
    static abstract void StoreGates(Float4 gates, ArrayView<float> destination, int at, int unit, CellParameters cell);
}

/// <summary>The core's cell on the device's arithmetic, to its h, or to the left operand of a second product.</summary>
internal readonly struct Pointwise<TCell> : IPointwise
    where TCell : struct, ICell
{
    public static int Units => DeviceCell.UnitsOf<TCell>();

    public static bool ReadsCarried => TCell.HasCell || TCell.ReadsHidden;

    public static bool WritesCarried => TCell.HasCell;

    public static bool MayKeepColumns => TCell.LeavesGates && TCell.ReadsHidden;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Step(ref Float4 gates, ref float carried, int unit, CellParameters cell)
    {
        Float4 h = Float4.Zero;
        h.X = One(ref gates.X, ref gates.Y, ref gates.Z, ref gates.W, ref carried, unit, cell);
        if (Units > 1)
        {
            h.Y = Single(ref gates.Y, cell);
            h.Z = Single(ref gates.Z, cell);
            h.W = Single(ref gates.W, cell);
        }

        return h;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreGates(Float4 gates, ArrayView<float> destination, int at, int unit, CellParameters cell)
    {
        if (Units > 1)
        {
            Units4.Store(gates, destination, at + unit, cell.HiddenSize - unit);
            return;
        }

        if (!TCell.LeavesGates)
        {
            Gates<float> a = GateColumns.Of(gates);
            TCell.Activate<float, DeviceLanes>(ref a);
            gates = GateColumns.To(a);
        }

        GateColumns.Store(gates, destination, at + unit, cell);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float One(ref float x, ref float y, ref float z, ref float w, ref float carried, int unit, CellParameters cell)
    {
        Gates<float> a = default;
        (a.X, a.Y, a.Z, a.W) = (x, y, z, w);
        Peepholes<float> peepholes = cell.PeepholesOf(unit);
        CellSettings settings = cell.Settings;
        float before = carried;
        TCell.Update<float, DeviceLanes>(ref a, ref carried, before, peepholes, settings);
        float h = TCell.Output<float, DeviceLanes>(ref a, carried, before, peepholes, settings);
        if (TCell.ReadsHidden)
            carried = h;
        if (Units > 1)
            x = a.X;
        else if (TCell.LeavesGates)
            (x, y, z, w) = (a.X, a.Y, a.Z, a.W);
        return h;
    }

    /// <summary>A further unit of a column; such cells carry nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Single(ref float x, CellParameters cell)
    {
        float none = 0f, y = 0f, z = 0f, w = 0f;
        return One(ref x, ref y, ref z, ref w, ref none, 0, cell);
    }
}

/// <summary>The end of a cell whose second product adds to a gate: from the column that <see cref="Pointwise{TCell}"/> kept, now complete, to h.</summary>
internal readonly struct PointwiseEmit<TCell> : IPointwise
    where TCell : struct, ICell
{
    public static int Units => 1;

    public static bool ReadsCarried => true;

    public static bool WritesCarried => false;

    public static bool MayKeepColumns => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Step(ref Float4 gates, ref float carried, int unit, CellParameters cell)
    {
        Gates<float> a = GateColumns.Of(gates);
        CellSettings settings = cell.Settings;
        Float4 h = Float4.Zero;
        h.X = TCell.Emit<float, DeviceLanes>(ref a, carried, settings);
        gates = GateColumns.To(a);
        return h;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreGates(Float4 gates, ArrayView<float> destination, int at, int unit, CellParameters cell) =>
        GateColumns.Store(gates, destination, at + unit, cell);
}

/// <summary>A unit's preactivations or gates, as a float4 column and as the core has them.</summary>
internal static class GateColumns
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Gates<float> Of(Float4 column)
    {
        Gates<float> gates = default;
        (gates.X, gates.Y, gates.Z, gates.W) = (column.X, column.Y, column.Z, column.W);
        return gates;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 To(Gates<float> gates)
    {
        Float4 column = default;
        (column.X, column.Y, column.Z, column.W) = (gates.X, gates.Y, gates.Z, gates.W);
        return column;
    }

    /// <summary>Writes a unit's G gates, H apart; gate g is column g.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Float4 gates, ArrayView<float> destination, int at, CellParameters cell)
    {
        destination[at] = gates.X;
        if (cell.GateCount > 1)
            destination[at + cell.HiddenSize] = gates.Y;
        if (cell.GateCount > 2)
            destination[at + 2 * cell.HiddenSize] = gates.Z;
        if (cell.GateCount > 3)
            destination[at + 3 * cell.HiddenSize] = gates.W;
    }
}

/// <summary>Up to four neighbouring floats of a row.</summary>
internal static class Units4
{
    /// <summary>Stores those of the four that are real units.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Float4 values, ArrayView<float> destination, int at, int left)
    {
        destination[at] = values.X;
        if (left > 1)
            destination[at + 1] = values.Y;
        if (left > 2)
            destination[at + 2] = values.Z;
        if (left > 3)
            destination[at + 3] = values.W;
    }
}
