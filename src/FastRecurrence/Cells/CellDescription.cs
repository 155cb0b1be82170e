namespace FastRecurrence.Cells;

/// <summary>
/// What drivers must know of a cell as data: its gates and their order, which product adds to which column of the preactivations, what else it has.
/// A unit has up to four preactivations, its columns; a block is H rows of W, R or b that belong to one gate.
/// </summary>
internal sealed record CellDescription
{
    /// <summary>One letter a gate, in the order of the blocks of W and of the gates output: G of them.</summary>
    public required IReadOnlyList<string> Gates { get; init; }

    /// <summary>The column to which each block of W adds.</summary>
    public required IReadOnlyList<int> InputColumns { get; init; }

    /// <summary>
    /// The column to which each block of R adds in the first product; fewer than R has blocks where the last one waits for the second product.
    /// </summary>
    public required IReadOnlyList<int> RecurrentColumns { get; init; }

    /// <summary>The column in which each block of b starts the sums.</summary>
    public required IReadOnlyList<int> BiasColumns { get; init; }

    /// <summary>Blocks of R; 0 for a cell whose preactivations do not depend on h.</summary>
    public required int RecurrentBlocks { get; init; }

    /// <summary>Whether there is a c beside h.</summary>
    public bool HasCell { get; init; }

    /// <summary>A product that needs all units of the first.</summary>
    public SecondProduct Second { get; init; }

    /// <summary>
    /// Whether the cell is the one that every kernel has: default activations, no variation. The one place where default and configurable are told apart.
    /// </summary>
    public bool IsDefault { get; init; }

    /// <summary>G.</summary>
    public int GateCount => Gates.Count;

    /// <summary>Whether every unit has one preactivation alone, so that neighbouring units can share a panel's columns.</summary>
    public bool HasOneColumn => GateCount == 1 && BiasColumns.Count == 1;

    /// <summary>Columns of a unit that are in use: one more than the highest.</summary>
    public int ColumnCount => 1 + Math.Max(InputColumns.Max(), Math.Max(BiasColumns.Max(), RecurrentColumns.DefaultIfEmpty(0).Max()));
}

/// <summary>A product of a step that follows the first, once all units are through it.</summary>
internal enum SecondProduct
{
    /// <summary>There is none.</summary>
    None,

    /// <summary>h = W_p·m for m what <see cref="ICell.Output"/> gives.</summary>
    Projection,

    /// <summary>
    /// The last block of R times what <see cref="ICell.Output"/> gives is added to column 2, Z; then <see cref="ICell.Emit"/> gives h, from Z and from
    /// the activated gate in column 1, Y, which is kept for it.
    /// </summary>
    Candidate,
}
