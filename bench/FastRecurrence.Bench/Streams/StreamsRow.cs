using System.Text.Json.Serialization;

namespace FastRecurrence.Bench.Streams;

/// <summary>How many streams an engine serves on one core within the deadline.</summary>
/// <param name="Hidden">H = I of the LSTM.</param>
/// <param name="Engine">Which.</param>
/// <param name="Arrivals">periodic or poisson.</param>
/// <param name="StreamsPerCore">The most whose p99 kept the deadline.</param>
/// <param name="P99Ms">p99 of that run.</param>
/// <param name="P99At80Ms">p99 with 80 % of the streams, in a run of its own.</param>
/// <param name="Batch">Most frames of a call.</param>
/// <param name="MaxError">The largest difference of h against this library's own after some steps.</param>
internal sealed record StreamsRow(
    [property: JsonPropertyName("hidden")] int Hidden,
    [property: JsonPropertyName("engine")] string Engine,
    [property: JsonPropertyName("arrivals")] string Arrivals,
    [property: JsonPropertyName("streams_per_core")] int StreamsPerCore,
    [property: JsonPropertyName("p99_ms")] double P99Ms,
    [property: JsonPropertyName("p99_at_80_percent_ms")] double P99At80Ms,
    [property: JsonPropertyName("batch")] int Batch,
    [property: JsonPropertyName("max_error")] double MaxError);

/// <summary>All rows of a run, with what is needed to run it again.</summary>
internal sealed record StreamsReport(
    [property: JsonPropertyName("command")] string Command,
    [property: JsonPropertyName("machine")] string Machine,
    [property: JsonPropertyName("frame_ms")] double FrameMs,
    [property: JsonPropertyName("deadline_ms")] double DeadlineMs,
    [property: JsonPropertyName("seconds_per_run")] double SecondsPerRun,
    [property: JsonPropertyName("attempts")] int Attempts,
    [property: JsonPropertyName("rows")] IReadOnlyList<StreamsRow> Rows);
