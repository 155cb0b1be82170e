namespace FastRecurrence.Measuring;

/// <summary>
/// A markdown table whose columns line up in a terminal. Rows are written as they come, before later ones are known, so a
/// column has the width of its heading or a given one, and grows for a longer text.
/// </summary>
internal sealed class TextTable(params TextTable.Column[] columns)
{
    /// <summary>A column; numbers stand right, words left.</summary>
    public sealed record Column(string Heading, int Width = 0, bool Left = false)
    {
        public string Pad(string text)
        {
            int width = Math.Max(Width, Heading.Length);
            return Left ? text.PadRight(width) : text.PadLeft(width);
        }
    }

    public IEnumerable<string> Head() =>
    [
        Line(columns.Select(c => c.Heading)),
        "|" + string.Concat(columns.Select(c => c.Left ? $"{new string('-', c.Pad("").Length + 2)}|" : $"{new string('-', c.Pad("").Length + 1)}:|")),
    ];

    public string Row(params IEnumerable<string> cells) => Line(cells);

    /// <summary>A whole table of known rows, each column as wide as its longest text.</summary>
    public static IEnumerable<string> Render(IReadOnlyList<Column> columns, IReadOnlyList<string[]> rows)
    {
        var table = new TextTable([.. columns.Select((c, i) => c with { Width = rows.Select(r => r[i].Length).Append(c.Width).Max() })]);
        return [.. table.Head(), .. rows.Select(r => table.Row(r))];
    }

    private string Line(IEnumerable<string> cells) => $"| {string.Join(" | ", cells.Zip(columns, (cell, column) => column.Pad(cell)))} |";
}
