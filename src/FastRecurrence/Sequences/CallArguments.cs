namespace FastRecurrence;

/// <summary>What a call of a layer must be given: checked before anything is written, so that a refused call changes nothing.</summary>
internal static class CallArguments
{
    /// <exception cref="ArgumentException">Another layer made the state.</exception>
    public static void RequireStateOf(RecurrentLayer layer, LayerState state)
    {
        if (ReferenceEquals(state.Layer, layer))
            return;
        LayerShape shape = layer.Shape;
        string name = layer.Backend.Name;
        throw new ArgumentException(
            state.Layer.Shape == shape && ReferenceEquals(state.Layer.Backend, layer.Backend)
                ? $"state belongs to another RecurrentLayer object of the same shape ({shape} on {name}): "
                    + "a state is bound to the object that made it. Create it with this layer's CreateState."
                : $"state belongs to another layer ({state.Layer.Shape} on {state.Layer.Backend.Name}), this one is {shape} on {name}. "
                    + "Create it with this layer's CreateState.", nameof(state));
    }

    /// <exception cref="ArgumentOutOfRangeException">T is negative.</exception>
    /// <exception cref="ArgumentException">A length does not fit, or spans overlap.</exception>
    /// <exception cref="NotSupportedException">c of every step was wanted of a cell that has none.</exception>
    public static void RequireSpans(
        LayerShape shape, int sequenceLength, int batchSize, ReadOnlySpan<float> input, ReadOnlySpan<float> output, in SequenceOptions options)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sequenceLength);
        ReadOnlySpan<float> gates = options.Gates, cells = options.Cells;
        int inputSize = options.OneHotInput.IsEmpty ? shape.InputSize : 0;
        long rows = (long)sequenceLength * batchSize;
        if (input.Length != rows * inputSize || !Fit(shape, rows, output.Length, gates.Length, cells.Length))
            RefuseMisfit(shape, sequenceLength, batchSize, input, output, options);
        RequireApart(input, output, gates, cells);
    }

    /// <summary>The everyday check, of a few multiplications; sizes that could overflow it do not fit.</summary>
    private static bool Fit(LayerShape shape, long rows, int output, int gates, int cells) =>
        rows <= int.MaxValue && output == rows * shape.OutputSize
        && (gates == 0 || gates == rows * (shape.GateCount * shape.HiddenSize)) && (cells == 0 || (shape.HasCellState && cells == rows * shape.HiddenSize));

    /// <summary>Names what does not fit, with both numbers.</summary>
    private static void RefuseMisfit(LayerShape shape, int T, int N, ReadOnlySpan<float> input, ReadOnlySpan<float> output, in SequenceOptions options)
    {
        ReadOnlySpan<float> gates = options.Gates, cells = options.Cells;
        bool timeMajor = options.Layout == SequenceLayout.TimeMajor;
        Extents.Require(nameof(input), input.Length, timeMajor ? "T×N×I" : "N×T×I", timeMajor ? T : N, timeMajor ? N : T,
            options.OneHotInput.IsEmpty ? shape.InputSize : 0);
        Extents.Require(nameof(output), output.Length, timeMajor ? "T×N×H" : "N×T×H", timeMajor ? T : N, timeMajor ? N : T, shape.OutputSize);
        if (!gates.IsEmpty)
            Extents.Require(nameof(gates), gates.Length, "T×N×G×H", T, N, shape.GateCount, shape.HiddenSize);
        if (!cells.IsEmpty)
        {
            if (!shape.HasCellState)
                throw new NotSupportedException($"{shape} is {shape.Definition.NameWithArticle} and has no cell state c to hand out.");
            Extents.Require(nameof(cells), cells.Length, "T×N×H", T, N, shape.HiddenSize);
        }
    }

    private static void RequireApart(ReadOnlySpan<float> input, ReadOnlySpan<float> output, ReadOnlySpan<float> gates, ReadOnlySpan<float> cells)
    {
        if (input.Overlaps(output))
            throw new ArgumentException("output overlaps input: the layer still reads input while it writes output. Use separate memory.", nameof(output));
        if (input.Overlaps(gates) || output.Overlaps(gates))
            throw new ArgumentException("gates overlap input or output. Use separate memory.", nameof(gates));
        if (input.Overlaps(cells) || output.Overlaps(cells) || gates.Overlaps(cells))
            throw new ArgumentException("cells overlap input, output or gates. Use separate memory.", nameof(cells));
    }

    /// <summary>Refuses one-hot input that the layer does not take, or features that it does not have. Lengths have been checked.</summary>
    public static void RequireOneHot(RecurrentLayer layer, int sequenceLength, int batchSize, in SequenceOptions options)
    {
        if (!layer.TakesOneHotInput || layer.Format != WeightFormat.Float32)
        {
            throw new NotSupportedException(
                $"{layer} takes no one-hot input: give x, or use the reference or a SIMD backend with {WeightFormat.Float32} weights.");
        }

        int T = sequenceLength, N = batchSize, I = layer.Shape.InputSize;
        Extents.Require(nameof(options.OneHotInput), options.OneHotInput.Length, "T×N", T, N);
        for (int n = 0; n < N; n++)
        {
            int length = options.Lengths.IsEmpty ? T : options.Lengths[n], first = options.Padding == Padding.Left ? T - length : 0;
            for (int t = first; t < first + length; t++)
            {
                int at = options.Layout == SequenceLayout.TimeMajor ? t * N + n : n * T + t, feature = options.OneHotInput[at];
                if ((uint)feature >= (uint)I)
                {
                    throw new ArgumentOutOfRangeException(nameof(options), feature,
                        FormattableString.Invariant($"OneHotInput[{at}] is {feature}; it must be a feature from 0 to {I - 1}."));
                }
            }
        }
    }
}
