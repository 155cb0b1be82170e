namespace FastRecurrence.Reference;

/// <summary>The judge behind the common door: floats in and out, double between; the state is kept in double.</summary>
internal sealed class ReferenceBackend() : Backend("reference", "plain loops in double, the judge of all others", unavailableReason: null)
{
    private protected override RecurrentLayer PrepareCore(LayerWeights weights) => new Layer(weights, this);

    private sealed class Layer(LayerWeights weights, Backend backend) : RecurrentLayer(weights.Shape, backend)
    {
        private readonly ReferenceLayer _layer = new(weights);

        private protected override LayerState CreateStateCore(int batchSize) => new State(this, batchSize);

        private protected override void RunCore(LayerState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> output, Span<float> gates)
        {
            var s = (State)state;
            ReferenceResult result = _layer.Run(ReferenceLayer.Widen(input), sequenceLength, s.BatchSize, s.Hidden, s.Cell);
            result.Hidden.CopyTo(s.Hidden, 0);
            result.Cell.CopyTo(s.Cell, 0);
            Narrow(result.Output, output);
            if (!gates.IsEmpty)
                Narrow(result.Gates, gates);
        }
    }

    private sealed class State(Layer layer, int batchSize) : LayerState(layer, batchSize)
    {
        internal readonly double[] Hidden = new double[batchSize * layer.Shape.HiddenSize];
        internal readonly double[] Cell = new double[batchSize * layer.Shape.HiddenSize];

        private protected override void ResetCore()
        {
            Array.Clear(Hidden);
            Array.Clear(Cell);
        }

        private protected override void CopyCore(bool cell, Span<float> destination) => Narrow(cell ? Cell : Hidden, destination);

        private protected override void SetCore(bool cell, ReadOnlySpan<float> source) => ReferenceLayer.Widen(source).CopyTo(cell ? Cell : Hidden, 0);
    }

    private static void Narrow(double[] values, Span<float> destination)
    {
        for (int i = 0; i < values.Length; i++)
            destination[i] = (float)values[i];
    }
}
