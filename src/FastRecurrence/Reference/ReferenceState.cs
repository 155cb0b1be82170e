namespace FastRecurrence.Reference;

/// <summary>h and c in double.</summary>
internal sealed class ReferenceState(RecurrentLayer layer, int batchSize) : LayerState(layer, batchSize)
{
    internal readonly double[] Hidden = new double[batchSize * layer.Shape.OutputSize];
    internal readonly double[] Cell = new double[batchSize * layer.Shape.HiddenSize];

    private protected override void ResetCore()
    {
        Array.Clear(Hidden);
        Array.Clear(Cell);
    }

    private protected override void CopyCore(bool cell, Span<float> destination) => ReferenceLayer.Narrow(cell ? Cell : Hidden, destination);

    private protected override void SetCore(bool cell, ReadOnlySpan<float> source) => ReferenceLayer.Widen(source).CopyTo(cell ? Cell : Hidden, 0);
}
