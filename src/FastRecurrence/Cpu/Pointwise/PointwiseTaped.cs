using System.Runtime.CompilerServices;
using FastRecurrence.Cells;
using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// The second half of the fused step of a run with a tape: the bits of <see cref="Pointwise{V, L, TCell}"/> for c and h, and gates and c straight into
/// the tape.
/// </summary>
[SkipLocalsInit]
internal static unsafe class PointwiseTaped<V, L, TCell>
    where V : struct
    where L : IMemoryLanes<V>
    where TCell : struct, ICell
{
    private static GateSet AllGates => TCell.UpdateGates | TCell.OutputGates;

    /// <summary>Whether all that a backward pass needs is in a tape then. Where not, gates stay in the preactivations and are copied.</summary>
    public static bool Works => (TCell.LeavesGates || TCell.HasKeepingForms) && TCell.SavedColumns != GateSet.None && (TCell.SavedColumns & ~AllGates) == 0;

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

        nint step = block.Vectors * L.Count, tapeStep = block.Tape.Step, cellStep = block.Tape.CellStep;
        float* gates = block.Preactivations, tape = block.Tape.Columns, tapeCells = block.Tape.Cells;
        int rows = block.Rows, units = block.Units;
        RowView cells = block.Cell, before = block.Before, hidden = block.Hidden;
        for (int row = 0; row < rows; row++)
        {
            V h = TCell.ReadsHidden ? PartialVector<V, L>.Load(before[row], units) : default; // may call, so nothing is in a register yet
            V c = TCell.HasCell ? L.Load(cells[row]) : default;
            Gates<V> a = Load(gates, L.Count, TCell.TwoPasses ? TCell.UpdateGates : AllGates);
            if (TCell.LeavesGates)
                TCell.Update<V, L>(ref a, ref c, h, peepholes, settings);
            else
                TCell.UpdateKeeping<V, L>(ref a, ref c);
            if (TCell.HasCell)
            {
                L.Store(c, cells[row]);
                L.Store(c, tapeCells);
                tapeCells += cellStep;
            }

            V output = TCell.TwoPasses ? default : Output(ref a, c, h, peepholes, settings);
            Store(a.X, a.Y, a.Z, a.W, tape, TCell.TwoPasses ? TCell.UpdateGates : AllGates);
            if (!TCell.TwoPasses)
                PartialVector<V, L>.Store(output, hidden[row], units);
            gates += step;
            tape += tapeStep;
        }

        if (TCell.TwoPasses)
            SecondPass(block, peepholes, settings);
    }

    /// <summary>h from c and gates that the first pass left.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void SecondPass(in PointwiseBlock block, Peepholes<V> peepholes, in CellSettings settings)
    {
        nint step = block.Vectors * L.Count, tapeStep = block.Tape.Step;
        float* gates = block.Preactivations, tape = block.Tape.Columns;
        int rows = block.Rows, units = block.Units;
        RowView cells = block.Cell, before = block.Before, hidden = block.Hidden;
        for (int row = 0; row < rows; row++)
        {
            V h = TCell.ReadsHidden ? PartialVector<V, L>.Load(before[row], units) : default;
            V c = TCell.HasCell ? L.Load(cells[row]) : default;
            Gates<V> left = Load(tape, TapeLayout.Lanes, TCell.OutputGates & TCell.UpdateGates);
            Gates<V> a = Load(gates, L.Count, TCell.OutputGates & ~TCell.UpdateGates);
            a.X = (TCell.UpdateGates & GateSet.X) != 0 ? left.X : a.X;
            a.Y = (TCell.UpdateGates & GateSet.Y) != 0 ? left.Y : a.Y;
            a.Z = (TCell.UpdateGates & GateSet.Z) != 0 ? left.Z : a.Z;
            a.W = (TCell.UpdateGates & GateSet.W) != 0 ? left.W : a.W;
            V output = Output(ref a, c, h, peepholes, settings);
            Store(a.X, a.Y, a.Z, a.W, tape, TCell.OutputGates);
            PartialVector<V, L>.Store(output, hidden[row], units);
            gates += step;
            tape += tapeStep;
        }
    }

    /// <summary>A panel whose vectors are neighbouring runs of units of a cell with one gate.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Units(in PointwiseBlock block, in CellSettings settings)
    {
        nint step = block.Vectors * L.Count, tapeStep = block.Tape.Step;
        float* rowStart = block.Preactivations, tapeStart = block.Tape.Columns;
        int rows = block.Rows;
        RowView beforeRows = block.Before, hiddenRows = block.Hidden;
        for (int row = 0; row < rows; row++)
        {
            float* p = rowStart, tape = tapeStart, hidden = hiddenRows[row], before = TCell.ReadsHidden ? beforeRows[row] : null;
            for (int left = block.Units; left > 0; left -= L.Count)
            {
                V c = default, h = TCell.ReadsHidden ? PartialVector<V, L>.Load(before, left) : default;
                Gates<V> a = Load(p, L.Count, GateSet.X);
                TCell.Update<V, L>(ref a, ref c, h, default, settings);
                V output = TCell.Output<V, L>(ref a, c, h, default, settings);
                L.Store(a.X, tape);
                PartialVector<V, L>.Store(output, hidden, left);
                p += L.Count;
                tape += L.Count;
                hidden += L.Count;
                before += L.Count;
            }

            rowStart += step;
            tapeStart += tapeStep;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Output(ref Gates<V> a, V cell, V before, Peepholes<V> peepholes, in CellSettings settings) => TCell.LeavesGates
        ? TCell.Output<V, L>(ref a, cell, before, peepholes, settings)
        : TCell.OutputKeeping<V, L>(ref a, cell);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Gates<V> Load(float* p, nint step, GateSet set)
    {
        Gates<V> a;
        a.X = (set & GateSet.X) != 0 ? L.Load(p) : default;
        a.Y = (set & GateSet.Y) != 0 ? L.Load(p + step) : default;
        a.Z = (set & GateSet.Z) != 0 ? L.Load(p + 2 * step) : default;
        a.W = (set & GateSet.W) != 0 ? L.Load(p + 3 * step) : default;
        return a;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Store(V x, V y, V z, V w, float* p, GateSet set)
    {
        if ((set & GateSet.X) != 0)
            L.Store(x, p);
        if ((set & GateSet.Y) != 0)
            L.Store(y, p + TapeLayout.Lanes);
        if ((set & GateSet.Z) != 0)
            L.Store(z, p + 2 * TapeLayout.Lanes);
        if ((set & GateSet.W) != 0)
            L.Store(w, p + 3 * TapeLayout.Lanes);
    }
}
