using System.Runtime.CompilerServices;
using FastRecurrence.Cells;
using FastRecurrence.Lanes;

namespace FastRecurrence.Simd;

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
    /// <param name="scratch">Preactivations i, f, g, o; overwritten with the gates.</param>
    /// <param name="rows">Rows in the block.</param>
    /// <param name="cell">c of the panel, a vector a row, padded: read and replaced.</param>
    /// <param name="hidden">h, from the panel's first unit on.</param>
    /// <param name="units">Units that are not padding; only these are written to h.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Lstm(float* scratch, int rows, in RowView cell, in RowView hidden, int units)
    {
        // Two passes: tanh(c) waits for all that is before it in its row, and a processor sees too little of the next row to fill the wait.
        for (int row = 0; row < rows; row++)
        {
            float* gates = scratch + (nint)row * 4 * L.Count;
            V i = L.Load(gates), f = L.Load(gates + L.Count), g = L.Load(gates + 2 * L.Count), o = L.Load(gates + 3 * L.Count);
            V c = LstmCell<V, L>.Advance(ref i, ref f, ref g, ref o, L.Load(cell[row]));
            L.Store(c, cell[row]);
            L.Store(i, gates);
            L.Store(f, gates + L.Count);
            L.Store(g, gates + 2 * L.Count);
            L.Store(o, gates + 3 * L.Count);
        }

        for (int row = 0; row < rows; row++)
        {
            V o = L.Load(scratch + ((nint)row * 4 + 3) * L.Count), c = L.Load(cell[row]);
            Units<V, L>.Store(LstmCell<V, L>.Hidden(o, Activations<V, L>.Tanh(c)), hidden[row], units);
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
            V h = GruCell<V, L>.Step(ref r, ref z, ref n, L.Load(scratch + 3 * L.Count), Units<V, L>.Load(before[row], units));
            L.Store(r, scratch);
            L.Store(z, scratch + L.Count);
            L.Store(n, scratch + 2 * L.Count);
            Units<V, L>.Store(h, hidden[row], units);
            scratch += 4 * L.Count;
        }
    }
}
