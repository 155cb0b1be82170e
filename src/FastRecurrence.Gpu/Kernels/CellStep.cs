using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>The end of a step for one quad of one row, with c and h in memory.</summary>
internal static class CellStep
{
    /// <summary>Reads and writes the unit's own value, writes h and, when asked, the gates. All of <c>[N, H]</c>; gates <c>[N, G, H]</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void InMemory<TCell>(ref Quad sum, ArrayView<float> own, ArrayView<float> output, ArrayView<float> gates, int row, int quad, int hiddenSize, CellParameters cell, int wantGates)
        where TCell : struct, ICellEpilogue
    {
        int unit = quad * TCell.Units;
        int at = row * hiddenSize + unit;
        float value = 0f;
        if (TCell.ReadsOwn)
            value = own[at];
        Quad h = TCell.Step(ref sum, ref value, unit, cell);
        if (TCell.WritesOwn)
            own[at] = value;
        StoreHidden<TCell>(h, output, at, hiddenSize - unit);
        if (wantGates != 0)
            StoreGates<TCell>(sum, gates, row, unit, hiddenSize);
    }

    /// <summary>Writes the h of a quad's units, <paramref name="left"/> at most.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreHidden<TCell>(Quad h, ArrayView<float> output, int at, int left)
        where TCell : struct, ICellEpilogue
    {
        if (TCell.Units == 1)
            output[at] = h.X;
        else
            Units4.Store(h, output, at, left);
    }

    /// <summary>Writes activated gates to <c>[rows, G, H]</c>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void StoreGates<TCell>(Quad activated, ArrayView<float> gates, int row, int unit, int hiddenSize)
        where TCell : struct, ICellEpilogue =>
        TCell.StoreGates(activated, gates, row * TCell.Gates * hiddenSize, unit, hiddenSize);
}
