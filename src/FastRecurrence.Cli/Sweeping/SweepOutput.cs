namespace FastRecurrence.Cli.Sweeping;

/// <summary>A run on stdout, in one of the formats.</summary>
internal static class SweepOutput
{
    public static void Write(Session session, RunFile run, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Json:
                session.WriteJson(run);
                return;
            case OutputFormat.Csv or OutputFormat.JsonLines:
                session.WriteLines(SweepTable.Lines(run, format));
                return;
            case OutputFormat.Markdown:
                WriteMarkdown(session, run);
                return;
            default:
                foreach ((string name, string value) in EnvironmentText.Of(run))
                    session.WriteLine($"{name,-9} {value}");
                session.WriteLine();
                WriteTable(session, run, mark: "");
                return;
        }
    }

    private static void WriteMarkdown(Session session, RunFile run)
    {
        session.WriteLine($"```\n$ {run.Command}\n```");
        session.WriteLine();
        WriteTable(session, run, mark: "- ");
        session.WriteLine();
        foreach ((string name, string value) in EnvironmentText.Of(run).Skip(1))
            session.WriteLine($"- **{name}** {value}");
    }

    private static void WriteTable(Session session, RunFile run, string mark)
    {
        (IReadOnlyList<TextTable.Column> columns, IReadOnlyList<string[]> rows) = SweepTable.Of(run);
        session.WriteLines(TextTable.Render(columns, rows));
        string[] notes = [.. SweepTable.Notes(run)];
        if (notes.Length > 0)
            session.WriteLine();
        session.WriteLines(notes.Select(note => mark + note));
    }
}
