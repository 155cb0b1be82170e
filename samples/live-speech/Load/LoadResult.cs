using System.Globalization;
using System.Text.Json;
using LiveSpeech.Server;
using VoiceActivity;

namespace LiveSpeech.Load;

/// <summary>What the connections heard, and how the server was meanwhile.</summary>
/// <param name="Options">What was asked.</param>
/// <param name="Seconds">How long it took.</param>
/// <param name="Opened">Connections, those that followed others counted.</param>
/// <param name="Probabilities">Answers that were compared with the golden ones.</param>
/// <param name="LargestDifference">Of them.</param>
/// <param name="Failures">Connections that did not come to their end, with the reason of the first.</param>
/// <param name="MedianMilliseconds">From sending a frame's last sample to its answer, as the caller sees it.</param>
/// <param name="P99Milliseconds">The same, 99 of 100.</param>
/// <param name="Server">The server every few seconds, and after the last connection was closed.</param>
internal sealed record LoadResult(
    LoadOptions Options, double Seconds, int Opened, long Probabilities, double LargestDifference, string[] Failures,
    double MedianMilliseconds, double P99Milliseconds, ServerStatistics.Snapshot[] Server)
{
    private static readonly JsonSerializerOptions s_json = new(JsonSerializerDefaults.Web) { WriteIndented = true };

    /// <summary>Every probability within the tolerance, and nothing left behind.</summary>
    public bool IsRight => Failures.Length == 0 && Probabilities > 0 && LargestDifference <= Speech.Tolerance && Server[^1].Connections == 0 && Server[^1].Streams == 0;

    public string ToJson() => JsonSerializer.Serialize(new
    {
        kind = "live-speech",
        processors = Environment.ProcessorCount,
        backend = FastRecurrence.Backend.Simd.Description,
        options = Options with { Recording = Path.GetFileName(Options.Recording), Golden = Path.GetFileName(Options.Golden) },
        Seconds,
        Opened,
        Probabilities,
        LargestDifference,
        Tolerance = Speech.Tolerance,
        Failures,
        MedianMilliseconds,
        P99Milliseconds,
        IsRight,
        Server,
    }, s_json) + "\n";

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"""
        {Opened} connections, {Options.Connections} at a time, {Seconds:f1} s: {Probabilities} probabilities, largest difference {LargestDifference:g3} (allowed {Speech.Tolerance:g1})
        answers after {MedianMilliseconds:f1} ms (median), {P99Milliseconds:f1} ms (99 of 100); {Failures.Length} connections failed{(Failures.Length > 0 ? ": " + Failures[0] : "")}
        server: {Server.Min(s => s.WorkingSetMebibytes):f0} to {Server.Max(s => s.WorkingSetMebibytes):f0} MiB, afterwards {Server[^1].Connections} connections and {Server[^1].Streams} streams
        {(IsRight ? "ok" : "WRONG")}
        """);
}
