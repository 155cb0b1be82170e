using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>The end of a step for one float4 column of one row.</summary>
internal static class CellStep
{
    /// <summary>With c and h in memory: from the unit's carried value, loaded before, to its next, h and what else was asked for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void InMemory<TPointwise>(StepArguments a, ref Float4 sum, float carried, int row, int column4)
        where TPointwise : struct, IPointwise
    {
        int unit = column4 * TPointwise.Units;
        int at = row * a.HiddenSize + unit;
        Float4 h = TPointwise.Step(ref sum, ref carried, unit, a.Cell);
        if (TPointwise.WritesCarried)
            a.Carried[at] = carried;
        StoreHidden<TPointwise>(h, a.Output, at, a.HiddenSize - unit);
        StoreWanted<TPointwise>(a.Wanted, sum, carried, row, unit, a.Cell);
    }

    /// <summary>Writes the h of a column's units, <paramref name="left"/> at most.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHidden<TPointwise>(Float4 h, ArrayView<float> output, int at, int left)
        where TPointwise : struct, IPointwise
    {
        if (TPointwise.Units == 1)
            output[at] = h.X;
        else
            Units4.Store(h, output, at, left);
    }

    /// <summary>
    /// Writes what a caller asked for of one row of all steps, counted from the first: activated gates to <c>[rows, G, H]</c>, c to <c>[rows, H]</c>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreWanted<TPointwise>(WantedOutputs wanted, Float4 activated, float carried, int row, int unit, CellParameters cell)
        where TPointwise : struct, IPointwise
    {
        if (wanted.WantGates != 0)
            TPointwise.StoreGates(activated, wanted.Gates, row * cell.GateCount * cell.HiddenSize, unit, cell);
        if (TPointwise.WritesCarried && wanted.WantCells != 0)
            wanted.Cells[row * cell.HiddenSize + unit] = carried;
    }
}
