namespace FastRecurrence.Reference;

/// <summary>Training on the reference: slow, and what the kernels are held to. Sums of a pass are in double, what adds up over passes is in float.</summary>
internal sealed class ReferenceTrainingLayer(LayerWeights weights, Backend backend) : TrainingLayer(backend.Prepare(weights), weights)
{
    private ReferenceLayer _layer = new(weights);

    private protected override TrainingTape CreateTapeCore(int maxSteps, int batchSize, WorkerTeam? team)
    {
        if (team is not null)
            throw new NotSupportedException($"{Backend.Name} does not use a WorkerTeam: it would be ignored. Create the tape without one.");
        return new ReferenceTape(Shape, maxSteps, batchSize) { Layer = this };
    }

    private protected override void RunCore(LayerState state, TrainingTape tape, int sequenceLength, ReadOnlySpan<float> input, Span<float> output,
        in SequenceOptions options)
    {
        // Whatever is refused is refused by the run, before the tape has changed.
        double[]? hidden = (state as ReferenceState)?.Hidden.ToArray(), cell = (state as ReferenceState)?.Cell.ToArray();
        Layer.Run(state, sequenceLength, input, output, options);
        int N = state.BatchSize;
        int[] places = Places(sequenceLength, N, options);
        ((ReferenceTape)tape).Keep(places, new ReferenceBackwardInput
        {
            Input = options.OneHotInput.IsEmpty ? ReferenceTape.Gather(input, places, Shape.InputSize)
                : ReferenceTape.GatherOneHot(options.OneHotInput, places, Shape.InputSize),
            SequenceLength = sequenceLength,
            BatchSize = N,
            InitialHidden = hidden,
            InitialCell = Shape.HasCellState ? cell : null,
            Direction = options.Direction,
            Lengths = options.Lengths.IsEmpty ? null : options.Lengths.ToArray(),
        });
        if (tape.RunZoneout.IsActive)
            ZoneOut((ReferenceTape)tape, (ReferenceState)state, output, options);
    }

    /// <summary>The run once more with zoneout, in place of what it left without.</summary>
    private void ZoneOut(ReferenceTape tape, ReferenceState state, Span<float> output, in SequenceOptions options)
    {
        (int[] places, ReferenceBackwardInput run) = tape.Run;
        ReferenceResult result = _layer.Run(run);
        result.Hidden.CopyTo(state.Hidden, 0);
        if (Shape.HasCellState)
            result.Cell.CopyTo(state.Cell, 0);
        for (int row = 0; row < places.Length; row++)
        {
            void Put(double[] rows, int width, Span<float> to)
            {
                if (!to.IsEmpty && places[row] >= 0)
                    ReferenceLayer.Narrow(rows.AsSpan(row * width, width), to.Slice(places[row] * width, width));
            }

            Put(result.Output, Shape.OutputSize, output);
            Put(result.Gates, Shape.GateCount * Shape.HiddenSize, options.Gates);
            Put(result.Cells, Shape.HiddenSize, options.Cells);
        }
    }

    private protected override void BackwardCore(TrainingTape tape, in BackwardCall call, LayerGradients? gradients)
    {
        (int[] places, ReferenceBackwardInput run) = ((ReferenceTape)tape).Run;
        ReferenceGradients exact = _layer.Backward(run with
        {
            OutputGradient = call.OutputGradient.IsEmpty ? null : ReferenceTape.Gather(call.OutputGradient, places, Shape.OutputSize),
            FinalHiddenGradient = call.Options.FinalHidden.IsEmpty ? null : ReferenceLayer.Widen(call.Options.FinalHidden),
            FinalCellGradient = call.Options.FinalCell.IsEmpty ? null : ReferenceLayer.Widen(call.Options.FinalCell),
        });
        Span<float> dx = call.Options.Input;
        dx.Clear();
        for (int row = 0; row < places.Length && !dx.IsEmpty; row++)
        {
            for (int k = 0; k < Shape.InputSize && places[row] >= 0; k++)
                dx[places[row] * Shape.InputSize + k] = (float)exact.Input[row * Shape.InputSize + k];
        }

        if (!call.Options.InitialHidden.IsEmpty)
            ReferenceLayer.Narrow(exact.InitialHidden, call.Options.InitialHidden);
        if (!call.Options.InitialCell.IsEmpty)
            ReferenceLayer.Narrow(exact.InitialCell, call.Options.InitialCell);
        if (!call.Options.StateNorms.IsEmpty)
            exact.StateNorms.CopyTo(call.Options.StateNorms);
        if (gradients is null || !Array.Exists(places, place => place >= 0))
            return;
        Add(gradients, call.Parts, WeightParts.InputWeights, gradients.InputWeights, exact.InputWeights);
        Add(gradients, call.Parts, WeightParts.RecurrentWeights, gradients.RecurrentWeights, exact.RecurrentWeights);
        Add(gradients, call.Parts, WeightParts.Bias, gradients.Bias, exact.Bias);
        Add(gradients, call.Parts, WeightParts.Peepholes, gradients.Peepholes, exact.Peepholes);
        Add(gradients, call.Parts, WeightParts.Projection, gradients.Projection, exact.Projection);
    }

    private protected override void LoadCore(LayerWeights weights) => _layer = new ReferenceLayer(weights);

    private static void Add(LayerGradients gradients, WeightParts wanted, WeightParts part, ReadOnlySpan<float> before, double[] sums)
    {
        if ((wanted & part) == 0)
            return;
        var after = new float[sums.Length];
        for (int i = 0; i < after.Length; i++)
            after[i] = (float)(before[i] + sums[i]);
        if (gradients.IsClear(part))
            gradients.Sums.Clear(part);
        gradients.Sums.Write(part, after);
        gradients.Wrote(part);
    }

    /// <summary>Where step t of row n lies in the caller's memory, <c>[T, N]</c>, padding on the right; −1 in the padding.</summary>
    private static int[] Places(int T, int N, in SequenceOptions options)
    {
        var places = new int[T * N];
        for (int n = 0; n < N; n++)
        {
            int length = options.Lengths.IsEmpty ? T : options.Lengths[n], first = options.Padding == Padding.Left ? T - length : 0;
            for (int t = 0; t < T; t++)
                places[t * N + n] = t >= length ? -1 : options.Layout == SequenceLayout.TimeMajor ? (first + t) * N + n : n * T + first + t;
        }

        return places;
    }
}
