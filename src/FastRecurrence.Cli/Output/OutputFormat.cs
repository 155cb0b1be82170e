namespace FastRecurrence.Cli.Output;

/// <summary>How a command writes its results to stdout.</summary>
internal enum OutputFormat
{
    /// <summary>For people; tables are valid markdown.</summary>
    Table,

    /// <summary>For an issue or a pull request: heading, environment, command and table.</summary>
    Markdown,

    /// <summary>For spreadsheets and data frames: a heading and rows, where they come from in the last columns.</summary>
    Csv,

    /// <summary>The same rows as JSON objects, a line each.</summary>
    JsonLines,

    /// <summary>For programs: one document, described in the README.</summary>
    Json,
}
