namespace FastRecurrence.Reference;

/// <summary>Forward: y = φ(a), a = W x + b. Backward: δ = dy∘φ′(a)   dx = Wᵀδ.</summary>
internal sealed class ReferenceDense : ReferenceCell
{
    public override void Step(ReferenceStep s)
    {
        LayerShape shape = s.Layer.Shape;
        for (int j = 0; j < shape.HiddenSize; j++)
        {
            double a = s.Preactivations[j] = s.FromInput(j);
            s.NextHidden[j] = s.Gates[j] = s.Activate(shape.CandidateActivation, a);
        }
    }

    public override void Deltas(ReferenceBackwardStep s)
    {
        LayerShape shape = s.Layer.Shape;
        for (int j = 0; j < shape.HiddenSize; j++)
            s.Delta[j] = s.HiddenGradient[j] * s.Slope(shape.CandidateActivation, 0, j);
    }

    public override void Products(ReferenceBackwardStep s) => s.BackThroughInput();
}
