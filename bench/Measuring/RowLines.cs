using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace FastRecurrence.Measuring;

/// <summary>Rows of one kind as CSV or as a JSON object a line: their properties, in snake case.</summary>
internal static class RowLines
{
    private static readonly JsonSerializerOptions s_options = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new SevenDigits() },
    };

    public static IEnumerable<string> Of<T>(IEnumerable<T> rows, bool csv)
    {
        bool headed = !csv;
        foreach (JsonObject row in rows.Select(row => JsonSerializer.SerializeToNode(row, s_options)!.AsObject()))
        {
            if (!headed)
                yield return CsvLine.Of(row.Select(field => field.Key));
            headed = true;
            yield return csv ? CsvLine.Of(row.Select(field => $"{field.Value}".ReplaceLineEndings(" "))) : row.ToJsonString(s_options);
        }
    }

    /// <summary>More digits than any clock gives; what is no number is its name.</summary>
    private sealed class SevenDigits : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type type, JsonSerializerOptions options) => reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsFinite(value))
                writer.WriteRawValue(value.ToString("G7", CultureInfo.InvariantCulture));
            else
                writer.WriteStringValue(value.ToString(CultureInfo.InvariantCulture));
        }
    }
}
