namespace FastRecurrence.Measuring;

/// <summary>Fields separated by commas, quoted where they must be (RFC 4180).</summary>
internal static class CsvLine
{
    public static string Of(IEnumerable<string> fields) => string.Join(',', fields.Select(Field));

    private static string Field(string text) => text.AsSpan().IndexOfAny(",\"\r\n") < 0 ? text : $"\"{text.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
