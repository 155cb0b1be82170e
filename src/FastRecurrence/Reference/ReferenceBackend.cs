namespace FastRecurrence.Reference;

/// <summary>The reference as a backend: floats in and out, double between; the state is kept in double.</summary>
internal sealed class ReferenceBackend() : Backend("reference", "plain loops in double, the reference of all others", unavailableReason: null)
{
    private protected override bool HasDenseLayers => true;

    private protected override RecurrentLayer PrepareCore(LayerWeights weights) => new Layer(weights, this);

    private protected override TrainingLayer PrepareForTrainingCore(LayerWeights weights) => new ReferenceTrainingLayer(weights, this);

    private protected override OutputKernel PrepareOutputCore(int outputSize, ReadOnlySpan<float> weights, ReadOnlySpan<float> bias,
        ActivationFunction activation) =>
        new Output(ReferenceLayer.Widen(weights), ReferenceLayer.Widen(bias), activation);

    private sealed class Output(double[] weights, double[] bias, ActivationFunction activation) : OutputKernel
    {
        public override void Run(int rows, ReadOnlySpan<float> hidden, Span<float> output) =>
            ReferenceLayer.Narrow(ReferenceOutput.Apply(ReferenceLayer.Widen(hidden), weights, bias, activation), output);
    }

    private sealed class Layer(LayerWeights weights, Backend backend) : RecurrentLayer(weights.Shape, backend)
    {
        private ReferenceLayer _layer = new(weights);

        private protected override void LoadCore(LayerWeights weights) => _layer = new ReferenceLayer(weights);

        private protected override LayerState CreateStateCore(int batchSize, WorkerTeam? team)
        {
            RefuseTeam(team);
            return new ReferenceState(this, batchSize);
        }

        /// <summary>Rows are gathered from where they lie: slow, and nothing has to be sorted back.</summary>
        internal override bool TakesOneHotInput => true;

        private protected override void RunCore(LayerState state, in SortedSequence sequence)
        {
            var s = (ReferenceState)state;
            int I = Shape.InputSize, H = Shape.HiddenSize, P = Shape.OutputSize, G = Shape.GateCount;
            double[] input = sequence.OneHotInput.IsEmpty ? ReferenceLayer.Widen(sequence.Input) : ReferenceLayer.OneHot(sequence.OneHotInput, I);
            for (int step = 0; step < sequence.Steps; step++)
            {
                int[] rows = new int[sequence.RowsAt(step, s.BatchSize)], places = new int[rows.Length];
                for (int i = 0; i < rows.Length; i++)
                {
                    rows[i] = sequence.StateRow(i);
                    places[i] = sequence.MemoryRow(step, i, s.BatchSize);
                }

                ReferenceResult result = _layer.Run(Gather(input, places, I), 1, rows.Length, Gather(s.Hidden, rows, P), Gather(s.Cell, rows, H));
                for (int i = 0; i < rows.Length; i++)
                {
                    Array.Copy(result.Hidden, i * P, s.Hidden, rows[i] * P, P);
                    Array.Copy(result.Cell, i * H, s.Cell, rows[i] * H, H);
                }

                Scatter(result.Output, places, P, sequence.Output, sequence.OutputStride);
                Scatter(result.Gates, places, G * H, sequence.Gates, G * H);
                Scatter(result.Cells, places, H, sequence.Cells, H);
            }
        }

        private static double[] Gather(double[] source, int[] rows, int width)
        {
            var gathered = new double[rows.Length * width];
            for (int i = 0; i < rows.Length; i++)
                Array.Copy(source, rows[i] * width, gathered, i * width, width);
            return gathered;
        }

        private static void Scatter(double[] rows, int[] places, int width, Span<float> destination, int stride)
        {
            for (int i = 0; i < places.Length && !destination.IsEmpty; i++)
                ReferenceLayer.Narrow(rows.AsSpan(i * width, width), destination.Slice(places[i] * stride, width));
        }
    }
}
