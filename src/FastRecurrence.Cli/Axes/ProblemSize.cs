namespace FastRecurrence.Cli.Axes;

/// <summary>One point of a sweep: a layer, T steps, N rows. Its id names it in tables, JSON and failures.</summary>
internal sealed record ProblemSize(CellName Cell, int SequenceLength, int BatchSize, int InputSize, int HiddenSize)
{
    public LayerShape Shape { get; } = Cell.Shape(InputSize, HiddenSize);

    /// <summary>Such as <c>lstm_t50_n16_i256_h256</c>.</summary>
    public string Id => $"{Cell.Name}_t{SequenceLength}_n{BatchSize}_i{InputSize}_h{HiddenSize}";

    public double FlopsPerStep => Shape.FlopsPerStep(BatchSize);

    /// <summary>Every combination, the batch running fastest: a crossover is read along it.</summary>
    public static IEnumerable<ProblemSize> Combine(
        IReadOnlyList<CellName> cells, IReadOnlyList<int> lengths, IReadOnlyList<int> batches, IReadOnlyList<int?> inputs, IReadOnlyList<int> hidden) =>
        from cell in cells
        from H in hidden
        from I in inputs
        from T in lengths
        from N in batches
        select new ProblemSize(cell, T, N, I ?? H, H);

    public override string ToString() => Id;
}
