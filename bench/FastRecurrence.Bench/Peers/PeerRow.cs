using System.Text.Json.Serialization;

namespace FastRecurrence.Bench.Peers;

/// <summary>One engine on one problem.</summary>
internal sealed record PeerRow(
    [property: JsonPropertyName("cell")] string Cell,
    [property: JsonPropertyName("hidden")] int Hidden,
    [property: JsonPropertyName("input")] int Input,
    [property: JsonPropertyName("batch")] int Batch,
    [property: JsonPropertyName("steps")] int Steps,
    [property: JsonPropertyName("threads")] int Threads,
    [property: JsonPropertyName("engine")] string Engine,
    [property: JsonPropertyName("median_us")] double MedianUs,
    [property: JsonPropertyName("min_us")] double MinUs,
    [property: JsonPropertyName("max_error")] double MaxError);

/// <summary>A whole run, as <c>--json</c> writes it; the peak is the median of one measurement before each problem, as times are medians.</summary>
internal sealed record PeerReport(
    [property: JsonPropertyName("peak_gflops")] double PeakGflops,
    [property: JsonPropertyName("best_peak_gflops")] double BestPeakGflops,
    [property: JsonPropertyName("command")] string Command,
    [property: JsonPropertyName("machine")] string Machine,
    [property: JsonPropertyName("pinned")] bool Pinned,
    [property: JsonPropertyName("torch")] string Torch,
    [property: JsonPropertyName("rows")] IReadOnlyList<PeerRow> Rows);
