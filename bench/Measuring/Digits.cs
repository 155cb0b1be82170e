using System.Globalization;

namespace FastRecurrence.Measuring;

/// <summary>Numbers as text, the same in every locale.</summary>
internal static class Digits
{
    /// <summary>The shortest text that reads back as the same double.</summary>
    public static string Exact(double value) => value.ToString("R", CultureInfo.InvariantCulture);

    /// <summary>The shortest text that reads back as the same float where the value is one, else as the same double.</summary>
    public static string Computed(double value) =>
        (float)value == value ? ((float)value).ToString("R", CultureInfo.InvariantCulture) : Exact(value);

    /// <summary>At most six places, for worked steps.</summary>
    public static string Short(double value) => value.ToString("0.######", CultureInfo.InvariantCulture);

    /// <summary>Three places, always.</summary>
    public static string Places(double value, int places = 3) => value.ToString("F" + places.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    /// <summary>An error, such as <c>4.2E-08</c>.</summary>
    public static string Error(double value) => value == 0 ? "0" : value.ToString("0.0E-00", CultureInfo.InvariantCulture);

    /// <summary>At least <paramref name="digits"/> significant digits, without an exponent.</summary>
    public static string Significant(double value, int digits = 4)
    {
        if (value == 0 || !double.IsFinite(value))
            return value.ToString(CultureInfo.InvariantCulture);
        int places = Math.Clamp(digits - 1 - (int)Math.Floor(Math.Log10(Math.Abs(value))), 0, 15);
        return value.ToString("F" + places.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
    }
}
