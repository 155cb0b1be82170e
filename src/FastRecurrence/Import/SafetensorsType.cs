namespace FastRecurrence.Import;

/// <summary>The element types of safetensors.</summary>
internal static class SafetensorsType
{
    /// <summary>Bytes of an element; 0 for a type whose elements are not read.</summary>
    public static int Bytes(string type) => type switch
    {
        "BOOL" or "U8" or "I8" or "F8_E5M2" or "F8_E4M3" or "F8_E8M0" or "F8_E4M3FNUZ" or "F8_E5M2FNUZ" => 1,
        "I16" or "U16" or "F16" or "BF16" => 2,
        "I32" or "U32" or "F32" => 4,
        "I64" or "U64" or "F64" or "C64" => 8,
        "C128" => 16,
        _ => 0,
    };

    /// <summary>Whether numbers of the type can be weights.</summary>
    public static bool IsFloating(string type) => type is "F32" or "F64" or "F16" or "BF16";

    /// <summary>
    /// Whether a name is made like those of the format: a letter for the kind, a number of bits that occurs, and perhaps more, as in
    /// <c>F4</c>, <c>F6_E2M3</c> or <c>I4</c>. The format gains such types; a tensor of one must not cost the rest of the file.
    /// </summary>
    public static bool IsOpaque(string type)
    {
        if (type.Length is < 2 or > 24 || type[0] is not ('F' or 'I' or 'U' or 'C'))
            return false;
        int digits = 1;
        while (digits < type.Length && char.IsAsciiDigit(type[digits]))
            digits++;
        if (type.AsSpan(1, digits - 1) is not ("1" or "2" or "3" or "4" or "5" or "6" or "7" or "8" or "16" or "32" or "64" or "128"))
            return false;
        foreach (char c in type.AsSpan(digits))
        {
            if (c != '_' && !char.IsAsciiDigit(c) && !char.IsAsciiLetterUpper(c))
                return false;
        }

        return digits == type.Length || type[digits] == '_';
    }
}
