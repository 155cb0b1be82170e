using System.Globalization;

namespace FastRecurrence.Import;

/// <summary>A tensor's name in a state dictionary, taken apart.</summary>
/// <param name="Prefix">What stands before the part, such as <c>encoder.</c></param>
/// <param name="Part">Such as <c>weight_hh</c>.</param>
/// <param name="Layer">The number after <c>_l</c>; 0 for a cell; −1 for a number that no layer has.</param>
/// <param name="IsReverse">Whether <c>_reverse</c> follows.</param>
/// <param name="IsCell">Whether there is no layer: the part of an <c>nn.LSTMCell</c>.</param>
/// <param name="StandIn">
/// Empty for the part itself; else what a wrapper appends to the name of a tensor from which it computes the part: <c>raw</c> of weight
/// drop, <c>g</c> and <c>v</c> or <c>original0</c> and <c>original1</c> of weight normalisation, <c>orig</c> and <c>mask</c> of pruning.
/// </param>
internal readonly record struct PyTorchName(string Prefix, string Part, int Layer, bool IsReverse, bool IsCell, string StandIn)
{
    private const string Parametrizations = "parametrizations.";

    private static readonly string[] s_parts = ["weight_ih", "weight_hh", "weight_hr", "bias_ih", "bias_hh"];
    private static readonly string[] s_wrappers = ["raw", "g", "v", "u", "orig", "mask", "original", "original0", "original1"];

    /// <summary>Such as <c>_l0_reverse</c>; empty for a cell's.</summary>
    public string Suffix => IsCell ? "" : string.Create(CultureInfo.InvariantCulture, $"_l{Layer}{(IsReverse ? "_reverse" : "")}");

    /// <summary>Takes a name apart; null when it is of no recurrent module.</summary>
    public static PyTorchName? Of(string name)
    {
        foreach (string part in s_parts)
        {
            int at = name.LastIndexOf(part, StringComparison.Ordinal);
            if (at >= 0)
                return Of(name, at, part);
        }

        return null;
    }

    private static PyTorchName? Of(string name, int at, string part)
    {
        string prefix = name[..at];
        ReadOnlySpan<char> rest = name.AsSpan(at + part.Length);
        int layer = 0;
        bool cell = true, reverse = false;
        int digits = rest.StartsWith("_l", StringComparison.Ordinal) ? rest[2..].IndexOfAnyExceptInRange('0', '9') : 0;
        digits = digits < 0 ? rest.Length - 2 : digits;
        if (digits > 0)
        {
            layer = int.TryParse(rest.Slice(2, digits), NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number < int.MaxValue ? number : -1;
            rest = rest[(2 + digits)..];
            cell = false;
            reverse = rest.StartsWith("_reverse", StringComparison.Ordinal);
            if (reverse)
                rest = rest["_reverse".Length..];
        }

        if (rest.IsEmpty)
            return new PyTorchName(prefix, part, layer, reverse, cell, "");
        if (rest.Length < 2 || rest[0] is not ('_' or '.') || !s_wrappers.Contains(rest[1..].ToString()))
            return null;
        if (prefix.EndsWith(Parametrizations, StringComparison.Ordinal))
            prefix = prefix[..^Parametrizations.Length];
        return new PyTorchName(prefix, part, layer, reverse, cell, rest[1..].ToString());
    }
}
