using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FastRecurrence.GpuCheck.Results;

/// <summary>Everything that a visit found: the content of <c>gpu-check.json</c>, of which <c>gpu-check.md</c> is a view.</summary>
/// <param name="Started">UTC, as ISO 8601.</param>
/// <param name="Command">The command line.</param>
/// <param name="Commit">What was built; null where nobody said.</param>
/// <param name="Device">The name and description of the backend that was timed.</param>
/// <param name="Driver">Its driver's version; null where the system does not tell.</param>
/// <param name="Machine">Where it ran.</param>
/// <param name="Backends">All that the machine has or lacks, a line each.</param>
internal sealed record CheckDocument(
    string Started, string Command, string? Commit, string? Device, string? Driver, Machine Machine, IReadOnlyList<string> Backends)
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        WriteIndented = true,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <summary>torch's versions and device, or why it was not timed.</summary>
    public string? Torch { get; set; }

    /// <summary>The end: seconds and verdict; null while it runs.</summary>
    public string? Verdict { get; set; }

    /// <summary>In the order in which they were made.</summary>
    public List<CheckRecord> Records { get; init; } = [];

    public string ToJson() => JsonSerializer.Serialize(this, s_json);

    /// <exception cref="JsonException">The text is no such document.</exception>
    public static CheckDocument FromJson(string json) =>
        JsonSerializer.Deserialize<CheckDocument>(json, s_json) ?? throw new JsonException("The document is null.");
}
