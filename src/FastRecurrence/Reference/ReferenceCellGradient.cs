namespace FastRecurrence.Reference;

/// <summary>The backward equations of one cell, for one step of one row. docs/equations.md names their sources.</summary>
internal abstract class ReferenceCellGradient
{
    /// <summary>The equations of a cell.</summary>
    public static ReferenceCellGradient For(CellKind cell) => cell switch
    {
        CellKind.Elman => new ReferenceElmanGradient(),
        CellKind.Lstm => new ReferenceLstmGradient(),
        CellKind.Gru => new ReferenceGruGradient(),
        _ => throw new ArgumentOutOfRangeException(nameof(cell), cell, "unknown cell"),
    };

    /// <summary>
    /// From dh and dc of a step to δ of all gates and to dc before the step, with what goes back to h′ on another way than
    /// through R h′ of <see cref="Products"/>; adds to the gradients of weights that no δ multiplies as a whole.
    /// </summary>
    public abstract void Deltas(ReferenceBackwardStep step);

    /// <summary>From δ through a = W x + R h′ + b: dW += δ xᵀ   dR += δ h′ᵀ   db += δ   dx += Wᵀδ   dh′ += Rᵀδ.</summary>
    public virtual void Products(ReferenceBackwardStep step)
    {
        step.BackThroughInput();
        step.BackThroughRecurrence(0, step.Layer.Shape.GateCount, step.Delta, 0, step.PreviousHidden, step.PreviousHiddenGradient);
    }
}
