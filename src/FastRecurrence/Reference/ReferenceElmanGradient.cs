namespace FastRecurrence.Reference;

/// <summary>
/// Of h = φ(a), a = W x + R h′ + b:
/// δ = dh∘φ′(a)   dx = Wᵀδ   dh′ = Rᵀδ.
/// </summary>
internal sealed class ReferenceElmanGradient : ReferenceCellGradient
{
    public override void Deltas(ReferenceBackwardStep s)
    {
        LayerShape shape = s.Layer.Shape;
        for (int j = 0; j < shape.HiddenSize; j++)
            s.Delta[j] = s.HiddenGradient[j] * s.Slope(shape.CandidateActivation, 0, j);
    }
}
