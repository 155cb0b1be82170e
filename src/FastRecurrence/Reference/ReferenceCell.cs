namespace FastRecurrence.Reference;

/// <summary>The equations of one cell, forward and backward, for one step of one row. docs/equations.md names their sources.</summary>
internal abstract class ReferenceCell
{
    /// <summary>Forward: from x, h and c before the step to its gates, h and c.</summary>
    public abstract void Step(ReferenceStep step);

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
