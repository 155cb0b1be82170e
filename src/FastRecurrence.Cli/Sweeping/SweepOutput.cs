using FastRecurrence.Cli.Output;

namespace FastRecurrence.Cli.Sweeping;

/// <summary>A run on stdout, in the format asked for.</summary>
internal static class SweepOutput
{
    public static void Write(Session session, RunFile run, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Json:
                session.WriteJson(run);
                return;
            case OutputFormat.Csv:
                foreach (string line in SweepTable.Csv(run))
                    session.WriteLine(line);
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
        foreach (string line in TextTable.Render(columns, rows))
            session.WriteLine(line);
        string[] notes = [.. SweepTable.Notes(run)];
        if (notes.Length > 0)
            session.WriteLine();
        foreach (string note in notes)
            session.WriteLine(mark + note);
    }
}
