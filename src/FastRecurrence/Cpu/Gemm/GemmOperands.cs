namespace FastRecurrence.Cpu;

/// <summary>
/// Terms that a block of rows adds to its sums: <c>Σₖ A[r, k]·B[k, :]</c>, and then those of another product. A tile that
/// goes from x·W on to h·R keeps its sums in registers between the two.
/// </summary>
internal readonly unsafe struct GemmOperands(int depth, RowView a, float* b, GemmOperands* next = null)
{
    /// <summary>K, terms of every sum; may be 0.</summary>
    public int Depth { get; } = depth;

    /// <summary>A, <c>[rows, K]</c>; read one float at a time, never beyond K.</summary>
    public RowView A { get; } = a;

    /// <summary>A panel, <c>[K][columns][lanes]</c>.</summary>
    public float* B { get; } = b;

    /// <summary>The product whose terms follow, or null.</summary>
    public GemmOperands* Next { get; } = next;
}
