using System.Runtime.CompilerServices;
using FastRecurrence.Cells;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cpu;

/// <summary>
/// The second half of the fused step, for any cell: from a block of preactivations in the first cache level to h (and c, and the gates if they are
/// wanted). Conditions
/// on <typeparamref name="TCell"/> are constants to the JIT: what a cell does not have leaves no code behind.
/// </summary>
[SkipLocalsInit]
internal static unsafe class Pointwise<V, L, TCell>
    where V : struct
    where L : IMemoryLanes<V>
    where TCell : struct, ICell
{
    /// <summary>A panel whose vectors are the columns of the same units.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Gates(in PointwiseBlock block, in CellSettings settings)
    {
        Peepholes<V> peepholes = default;
        if (block.Peepholes != null)
        {
            peepholes.Input = L.Load(block.Peepholes);
            peepholes.Forget = L.Load(block.Peepholes + L.Count);
            peepholes.Output = L.Load(block.Peepholes + 2 * L.Count);
        }

        // One pass, or the first of two: gates and c; h as well where it need not wait.
        nint step = block.Vectors * L.Count;
        float* gates = block.Preactivations;
        int rows = block.Rows, units = block.Units;
        bool keepGates = block.KeepGates;
        RowView cells = block.Cell, before = block.Before, hidden = block.Hidden;
        for (int row = 0; row < rows; row++)
        {
            V h = TCell.ReadsHidden ? PartialVector<V, L>.Load(before[row], units) : default; // may call, so nothing is in a register yet
            V c = TCell.HasCell ? L.Load(cells[row]) : default;
            Gates<V> a = Load(gates, TCell.TwoPasses ? TCell.UpdateGates : TCell.UpdateGates | TCell.OutputGates);
            TCell.Update<V, L>(ref a, ref c, h, peepholes, settings);
            if (TCell.HasCell)
                L.Store(c, cells[row]);
            V output = TCell.TwoPasses ? default : TCell.Output<V, L>(ref a, c, h, peepholes, settings);
            if (TCell.LeavesGates && keepGates)
                Store(a.X, a.Y, a.Z, a.W, gates, TCell.TwoPasses ? TCell.UpdateGates : TCell.UpdateGates | TCell.OutputGates);
            else if (TCell.TwoPasses)
                Store(a.X, a.Y, a.Z, a.W, gates, TCell.UpdateGates & TCell.OutputGates);
            if (!TCell.TwoPasses)
                PartialVector<V, L>.Store(output, hidden[row], units);
            gates += step;
        }

        if (TCell.TwoPasses)
            SecondPass(block, peepholes, settings);
        if (!TCell.LeavesGates && block.KeepGates)
            Activate(block);
    }

    /// <summary>h from gates and c that the first pass left.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void SecondPass(in PointwiseBlock block, Peepholes<V> peepholes, in CellSettings settings)
    {
        nint step = block.Vectors * L.Count;
        float* gates = block.Preactivations;
        int rows = block.Rows, units = block.Units;
        bool keepGates = block.KeepGates;
        RowView cells = block.Cell, before = block.Before, hidden = block.Hidden;
        for (int row = 0; row < rows; row++)
        {
            V h = TCell.ReadsHidden ? PartialVector<V, L>.Load(before[row], units) : default;
            V c = TCell.HasCell ? L.Load(cells[row]) : default;
            Gates<V> a = Load(gates, TCell.OutputGates);
            V output = TCell.Output<V, L>(ref a, c, h, peepholes, settings);
            if (TCell.LeavesGates && keepGates)
                Store(a.X, a.Y, a.Z, a.W, gates, TCell.OutputGates);
            PartialVector<V, L>.Store(output, hidden[row], units);
            gates += step;
        }
    }

    /// <summary>Gates for the caller, of a cell that does without them.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Activate(in PointwiseBlock block)
    {
        nint step = block.Vectors * L.Count;
        float* gates = block.Preactivations;
        for (int row = 0; row < block.Rows; row++)
        {
            Gates<V> a = Load(gates, TCell.UpdateGates | TCell.OutputGates);
            TCell.Activate<V, L>(ref a);
            Store(a.X, a.Y, a.Z, a.W, gates, TCell.UpdateGates | TCell.OutputGates);
            gates += step;
        }
    }

    /// <summary>A panel whose vectors are neighbouring runs of units of a cell with one gate.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Units(in PointwiseBlock block, in CellSettings settings)
    {
        float* rowStart = block.Preactivations;
        nint step = block.Vectors * L.Count;
        int rows = block.Rows;
        bool keepGates = block.KeepGates;
        RowView beforeRows = block.Before, hiddenRows = block.Hidden;
        for (int row = 0; row < rows; row++)
        {
            float* p = rowStart, hidden = hiddenRows[row], before = TCell.ReadsHidden ? beforeRows[row] : null;
            for (int left = block.Units; left > 0; left -= L.Count)
            {
                V c = default, h = TCell.ReadsHidden ? PartialVector<V, L>.Load(before, left) : default;
                Gates<V> a = Load(p, GateSet.X);
                TCell.Update<V, L>(ref a, ref c, h, default, settings);
                V output = TCell.Output<V, L>(ref a, c, h, default, settings);
                if (keepGates)
                    L.Store(a.X, p);
                PartialVector<V, L>.Store(output, hidden, left);
                p += L.Count;
                hidden += L.Count;
                before += L.Count;
            }

            rowStart += step;
        }
    }

    /// <summary>After a second product, whose panels are runs of units: the candidate's activation, and h.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Emit(in PointwiseBlock block, in CellSettings settings)
    {
        float* rowStart = block.Preactivations;
        nint step = block.Vectors * L.Count;
        for (int row = 0; row < block.Rows; row++)
        {
            float* p = rowStart, kept = block.Cell[row], before = block.Before[row], hidden = block.Hidden[row];
            for (int first = 0; first < block.Units; first += L.Count)
            {
                int left = block.Units - first;
                V keptGate = PartialVector<V, L>.Load(kept + first, left), beforeUnits = PartialVector<V, L>.Load(before + first, left);
                Gates<V> a = default;
                a.Y = keptGate;
                a.Z = L.Load(p + first);
                V h = TCell.Emit<V, L>(ref a, beforeUnits, settings);
                if (block.KeepGates)
                    L.Store(a.Z, p + first);
                PartialVector<V, L>.Store(h, hidden + first, left);
            }

            rowStart += step;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Gates<V> Load(float* p, GateSet set)
    {
        Gates<V> a;
        a.X = (set & GateSet.X) != 0 ? L.Load(p) : default;
        a.Y = (set & GateSet.Y) != 0 ? L.Load(p + L.Count) : default;
        a.Z = (set & GateSet.Z) != 0 ? L.Load(p + 2 * L.Count) : default;
        a.W = (set & GateSet.W) != 0 ? L.Load(p + 3 * L.Count) : default;
        return a;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(V x, V y, V z, V w, float* p, GateSet set)
    {
        if ((set & GateSet.X) != 0)
            L.Store(x, p);
        if ((set & GateSet.Y) != 0)
            L.Store(y, p + L.Count);
        if ((set & GateSet.Z) != 0)
            L.Store(z, p + 2 * L.Count);
        if ((set & GateSet.W) != 0)
            L.Store(w, p + 3 * L.Count);
    }
}
