namespace FastRecurrence;

/// <summary>What the output holds at a step that a mask leaves out.</summary>
public enum MaskedOutput
{
    /// <summary>The output of the step before, in the order in which the layer runs, 0 where there is none: Keras' default.</summary>
    Previous,

    /// <summary>0: Keras' <c>zero_output_for_mask</c>.</summary>
    Zero,
}

/// <summary>
/// Sequences whose steps are masked one by one, as Keras masks them: at a step left out the state stands still. Masks with
/// holes cannot be said with lengths; a mask that only cuts an end is better said with <see cref="SequenceOptions.Lengths"/>.
/// </summary>
public static class MaskedSequence
{
    /// <summary>Runs a layer over the steps that the mask keeps. A row has the bits that it has without the steps left out. Allocates.</summary>
    /// <param name="layer">The layer.</param>
    /// <param name="state">Its state.</param>
    /// <param name="sequenceLength">T.</param>
    /// <param name="input">x, batch-major <c>[N, T, I]</c>; not read where masked.</param>
    /// <param name="mask"><c>[N, T]</c>; false leaves a step out.</param>
    /// <param name="output">h, batch-major <c>[N, T, H]</c>; the output at t belongs to the input at t in both directions.</param>
    /// <param name="direction">The order in which the layer runs.</param>
    /// <param name="masked">What the output holds at steps left out.</param>
    /// <exception cref="ArgumentException">A length does not fit. Nothing is written.</exception>
    public static void Run(RecurrentLayer layer, LayerState state, int sequenceLength, ReadOnlySpan<float> input, ReadOnlySpan<bool> mask, Span<float> output,
        Direction direction = Direction.Forward, MaskedOutput masked = MaskedOutput.Previous)
    {
        ArgumentNullException.ThrowIfNull(layer);
        ArgumentNullException.ThrowIfNull(state);
        ArgumentOutOfRangeException.ThrowIfNegative(sequenceLength);
        Defined.Require(direction);
        Defined.Require(masked);
        int T = sequenceLength, N = state.BatchSize, I = layer.Shape.InputSize, H = layer.Shape.OutputSize;
        Extents.Require(nameof(input), input.Length, "N×T×I", N, T, I);
        Extents.Require(nameof(mask), mask.Length, "N×T", N, T);
        Extents.Require(nameof(output), output.Length, "N×T×H", N, T, H);

        mask = mask.ToArray(); // read twice below: another thread may change the caller's memory in between
        var lengths = new int[N];
        float[] kept = new float[input.Length], results = new float[output.Length];
        for (int row = 0; row < N * T; row++)
        {
            if (mask[row])
                input.Slice(row * I, I).CopyTo(kept.AsSpan((row / T * T + lengths[row / T]++) * I));
        }

        layer.Run(state, T, kept, results, new SequenceOptions { Lengths = lengths, Direction = direction, Layout = SequenceLayout.BatchMajor });

        output.Clear();
        for (int n = 0; n < N; n++)
        {
            int before = -1, next = direction == Direction.Forward ? 0 : lengths[n] - 1;
            for (int s = 0; s < T; s++)
            {
                int row = n * T + (direction == Direction.Forward ? s : T - 1 - s);
                Span<float> to = output.Slice(row * H, H);
                if (mask[row])
                {
                    results.AsSpan((n * T + next) * H, H).CopyTo(to);
                    next += direction == Direction.Forward ? 1 : -1;
                    before = row;
                }
                else if (masked == MaskedOutput.Previous && before >= 0)
                {
                    output.Slice(before * H, H).CopyTo(to);
                }
            }
        }
    }
}
