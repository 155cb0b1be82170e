namespace FastRecurrence.Simd;

/// <summary>The tunables of the loop nests; kernels.md, "Loop nests", says what each level holds and where the numbers come from.</summary>
internal static class Blocking
{
    /// <summary>Rows whose preactivations of one panel stay in L1 between the microkernels and the epilogue (12 KB at 256 bits).</summary>
    public const int RowsPerBlock = 96;

    /// <summary>Depth of a slice of a panel that many tiles reuse: 192·4·8 floats are 24 KB at 256 bits.</summary>
    public const int DepthPerBlock = 192;

    /// <summary>Rows (steps × batch) that one chunk of the input GEMM projects ahead of the recurrence.</summary>
    public const int ProjectedRows = 192;

    /// <summary>From this batch on, x and h are multiplied step by step: a projected chunk would only travel through memory.</summary>
    public const int FusedBatch = 32;

    /// <summary>Steps whose input product is computed together; 1 means none ahead.</summary>
    public static int ChunkSteps(int sequenceLength, int batchSize) =>
        sequenceLength == 1 || batchSize >= FusedBatch ? 1 : Math.Min(sequenceLength, Math.Max(1, ProjectedRows / batchSize));
}
