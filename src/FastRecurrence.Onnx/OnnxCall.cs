namespace FastRecurrence.Onnx;

/// <summary>The inputs of one call of an <see cref="OnnxOperator"/>. The spans are read during the call only.</summary>
public readonly ref struct OnnxInputs
{
    /// <summary>A call on T steps of N rows.</summary>
    /// <param name="sequenceLength">T; 0 gives zero states.</param>
    /// <param name="batchSize">N; 0 gives empty outputs.</param>
    /// <param name="x">X, <c>[T, N, I]</c>, or <c>[N, T, I]</c> with layout 1.</param>
    public OnnxInputs(int sequenceLength, int batchSize, ReadOnlySpan<float> x)
    {
        SequenceLength = sequenceLength;
        BatchSize = batchSize;
        X = x;
    }

    /// <summary>T.</summary>
    public int SequenceLength { get; }

    /// <summary>N.</summary>
    public int BatchSize { get; }

    /// <summary>X, <c>[T, N, I]</c>, or <c>[N, T, I]</c> with layout 1.</summary>
    public ReadOnlySpan<float> X { get; }

    /// <summary>sequence_lens <c>[N]</c>; empty for rows that all have T steps.</summary>
    public ReadOnlySpan<int> Lengths { get; init; }

    /// <summary>initial_h, <c>[D, N, H]</c>, or <c>[N, D, H]</c> with layout 1; empty for zeros.</summary>
    public ReadOnlySpan<float> InitialHidden { get; init; }

    /// <summary>initial_c, of the same shape; empty for zeros.</summary>
    public ReadOnlySpan<float> InitialCell { get; init; }
}

/// <summary>Where one call of an <see cref="OnnxOperator"/> writes; an empty span is an output that is not wanted.</summary>
public readonly ref struct OnnxOutputs
{
    /// <summary>Y, <c>[T, D, N, H]</c>, or <c>[N, T, D, H]</c> with layout 1.</summary>
    public Span<float> Y { get; init; }

    /// <summary>Y_h, <c>[D, N, H]</c>, or <c>[N, D, H]</c> with layout 1.</summary>
    public Span<float> LastHidden { get; init; }

    /// <summary>Y_c, of the same shape.</summary>
    public Span<float> LastCell { get; init; }
}
