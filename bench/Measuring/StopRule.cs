using System.Globalization;

namespace FastRecurrence.Measuring;

/// <summary>When a measurement has enough samples: a minimum time and a maximum noise, or a timeout that gives up on them.</summary>
internal sealed record StopRule(TimeSpan MinTime, double MaxNoisePercent, TimeSpan Timeout)
{
    /// <summary>Reads a duration such as <c>150ms</c> or <c>10s</c>.</summary>
    /// <exception cref="FormatException">The text is no duration.</exception>
    public static TimeSpan ParseDuration(string text)
    {
        (string digits, double unit) = text.EndsWith("ms", StringComparison.Ordinal) ? (text[..^2], 1e-3)
            : text.EndsWith('s') ? (text[..^1], 1)
            : (text, double.NaN);
        return double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value) && value * unit is >= 0 and < 1e6
            ? TimeSpan.FromSeconds(value * unit)
            : throw new FormatException($"'{text}' is not a duration. Use a number with its unit, such as 150ms or 10s.");
    }

    /// <summary>Reads a noise limit in percent.</summary>
    /// <exception cref="FormatException">The text is no number above 0.</exception>
    public static double ParsePercent(string text) =>
        double.TryParse(text, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double value) && value > 0
            ? value
            : throw new FormatException($"'{text}' is not a noise limit. Use a number above 0, in percent, such as 0.5.");
}
