namespace FastRecurrence.Simd;

/// <summary>The one list of SIMD implementations.</summary>
internal static class SimdLadder
{
    public static Backend[] Rungs { get; } = [];

    public static Backend Choose() => Backend.Reference;
}
