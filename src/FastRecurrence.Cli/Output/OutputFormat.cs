namespace FastRecurrence.Cli.Output;

/// <summary>How a command writes its results to stdout.</summary>
internal enum OutputFormat
{
    /// <summary>For people; tables are valid markdown.</summary>
    Table,

    /// <summary>For an issue or a pull request: heading, environment, command and table.</summary>
    Markdown,

    /// <summary>For spreadsheets: lines that begin with # say where it comes from, then a heading and rows.</summary>
    Csv,

    /// <summary>For programs: one document, described in the README.</summary>
    Json,
}
