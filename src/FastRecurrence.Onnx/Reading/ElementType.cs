namespace FastRecurrence.Onnx.Reading;

/// <summary>ONNX' tensor element types by their numbers in the format.</summary>
internal enum ElementType
{
    Undefined = 0,
    Float = 1,
    Uint8 = 2,
    Int8 = 3,
    Uint16 = 4,
    Int16 = 5,
    Int32 = 6,
    Int64 = 7,
    String = 8,
    Bool = 9,
    Float16 = 10,
    Double = 11,
    Uint32 = 12,
    Uint64 = 13,
    Complex64 = 14,
    Complex128 = 15,
    Bfloat16 = 16,
    Float8e4m3fn = 17,
    Float8e4m3fnuz = 18,
    Float8e5m2 = 19,
    Float8e5m2fnuz = 20,
    Uint4 = 21,
    Int4 = 22,
    Float4e2m1 = 23,
    Float8e8m0 = 24,
    Uint2 = 25,
    Int2 = 26,
}

internal static class ElementTypes
{
    /// <summary>Bytes of an element; 0 for a type that is not read.</summary>
    public static int Size(this ElementType type) => type switch
    {
        ElementType.Uint8 or ElementType.Int8 or ElementType.Bool => 1,
        ElementType.Uint16 or ElementType.Int16 or ElementType.Float16 or ElementType.Bfloat16 => 2,
        ElementType.Float or ElementType.Int32 or ElementType.Uint32 => 4,
        ElementType.Double or ElementType.Int64 or ElementType.Uint64 => 8,
        _ => 0,
    };

    /// <summary>Whether it is a type of quantised weights whose elements are not read.</summary>
    public static bool IsKnownButNotRead(this ElementType type) => type is >= ElementType.Float8e4m3fn and <= ElementType.Int2;

    public static bool IsFloating(this ElementType type) => type is ElementType.Float or ElementType.Double or ElementType.Float16 or ElementType.Bfloat16;

    /// <summary>Such as <c>int64</c>, or the bare number of an unknown type.</summary>
    public static string Text(this ElementType type) =>
        Enum.IsDefined(type) ? type.ToString().ToLowerInvariant() : "type " + ((int)type).ToString(System.Globalization.CultureInfo.InvariantCulture);
}
