using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace FastRecurrence.TestKit.Cases;

/// <summary>Reads the JSON of case files.</summary>
internal static partial class CaseJson
{
    /// <summary>Parses a file. NaN and Infinity may stand bare, as Python writes them.</summary>
    /// <exception cref="ModelFormatException">It is no JSON.</exception>
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
            throw new ModelFormatException(file, $"no valid JSON at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}.", e);
        }
    }

    [GeneratedRegex(@"(?<=[\[,:\s])-?(NaN|Infinity)(?=[\],\s}])")]
    private static partial Regex BareNumbers();
}
