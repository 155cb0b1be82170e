using System.Runtime.CompilerServices;
using FastRecurrence.Cells;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cpu;

/// <summary>
/// From a block of preactivations in L1 scratch, <c>[rows][stride][lanes]</c>, to h (and c, and the gates if asked), for the
/// textbook cells: the second half of the fused step, everything of a row in registers. Variations of a cell:
/// <see cref="GeneralEpilogue{V, L}"/>.
/// </summary>
internal static unsafe class Epilogue<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    /// <summary>LSTM: one panel of units, <paramref name="rows"/> rows.</summary>
    /// <param name="scratch">Preactivations i, f, g, o; overwritten with the gates if they are wanted.</param>
    /// <param name="rows">Rows in the block.</param>
    /// <param name="cell">c of the panel, a vector a row, padded: read and replaced.</param>
    /// <param name="hidden">h, from the panel's first unit on.</param>
    /// <param name="units">Units that are not padding; only these are written to h.</param>
    /// <param name="wantGates">Whether the activated gates shall replace their preactivations; h does not depend on it.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Lstm(float* scratch, int rows, in RowView cell, in RowView hidden, int units, bool wantGates)
    {
        // Two passes: tanh(c) waits for all that is before it in its row, and a processor sees too little of the next row to fill the wait.
        float* gates = scratch;
        for (int row = 0; row < rows; row++)
        {
            V c = LstmCell<V, L>.Cell(L.Load(gates), L.Load(gates + L.Count), L.Load(gates + 2 * L.Count), L.Load(cell[row]));
            L.Store(c, cell[row]);
            gates += 4 * L.Count;
        }

        gates = scratch;
        for (int row = 0; row < rows; row++)
        {
            PartialVector<V, L>.Store(LstmCell<V, L>.Hidden(L.Load(gates + 3 * L.Count), L.Load(cell[row])), hidden[row], units);
            gates += 4 * L.Count;
        }

        if (wantGates)
            ActivateGates(scratch, rows);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ActivateGates(float* gates, int rows)
    {
        for (; rows > 0; rows--)
        {
            L.Store(Activations<V, L>.Sigmoid(L.Load(gates)), gates);
            L.Store(Activations<V, L>.Sigmoid(L.Load(gates + L.Count)), gates + L.Count);
            L.Store(Activations<V, L>.Tanh(L.Load(gates + 2 * L.Count)), gates + 2 * L.Count);
            L.Store(Activations<V, L>.Sigmoid(L.Load(gates + 3 * L.Count)), gates + 3 * L.Count);
            gates += 4 * L.Count;
        }
    }

    /// <summary>GRU, linear before its reset.</summary>
    /// <param name="scratch">Preactivations r, z, n of the input, n of the recurrence; the first three overwritten with the gates.</param>
    /// <param name="rows">Rows in the block.</param>
    /// <param name="before">h of the step before, from the panel's first unit on.</param>
    /// <param name="hidden">h, likewise; other memory than <paramref name="before"/>, or the same.</param>
    /// <param name="units">Units that are not padding; only these are read and written.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Gru(float* scratch, int rows, in RowView before, in RowView hidden, int units)
    {
        for (int row = 0; row < rows; row++)
        {
            V r = L.Load(scratch), z = L.Load(scratch + L.Count), n = L.Load(scratch + 2 * L.Count);
            V h = GruCell<V, L>.Step(ref r, ref z, ref n, L.Load(scratch + 3 * L.Count), PartialVector<V, L>.Load(before[row], units));
            L.Store(r, scratch);
            L.Store(z, scratch + L.Count);
            L.Store(n, scratch + 2 * L.Count);
            PartialVector<V, L>.Store(h, hidden[row], units);
            scratch += 4 * L.Count;
        }
    }
}
