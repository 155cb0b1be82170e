using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>The end of a step for one float4 column of one row.</summary>
internal static class CellStep
{
    /// <summary>With c and h in memory: reads and writes the unit's carried value, writes h and what else was asked for.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void InMemory<TCell>(StepArguments a, ref Float4 sum, int row, int column4)
        where TCell : struct, ICellEpilogue
    {
        int unit = column4 * TCell.Units;
        int at = row * a.HiddenSize + unit;
        float value = 0f;
        if (TCell.ReadsCarried)
            value = a.Carried[at];
        Float4 h = TCell.Step(ref sum, ref value, unit, a.Cell);
        if (TCell.WritesCarried)
            a.Carried[at] = value;
        StoreHidden<TCell>(h, a.Output, at, a.HiddenSize - unit);
        StoreWanted<TCell>(a.Wanted, sum, value, row, unit, a.HiddenSize);
    }

    /// <summary>Writes the h of a column's units, <paramref name="left"/> at most.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHidden<TCell>(Float4 h, ArrayView<float> output, int at, int left)
        where TCell : struct, ICellEpilogue
    {
        if (TCell.Units == 1)
            output[at] = h.X;
        else
            Units4.Store(h, output, at, left);
    }

    /// <summary>
    /// Writes what a caller asked for of one row of all steps, counted from the first: activated gates to <c>[rows, G, H]</c>, c to <c>[rows, H]</c>.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreWanted<TCell>(WantedOutputs wanted, Float4 activated, float carried, int row, int unit, int hiddenSize)
        where TCell : struct, ICellEpilogue
    {
        if (wanted.WantGates != 0)
            TCell.StoreGates(activated, wanted.Gates, row * TCell.Gates * hiddenSize, unit, hiddenSize);
        if (TCell.WritesCarried && wanted.WantCells != 0)
            wanted.Cells[row * hiddenSize + unit] = carried;
    }
}
