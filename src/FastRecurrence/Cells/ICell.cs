using FastRecurrence.Lanes;

namespace FastRecurrence.Cells;

/// <summary>
/// A recurrent cell between its matrix products: what turns the preactivations <c>b + x·W + h·R</c> of a unit into its new c and h. Equations only,
/// no loops and no
/// memory, over any vector: CPU and devices run this one source. A CPU runs <see cref="Update"/> and <see cref="Output"/> as passes over a block of rows in
/// the first cache level, a device back to back. All members without parameters are constants to the compiler.
/// </summary>
internal interface ICell
{
    /// <summary>Whether h of the step before is read. A cell reads it or has c, not both.</summary>
    static abstract bool ReadsHidden { get; }

    /// <summary>Whether there is a c that is carried from step to step.</summary>
    static abstract bool HasCell { get; }

    /// <summary>Preactivations that <see cref="Update"/> needs.</summary>
    static abstract GateSet UpdateGates { get; }

    /// <summary>Gates that <see cref="Output"/> needs: in the state in which <see cref="Update"/> left them, or preactivations that it did not touch.</summary>
    static abstract GateSet OutputGates { get; }

    /// <summary>
    /// Whether <see cref="Output"/> waits so long for the end of <see cref="Update"/> that a CPU had better run them as two passes over a block.
    /// </summary>
    static abstract bool TwoPasses { get; }

    /// <summary>Whether the two leave activated gates behind. Where not, <see cref="Activate"/> makes them from the preactivations.</summary>
    static abstract bool LeavesGates { get; }

    /// <summary>Activates the gates and advances c.</summary>
    /// <param name="a">In: preactivations; out: gates, where the cell leaves them.</param>
    /// <param name="cell">c, replaced; meaningless without.</param>
    /// <param name="before">h of the step before; meaningless where the cell does not read it.</param>
    /// <param name="peepholes">Peephole weights, where there are any.</param>
    /// <param name="settings">What is configured.</param>
    static abstract void Update<V, L>(ref Gates<V> a, ref V cell, V before, Peepholes<V> peepholes, in CellSettings settings)
        where V : struct
        where L : ILanes<V>;

    /// <summary>h; of a cell with a second product, the left operand of that product (o∘φ(c) of a projection, r∘h of a GRU that resets first).</summary>
    /// <param name="a">Gates; those of <see cref="OutputGates"/> may be activated here.</param>
    /// <param name="cell">The new c.</param>
    /// <param name="before">h of the step before.</param>
    /// <param name="peepholes">Peephole weights, where there are any.</param>
    /// <param name="settings">What is configured.</param>
    static abstract V Output<V, L>(ref Gates<V> a, V cell, V before, Peepholes<V> peepholes, in CellSettings settings)
        where V : struct
        where L : ILanes<V>;

    /// <summary>h, once the second product has been added to the preactivation that waits for it. Called only for cells that have such a product.</summary>
    /// <param name="a">Y: the gate that was kept; Z: the preactivation, complete now; out: that gate activated.</param>
    /// <param name="before">h of the step before.</param>
    /// <param name="settings">What is configured.</param>
    static abstract V Emit<V, L>(ref Gates<V> a, V before, in CellSettings settings)
        where V : struct
        where L : ILanes<V>;

    /// <summary>Activates all gates, for a caller who asks for them, where the cell computes h without.</summary>
    static abstract void Activate<V, L>(ref Gates<V> a)
        where V : struct
        where L : ILanes<V>;

    /// <summary>Whether a cell that leaves no gates has the two below, which give the same bits and leave them.</summary>
    static virtual bool HasKeepingForms => false;

    /// <summary><see cref="Update"/> that leaves activated gates.</summary>
    static virtual void UpdateKeeping<V, L>(ref Gates<V> a, ref V cell)
        where V : struct
        where L : ILanes<V> => throw new NotSupportedException("This cell has no form that keeps gates.");

    /// <summary><see cref="Output"/> that leaves activated gates.</summary>
    static virtual V OutputKeeping<V, L>(ref Gates<V> a, V cell)
        where V : struct
        where L : ILanes<V> => throw new NotSupportedException("This cell has no form that keeps gates.");

    /// <summary>Columns that <see cref="Backward"/> needs as the step left them, gates activated. None where the cell cannot be trained.</summary>
    static virtual GateSet SavedColumns => GateSet.None;

    /// <summary>Columns that <see cref="Backward"/> leaves; with a candidate's product W as well, for the left operand of that product.</summary>
    static virtual GateSet GradientColumns => GateSet.None;

    /// <summary>
    /// A step back, from ∂L/∂ what <see cref="Output"/> gave to ∂L/∂ what <see cref="Update"/> got. All ways but those through the products.
    /// </summary>
    /// <param name="a">In: the saved columns; out: ∂L/∂ preactivation of every column. With a candidate's product, Y and Z are out already.</param>
    /// <param name="hidden">
    /// In: ∂L/∂h, or of the second product's left operand; out: what goes straight to h of the step before. Of a cell that does not read h nothing does.
    /// </param>
    /// <param name="cell">In: ∂L/∂c from the step after; out: ∂L/∂c of the step before. Meaningless without c.</param>
    /// <param name="saved">What else the step saw and left.</param>
    /// <param name="settings">What is configured.</param>
    static virtual void Backward<V, L>(ref Gates<V> a, ref V hidden, ref V cell, in SavedStep<V> saved, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => throw new NotSupportedException("This cell has no backward pass.");

    /// <summary>
    /// Whether a step back may come in two passes, <see cref="ActivateCell"/> over a block and then <see cref="BackwardAfter"/>, with the same bits.
    /// </summary>
    static virtual bool BackwardInTwoPasses => false;

    /// <summary>f_h(c'), for which a step back would wait.</summary>
    static virtual V ActivateCell<V, L>(V cell, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => cell;

    /// <summary><see cref="Backward"/> from <paramref name="activated"/> = f_h(c') on.</summary>
    static virtual void BackwardAfter<V, L>(V activated, ref Gates<V> a, ref V hidden, ref V cell, in SavedStep<V> saved, in CellSettings settings)
        where V : struct
        where L : ILanes<V> => throw new NotSupportedException("This cell has no backward pass in two parts.");

    /// <summary>
    /// A step back through <see cref="Emit"/>, before the second product's turn comes. Called only for cells that have a candidate's product.
    /// </summary>
    /// <param name="a">In: the saved columns; out: ∂L/∂ preactivation in Y, the gate that was kept, and in Z; X is left alone.</param>
    /// <param name="hidden">In: ∂L/∂h; out: what goes straight to h of the step before.</param>
    /// <param name="before">h of the step before.</param>
    /// <param name="settings">What is configured.</param>
    static virtual void BackwardOfEmit<V, L>(ref Gates<V> a, ref V hidden, V before, in CellSettings settings)
        where V : struct
        where L : ILanes<V>
    {
    }
}

/// <summary>Receives a cell as a type, from the one place that knows it: <see cref="CellDefinition.Accept"/>.</summary>
internal interface ICellVisitor<TResult>
{
    TResult Visit<TCell>()
        where TCell : struct, ICell;
}
