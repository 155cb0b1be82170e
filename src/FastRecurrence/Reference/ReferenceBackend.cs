namespace FastRecurrence.Reference;

/// <summary>The judge behind the common door: floats in and out, double between; the state is kept in double.</summary>
internal sealed class ReferenceBackend() : Backend("reference", "plain loops in double, the judge of all others", unavailableReason: null)
{
    private protected override RecurrentLayer PrepareCore(LayerWeights weights) => new Layer(weights, this);

    private sealed class Layer(LayerWeights weights, Backend backend) : RecurrentLayer(weights.Shape, backend)
    {
        private readonly ReferenceLayer _layer = new(weights);

        private protected override LayerState CreateStateCore(int batchSize, WorkerTeam? team)
        {
            RefuseTeam(team);
            return new State(this, batchSize);
        }

        private protected override void RunCore(LayerState state, in SortedSequence sequence)
        {
            var s = (State)state;
            int row = 0, P = Shape.OutputSize, H = Shape.HiddenSize, G = Shape.GateCount;
            double[] input = ReferenceLayer.Widen(sequence.Input);
            for (int step = 0; step < sequence.Steps; step++)
            {
                int rows = sequence.RowsAt(step, s.BatchSize);
                ReferenceResult result = _layer.Run(input[(row * Shape.InputSize)..((row + rows) * Shape.InputSize)], 1, rows, s.Hidden[..(rows * P)], s.Cell[..(rows * H)]);
                result.Hidden.CopyTo(s.Hidden, 0);
                result.Cell.CopyTo(s.Cell, 0);
                Narrow(result.Output, sequence.Output[(row * P)..]);
                if (!sequence.Gates.IsEmpty)
                    Narrow(result.Gates, sequence.Gates[(row * G * H)..]);
                if (!sequence.Cells.IsEmpty)
                    Narrow(result.Cells, sequence.Cells[(row * H)..]);
                row += rows;
            }
        }
    }

    private sealed class State(Layer layer, int batchSize) : LayerState(layer, batchSize)
    {
        internal readonly double[] Hidden = new double[batchSize * layer.Shape.OutputSize];
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
