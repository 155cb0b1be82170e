namespace FastRecurrence;

/// <summary>
/// What every backend runs: time-major steps without padding. Step s has the first <see cref="RowsAt"/> rows of the state,
/// never more than step s − 1, and its rows follow those of the step before in all spans. A dense sequence is the case
/// where every step has all N rows, and then the user's memory is used as it is.
/// </summary>
internal readonly ref struct PackedSequence(int steps, ReadOnlySpan<int> rowsPerStep, ReadOnlySpan<float> input, Span<float> output, Span<float> gates, Span<float> cells)
{
    /// <summary>Steps, at least 1.</summary>
    public int Steps { get; } = steps;

    /// <summary>Rows of every step, descending, at least 1; empty when every step has all N.</summary>
    public ReadOnlySpan<int> RowsPerStep { get; } = rowsPerStep;

    /// <summary>x, <c>[rows of all steps, I]</c>.</summary>
    public ReadOnlySpan<float> Input { get; } = input;

    /// <summary>h, <c>[rows of all steps, H]</c>.</summary>
    public Span<float> Output { get; } = output;

    /// <summary>Empty, or activated gates, <c>[rows of all steps, G, H]</c>.</summary>
    public Span<float> Gates { get; } = gates;

    /// <summary>Empty, or c, <c>[rows of all steps, H]</c>.</summary>
    public Span<float> Cells { get; } = cells;

    /// <summary>Rows of step <paramref name="step"/> in a batch of <paramref name="batchSize"/>.</summary>
    public int RowsAt(int step, int batchSize) => RowsPerStep.IsEmpty ? batchSize : RowsPerStep[step];
}
