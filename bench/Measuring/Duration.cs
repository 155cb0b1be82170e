using System.Globalization;

namespace FastRecurrence.Measuring;

/// <summary>Durations for people.</summary>
internal static class Duration
{
    /// <summary>Such as <c>8 s</c>, <c>2:05 min</c>, <c>1:02:05 h</c>.</summary>
    public static string Text(double seconds)
    {
        var time = TimeSpan.FromSeconds(Math.Round(Math.Max(seconds, 0)));
        return time.TotalMinutes < 1 ? string.Create(CultureInfo.InvariantCulture, $"{time.Seconds} s")
            : time.TotalHours < 1 ? string.Create(CultureInfo.InvariantCulture, $"{time.Minutes}:{time.Seconds:00} min")
            : string.Create(CultureInfo.InvariantCulture, $"{(int)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00} h");
    }
}
