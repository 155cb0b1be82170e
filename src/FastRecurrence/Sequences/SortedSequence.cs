namespace FastRecurrence;

/// <summary>
/// What every backend runs: steps without padding. Step s has the first <see cref="RowsAt"/> rows, longest first, never
/// more than step s − 1. The rows lie in memory in one of two ways. Dense: every step has all N, one step after another.
/// Sorted by a <see cref="SequenceOrder"/>: row i of step s is row <c>Places[i] + s·PlaceStep</c> of all spans, and row <c>Order[i]</c> of the state.
/// </summary>
internal readonly ref struct SortedSequence
{
    /// <summary>Steps, at least 1.</summary>
    public required int Steps { get; init; }

    /// <summary>Rows of every step, descending, at least 1; empty when every step has all N.</summary>
    public ReadOnlySpan<int> RowsPerStep { get; init; }

    /// <summary>Empty when dense: where the rows of the first step lie.</summary>
    public ReadOnlySpan<int> Places { get; init; }

    /// <summary>When sorted: rows from a step to the next.</summary>
    public int PlaceStep { get; init; }

    /// <summary>Empty when dense: which row of the state each row belongs to.</summary>
    public ReadOnlySpan<int> Order { get; init; }

    /// <summary>x, rows of I.</summary>
    public required ReadOnlySpan<float> Input { get; init; }

    /// <summary>Instead of x: of every row the feature that is 1. Only for layers that take it.</summary>
    public ReadOnlySpan<int> OneHotInput { get; init; }

    /// <summary>Floats from a row of <see cref="Output"/> to the next: H (P with a projection), or more where other outputs lie beside it.</summary>
    public required int OutputStride { get; init; }

    /// <summary>h, rows of H (P with a projection).</summary>
    public required Span<float> Output { get; init; }

    /// <summary>Empty, or activated gates, rows of <c>[G, H]</c>.</summary>
    public Span<float> Gates { get; init; }

    /// <summary>Empty, or c, rows of H.</summary>
    public Span<float> Cells { get; init; }

    /// <summary>Where to keep what a backward pass needs; null for nowhere. On the CPU alone.</summary>
    public Cpu.CpuTape? Tape { get; init; }

    /// <summary>Rows of step <paramref name="step"/> in a batch of <paramref name="batchSize"/>.</summary>
    public int RowsAt(int step, int batchSize) => RowsPerStep.IsEmpty ? batchSize : RowsPerStep[step];

    /// <summary>The row of the state that row <paramref name="i"/> belongs to.</summary>
    public int StateRow(int i) => Order.IsEmpty ? i : Order[i];

    /// <summary>Where row <paramref name="i"/> of a step lies in the spans.</summary>
    public int MemoryRow(int step, int i, int batchSize) => Places.IsEmpty ? step * batchSize + i : Places[i] + step * PlaceStep;
}
