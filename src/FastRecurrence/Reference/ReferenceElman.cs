namespace FastRecurrence.Reference;

/// <summary>
/// Forward: h = φ(a), a = W x + R h′ + b. Backward:
/// δ = dh∘φ′(a)   dx = Wᵀδ   dh′ = Rᵀδ.
/// </summary>
internal sealed class ReferenceElman : ReferenceCell
{
    public override void Step(ReferenceStep s)
    {
        LayerShape shape = s.Layer.Shape;
        for (int j = 0; j < shape.HiddenSize; j++)
        {
            double a = s.Preactivations[j] = s.FromInput(j) + s.FromRecurrence(j, s.Hidden);
            s.NextHidden[j] = s.Gates[j] = s.Activate(shape.CandidateActivation, a);
        }
    }

    public override void Deltas(ReferenceBackwardStep s)
    {
        LayerShape shape = s.Layer.Shape;
        for (int j = 0; j < shape.HiddenSize; j++)
            s.Delta[j] = s.HiddenGradient[j] * s.Slope(shape.CandidateActivation, 0, j);
    }
}
