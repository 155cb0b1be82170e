using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace FastRecurrence.TestKit.Cases;

/// <summary>Reads the JSON of case files strictly: unknown fields and types are errors.</summary>
internal static partial class CaseJson
{
    /// <summary>Parses a file. NaN and Infinity may stand bare, as Python writes them.</summary>
    public static JsonDocument Parse(string file, byte[] bytes)
    {
        try
        {
            string text = Encoding.UTF8.GetString(bytes);
            if (text.Contains("NaN", StringComparison.Ordinal) || text.Contains("Infinity", StringComparison.Ordinal))
                text = BareNumbers().Replace(text, "\"$0\"");
            return JsonDocument.Parse(text);
        }
        catch (JsonException e)
        {
            throw new ModelFormatException(file, $"no valid JSON: {e.Message}", e);
        }
    }

    /// <summary>Refuses a field that is not among <paramref name="known"/>.</summary>
    public static void Only(string where, JsonElement element, params ReadOnlySpan<string> known)
    {
        foreach (JsonProperty property in element.EnumerateObject())
        {
            if (!known.Contains(property.Name))
                throw new NotSupportedException($"{where}: the field '{property.Name}' is unknown; there are {string.Join(", ", known.ToArray())}.");
        }
    }

    /// <summary>A field, or null when it is absent or null.</summary>
    public static JsonElement? Field(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? value : null;

    /// <summary><c>{dtype?, shape, data}</c> to numbers; a dtype of float32 rounds each to float, as the file means them.</summary>
    public static NumberTensor? Tensor(string where, JsonElement? element, out string dtype)
    {
        dtype = "float32";
        if (element is not { } tensor)
            return null;
        Only(where, tensor, "dtype", "shape", "data");
        dtype = Field(tensor, "dtype")?.GetString() ?? "float32";
        if (dtype is not ("float32" or "float64" or "int32" or "int64" or "float16-rounded"))
            throw new NotSupportedException($"{where}: the dtype '{dtype}' is unknown; there are float32, float64, int32 and float16-rounded.");
        int[] shape = [.. (Field(tensor, "shape") ?? throw new ModelFormatException(where, "shape is missing.")).EnumerateArray().Select(d => d.GetInt32())];
        bool single = dtype is "float32" or "float16-rounded";
        double[] values = [.. (Field(tensor, "data") ?? throw new ModelFormatException(where, "data are missing.")).EnumerateArray().Select(v => single ? (float)Number(v) : Number(v))];
        long count = shape.Aggregate(1L, (a, b) => a * b);
        if (values.Length != count)
            throw new ModelFormatException(where, string.Create(CultureInfo.InvariantCulture, $"shape [{string.Join(", ", shape)}] holds {count} values, but data have {values.Length}."));
        return new NumberTensor(shape, values);
    }

    public static double Number(JsonElement value) =>
        value.ValueKind == JsonValueKind.String ? double.Parse(value.GetString()!, NumberStyles.Float, CultureInfo.InvariantCulture) : value.GetDouble();

    [GeneratedRegex(@"(?<=[\[,:\s])-?(NaN|Infinity)(?=[\],\s}])")]
    private static partial Regex BareNumbers();
}
