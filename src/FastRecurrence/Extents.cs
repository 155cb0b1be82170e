using System.Globalization;

namespace FastRecurrence;

/// <summary>Sizes multiplied without wrapping: a product that no array can hold is refused by name before anything is allocated.</summary>
internal static class Extents
{
    /// <summary>The product of <paramref name="factors"/> as an element count.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The product exceeds 2³¹−1.</exception>
    public static int Elements(string what, params ReadOnlySpan<int> factors) => Elements(what, what, factors);

    /// <summary>As above, where the argument to blame has another name than the thing that would be too large.</summary>
    public static int Elements(string what, string parameter, params ReadOnlySpan<int> factors)
    {
        Int128 product = 1; // four factors of 31 bits each fit
        foreach (int factor in factors)
            product *= factor;
        if (product <= Array.MaxLength)
            return (int)product;

        var text = string.Join('×', factors.ToArray().Select(f => f.ToString(CultureInfo.InvariantCulture)));
        throw new ArgumentOutOfRangeException(parameter, string.Create(CultureInfo.InvariantCulture,
            $"{what} would have {text} = {product} elements; an array holds at most {Array.MaxLength}. Use a smaller layer, batch or sequence."));
    }

    /// <summary>Refuses a span whose length is not the product of its dimensions.</summary>
    /// <param name="what">The argument's name.</param>
    /// <param name="length">Its length in elements.</param>
    /// <param name="dimensions">The dimensions by symbol, such as <c>T×N×I</c>.</param>
    /// <param name="factors">The same as numbers.</param>
    public static void Require(string what, int length, string dimensions, params ReadOnlySpan<int> factors)
    {
        int expected = Elements(what, factors);
        if (length == expected)
            return;
        var text = string.Join('×', factors.ToArray().Select(f => f.ToString(CultureInfo.InvariantCulture)));
        throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
            $"{what} has {length} values, expected {expected} ({dimensions} = {text})."), what);
    }
}
