namespace FastRecurrence.Cli.Output;

/// <summary>How a command writes its results to stdout.</summary>
internal enum OutputFormat
{
    /// <summary>For people; tables are valid markdown.</summary>
    Table,

    /// <summary>For programs: one document, described in the README.</summary>
    Json,
}
