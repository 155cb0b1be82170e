namespace FastRecurrence.Cpu;

/// <summary>Where the rows of one step lie.</summary>
internal readonly unsafe struct StepView(int rows, int* order, RowView before, RowView input, RowView hidden, RowView gates, RowView cells, int tapeRow)
{
    /// <summary>Rows of the step.</summary>
    public int Rows { get; } = rows;

    /// <summary>Which row of the state each belongs to.</summary>
    public int* Order { get; } = order;

    /// <summary>h of the step before, P wide.</summary>
    public RowView Before { get; } = before;

    /// <summary>x, I wide.</summary>
    public RowView Input { get; } = input;

    /// <summary>h, P wide.</summary>
    public RowView Hidden { get; } = hidden;

    /// <summary>Gates, G·H wide, or empty.</summary>
    public RowView Gates { get; } = gates;

    /// <summary>c, H wide, or empty.</summary>
    public RowView Cells { get; } = cells;

    /// <summary>The row of a tape, if there is one, that the first row is kept in.</summary>
    public int TapeRow { get; } = tapeRow;
}
