using System.Globalization;
using System.Text;

namespace FastRecurrence.Import;

/// <summary>Lists of numbers in messages: short, however long the list is.</summary>
internal static class ShapeText
{
    private const int Most = 12;

    /// <summary>Such as <c>[8, 3]</c>; of a long list its beginning and how many there are.</summary>
    public static string Of<T>(ReadOnlySpan<T> values)
        where T : IFormattable
    {
        var text = new StringBuilder("[");
        for (int i = 0; i < values.Length && i < Most; i++)
            text.Append(i == 0 ? "" : ", ").Append(values[i].ToString(null, CultureInfo.InvariantCulture));
        if (values.Length > Most)
            text.Append(CultureInfo.InvariantCulture, $", … {values.Length} in all");
        return text.Append(']').ToString();
    }

    /// <summary>Such as <c>[8, 3]</c>; of a long list its beginning and how many there are.</summary>
    public static string Of<T>(T[] values)
        where T : IFormattable => Of((ReadOnlySpan<T>)values);

    /// <summary>Such as <c>[8, 3]</c>; of a long list its beginning and how many there are.</summary>
    public static string Of<T>(Span<T> values)
        where T : IFormattable => Of((ReadOnlySpan<T>)values);
}
