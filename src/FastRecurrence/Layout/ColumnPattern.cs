namespace FastRecurrence.Layout;

/// <summary>The columns of a unit's preactivations to which a product adds, out of those that there are: what the register tiles are compiled for.</summary>
internal enum ColumnPattern
{
    /// <summary>All of four.</summary>
    Four,

    /// <summary>Both of two.</summary>
    Two,

    /// <summary>0, 1 and 2 of four; the last is kept.</summary>
    FirstThreeOfFour,

    /// <summary>0, 1 and 3 of four; column 2 is kept.</summary>
    FirstTwoAndLastOfFour,

    /// <summary>0 and 1 of four; column 2 is kept, and 3 is unused.</summary>
    FirstTwoOfFour,
}

/// <summary>From a cell's description to a pattern.</summary>
internal static class ColumnPatterns
{
    /// <summary>The pattern of a product's columns.</summary>
    /// <param name="columns">The column of each block; none stands for a product of no terms.</param>
    /// <param name="stride">Columns that there are, 2 or 4.</param>
    /// <param name="cell">The cell, for a refusal.</param>
    /// <exception cref="NotSupportedException">No tile is compiled for these columns.</exception>
    public static ColumnPattern Of(IReadOnlyList<int> columns, int stride, string cell) => (stride, string.Join(' ', columns)) switch
    {
        (2, "0 1" or "") => ColumnPattern.Two,
        (4, "0 1 2 3" or "") => ColumnPattern.Four,
        (4, "0 1 2") => ColumnPattern.FirstThreeOfFour,
        (4, "0 1 3") => ColumnPattern.FirstTwoAndLastOfFour,
        (4, "0 1") => ColumnPattern.FirstTwoOfFour,
        _ => throw new NotSupportedException(
            $"The CPU kernels have no tile for a product that adds to columns {string.Join(", ", columns)} of {stride}, as {cell} describes it."),
    };
}
