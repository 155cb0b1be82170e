using System.Runtime.CompilerServices;
using FastRecurrence.Cells;
using FastRecurrence.Lanes;
using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>A vector of units over the rows of one step: what <see cref="PointwiseBackward{V, L, TCell}"/> reads and writes.</summary>
internal unsafe struct BackwardBlock
{
    public int Rows;

    /// <summary>Units that are not padding, at most a vector.</summary>
    public int Units;

    /// <summary>The units' place in a tape's columns: gates, replaced by the gradients of their preactivations.</summary>
    public float* Columns;

    /// <summary>Floats from a row of the tape to the next.</summary>
    public nint ColumnsStep;

    /// <summary>∂L/∂h from the step after, replaced by what goes straight to h of the step before, of a cell that reads h.</summary>
    public float* Hidden;

    /// <summary>Floats from a row of it to the next.</summary>
    public nint HiddenStep;

    /// <summary>∂L/∂y of the step, from the first unit on; empty for zeros.</summary>
    public RowView OutputGradient;

    /// <summary>∂L/∂c, a vector a row: read and replaced.</summary>
    public float* CellGradient;

    /// <summary>c after the step and c of the step before, rows of 16.</summary>
    public float* Cell, CellBefore;

    /// <summary>h of the step before, from the first unit on.</summary>
    public RowView Before;

    /// <summary>Peephole weights of the units, <c>[3][lanes]</c> in the order i, f, o, or null.</summary>
    public float* Peepholes;
}

/// <summary>The pointwise part of a step back, for any cell. Conditions on <typeparamref name="TCell"/> are constants to the JIT.</summary>
[SkipLocalsInit]
internal static unsafe class PointwiseBackward<V, L, TCell>
    where V : struct
    where L : IMemoryLanes<V>
    where TCell : struct, ICell
{
    /// <summary>Rows of a pass; a power of two.</summary>
    private const int PassRows = 32;

    /// <summary>
    /// From ∂L/∂h and ∂L/∂c to the gradients of the preactivations. dy joins first of all: what came from the step after is complete by then.
    /// </summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Run(in BackwardBlock block, in CellSettings settings)
    {
        int rows = block.Rows, units = block.Units;
        float* columns = block.Columns, hidden = block.Hidden, cellGradient = block.CellGradient, cell = block.Cell, cellBefore = block.CellBefore;
        nint columnsStep = block.ColumnsStep, hiddenStep = block.HiddenStep;
        RowView dy = block.OutputGradient, before = block.Before;
        bool hasDy = !dy.IsEmpty;
        Peepholes<V> peepholes = default;
        if (block.Peepholes != null)
        {
            peepholes.Input = L.Load(block.Peepholes);
            peepholes.Forget = L.Load(block.Peepholes + L.Count);
            peepholes.Output = L.Load(block.Peepholes + 2 * L.Count);
        }

        float* activated = stackalloc float[TCell.BackwardInTwoPasses ? PassRows * L.Count : 1];
        for (int row = 0; row < rows; row++)
        {
            if (TCell.BackwardInTwoPasses && row % PassRows == 0)
                ActivateCells(cell, Math.Min(PassRows, rows - row), activated, settings);
            SavedStep<V> saved = default;
            saved.Peepholes = peepholes;
            saved.HiddenBefore = TCell.ReadsHidden ? PartialVector<V, L>.Load(before[row], units) : default; // may call, so nothing is in a register yet
            V dh = hasDy ? PartialVector<V, L>.Load(dy[row], units) : default;
            dh = hasDy ? L.Add(L.Load(hidden), dh) : L.Load(hidden);
            V dc = TCell.HasCell ? L.Load(cellGradient) : default;
            saved.Cell = TCell.HasCell ? L.Load(cell) : default;
            saved.CellBefore = TCell.HasCell ? L.Load(cellBefore) : default;
            Gates<V> a = Load(columns);
            if (TCell.BackwardInTwoPasses)
                TCell.BackwardAfter<V, L>(L.Load(activated + row % PassRows * L.Count), ref a, ref dh, ref dc, saved, settings);
            else
                TCell.Backward<V, L>(ref a, ref dh, ref dc, saved, settings);
            Store(a.X, a.Y, a.Z, a.W, columns, TCell.GradientColumns);
            if (TCell.ReadsHidden)
                L.Store(dh, hidden);
            if (TCell.HasCell)
            {
                L.Store(dc, cellGradient);
                cellGradient += L.Count;
                cell += TapeLayout.Lanes;
                cellBefore += TapeLayout.Lanes;
            }

            columns += columnsStep;
            hidden += hiddenStep;
        }

        if (units < L.Count)
            ClearPadding(block, TCell.GradientColumns);
    }

    /// <summary>f_h(c) of some rows ahead: a pass of its own, since what waits for it is more than a processor sees at once.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static void ActivateCells(float* cell, int rows, float* activated, in CellSettings settings)
    {
        for (int row = 0; row < rows; row++)
            L.Store(TCell.ActivateCell<V, L>(L.Load(cell + row * TapeLayout.Lanes), settings), activated + row * L.Count);
    }

    /// <summary>Before a candidate's product: from ∂L/∂h to the gradients of the preactivations in columns Y and Z.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Emit(in BackwardBlock block, in CellSettings settings)
    {
        for (int row = 0; row < block.Rows; row++)
        {
            float* columns = block.Columns + row * block.ColumnsStep, hidden = block.Hidden + row * block.HiddenStep;
            V before = PartialVector<V, L>.Load(block.Before[row], block.Units);
            V dh = L.Load(hidden);
            if (!block.OutputGradient.IsEmpty)
                dh = L.Add(dh, PartialVector<V, L>.Load(block.OutputGradient[row], block.Units));
            Gates<V> a = Load(columns);
            TCell.BackwardOfEmit<V, L>(ref a, ref dh, before, settings);
            Store(a.X, a.Y, a.Z, a.W, columns, GateSet.Y | GateSet.Z);
            L.Store(dh, hidden);
        }

        if (block.Units < L.Count)
            ClearPadding(block, GateSet.Y | GateSet.Z);
    }

    /// <summary>Padding of the last block must not meet the zeros of the packed weights as an infinity or a NaN.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void ClearPadding(in BackwardBlock block, GateSet set)
    {
        for (int row = 0; row < block.Rows; row++)
        {
            for (int column = 0; column < 4; column++)
            {
                if (((int)set >> column & 1) != 0)
                    new Span<float>(block.Columns + row * block.ColumnsStep + column * TapeLayout.Lanes + block.Units, L.Count - block.Units).Clear();
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Gates<V> Load(float* p)
    {
        Gates<V> a;
        a.X = (TCell.SavedColumns & GateSet.X) != 0 ? L.Load(p) : default;
        a.Y = (TCell.SavedColumns & GateSet.Y) != 0 ? L.Load(p + TapeLayout.Lanes) : default;
        a.Z = (TCell.SavedColumns & GateSet.Z) != 0 ? L.Load(p + 2 * TapeLayout.Lanes) : default;
        a.W = (TCell.SavedColumns & GateSet.W) != 0 ? L.Load(p + 3 * TapeLayout.Lanes) : default;
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

/// <summary>The pointwise part of one cell's backward pass at one width, as a pointer to its method.</summary>
internal readonly unsafe struct BackwardKernels
{
    /// <summary>A step back; of a cell with a candidate's product the part after that product.</summary>
    public required delegate*<in BackwardBlock, in CellSettings, void> Run { get; init; }

    /// <summary>The part before a candidate's product.</summary>
    public required delegate*<in BackwardBlock, in CellSettings, void> Emit { get; init; }

    /// <summary>Whether h of the step before is read, and gets something beside what the product with R gives it.</summary>
    public required bool ReadsHidden { get; init; }

    /// <summary>The kernels of a shape's cell.</summary>
    /// <exception cref="NotSupportedException">The cell has no backward pass.</exception>
    public static BackwardKernels Of<V, L>(LayerShape shape)
        where V : struct
        where L : IMemoryLanes<V> => shape.Definition.Accept(shape, new Closing<V, L>(shape));

    private sealed class Closing<V, L>(LayerShape shape) : ICellVisitor<BackwardKernels>
        where V : struct
        where L : IMemoryLanes<V>
    {
        public BackwardKernels Visit<TCell>()
            where TCell : struct, ICell => TCell.SavedColumns == GateSet.None
                ? throw new NotSupportedException($"{shape} cannot be trained: {shape.Definition.NameWithArticle} has no backward pass.")
                : new() { Run = &PointwiseBackward<V, L, TCell>.Run, Emit = &PointwiseBackward<V, L, TCell>.Emit, ReadsHidden = TCell.ReadsHidden };
    }
}
