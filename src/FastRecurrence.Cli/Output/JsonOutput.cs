using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FastRecurrence.Cli.Output;

/// <summary>Results as one JSON document on stdout. Field names are the records' own in camel case; the README describes them.</summary>
internal static class JsonOutput
{
    private static readonly JsonSerializerOptions s_options = new()
    {
        WriteIndented = true,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        // Reasons and device names stay readable; nothing here is embedded in HTML.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        // A result may be NaN, and must then show as such instead of failing the whole report.
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };

    public static string Serialize<T>(T document) => JsonSerializer.Serialize(document, s_options);
}

/// <summary>A backend that did not run, and why.</summary>
internal sealed record UnavailableEntry(string Backend, string Reason);
