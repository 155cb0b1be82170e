using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FastRecurrence.Cli.Output;

/// <summary>Results as JSON documents. Field names are the records' own in camel case; the README describes them.</summary>
internal static class JsonOutput
{
    private static readonly JsonSerializerOptions s_options = Options(indented: true), s_line = Options(indented: false);

    public static string Serialize<T>(T document) => JsonSerializer.Serialize(document, s_options);

    /// <summary>A document without line breaks, for a stream of them.</summary>
    public static string SerializeLine<T>(T document) => JsonSerializer.Serialize(document, s_line);

    /// <exception cref="JsonException">The text is no such document.</exception>
    public static T Deserialize<T>(string text) => JsonSerializer.Deserialize<T>(text, s_line) ?? throw new JsonException("The document is null.");

    private static JsonSerializerOptions Options(bool indented) => new()
    {
        WriteIndented = indented,
        PropertyNamingPolicy = JsonNamingPolicy.CamelCase,
        // Reasons and device names stay readable; what goes into HTML is escaped there.
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        // A result may be NaN, and must then show as such instead of failing the whole report.
        NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    };
}

/// <summary>A backend that did not run, and why.</summary>
internal sealed record UnavailableEntry(string Backend, string Reason);
