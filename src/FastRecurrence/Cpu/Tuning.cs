using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>The tunables of the loop nests; kernels.md, "Loop nests", says what each level holds and where the numbers come from.</summary>
internal static class Tuning
{
    /// <summary>Rows whose preactivations of one panel stay in L1 between the microkernels and the epilogue (24 KB at 512 bits).</summary>
    public const int RowsPerBlock = 96;

    /// <summary>Floats of a slice of a panel that many tiles reuse: 32 KB, two thirds of an L1.</summary>
    public const int PanelSliceFloats = 8192;

    /// <summary>What may stay in a second cache level from step to step.</summary>
    public const long SecondLevelBytes = 1 << 20;

    /// <summary>What may stay in a third cache level, which others use as well.</summary>
    private const long ThirdLevelBytes = 24 << 20;

    /// <summary>Where a step finds weights of so many bytes.</summary>
    public static CacheLevel LevelOf(long bytes) => bytes > ThirdLevelBytes ? CacheLevel.Memory : bytes > SecondLevelBytes ? CacheLevel.Third : CacheLevel.Near;

    /// <summary>Panels of a single row whose epilogues run together.</summary>
    public const int GatheredPanels = 32;

    /// <summary>
    /// Whether a single row takes panels in pairs. Twice the chains hide the latency of FMA where weights sit in L1 or share a
    /// lane; else one stream comes faster than two.
    /// </summary>
    public static bool PairPanels(WeightFormat format, long weightBytes) => format != WeightFormat.Float32 || weightBytes <= FirstLevelBytes;

    private const long FirstLevelBytes = 40 << 10;

    /// <summary>
    /// Whether x·W and h·R of a step are one chain of every tile: both have the same columns, and the panels, which pass by once a tile and not
    /// once a block, come from the second level at the rate at which a tile asks.
    /// </summary>
    public static bool ChainProducts(PackedWeights weights) =>
        weights.InputPattern == weights.RecurrentPattern && weights.Format == WeightFormat.Float32 && LevelOf(weights.Bytes) == CacheLevel.Near;

    /// <summary>float32 bytes of W and R from which a narrow format is faster: out of L1; 8-bit integers at narrow vectors, whose conversion costs most, out of L2.</summary>
    public static long LeastBytes(WeightFormat format, int lanes) =>
        format == WeightFormat.Int8 && lanes < 16 ? 2 * SecondLevelBytes : FirstLevelBytes;

    /// <summary>Rows (steps × batch) that one chunk of the input GEMM projects ahead of the recurrence.</summary>
    public const int ProjectedRows = 192;

    /// <summary>Steps whose input product is computed together, ahead of the recurrence; 1 means none ahead.</summary>
    /// <param name="weights">The layer's weights.</param>
    /// <param name="sequenceLength">T.</param>
    /// <param name="rows">Rows of a full step.</param>
    /// <param name="averageRows">Rows of a step on average: fewer, where sequences are ragged.</param>
    public static int ChunkSteps(PackedWeights weights, int sequenceLength, int rows, int averageRows) =>
        sequenceLength == 1 || averageRows >= StepwiseRows(weights) ? 1 : Math.Min(sequenceLength, Math.Max(1, ProjectedRows / rows));

    /// <summary>
    /// The rows from which x and h are better multiplied step by step: a projected chunk travels through memory, but gives few rows the reuse of
    /// weights, and the tiles, of many.
    /// </summary>
    private static int StepwiseRows(PackedWeights weights)
    {
        if (!ChainProducts(weights))
            return 32;
        return (weights.Input.Bytes + weights.Recurrent.Bytes) / weights.Layout.PanelCount <= FirstLevelBytes ? 4 : 8;
    }

    /// <summary>Work of a whole call below which waking a team costs more than it gains.</summary>
    private const double FlopsPerCall = 800_000;

    /// <summary>Recurrent work of a step below which a meeting costs more than it gains.</summary>
    private const double FlopsPerStep = 24_000;

    /// <summary>Weights that every worker may keep in its own second cache level.</summary>
    private const long OwnBytes = SecondLevelBytes * 3 / 4;

    /// <summary>Workers that a call is worth, and whether they share its rows rather than the layer's panels.</summary>
    public static int WorthwhileWorkers(LayerShape shape, PackedWeights weights, int sequenceLength, int batchSize, int workers, out bool byRows)
    {
        double step = shape.FlopsPerStep(batchSize);
        double recurrent = 2.0 * shape.RecurrentWeightCount * batchSize;
        int leastRows = weights.Bytes <= FirstLevelBytes ? 2 : 4; // tiles of two read as many weights from L2 as it gives
        byRows = weights.SecondWeights is null && weights.Bytes <= OwnBytes && batchSize >= leastRows * workers;
        if (step * sequenceLength < FlopsPerCall)
            return 1;
        if (byRows)
            return workers;
        return recurrent < FlopsPerStep ? 1 : Math.Min(workers, weights.Layout.PanelCount);
    }
}

/// <summary>The nearest level that holds the weights which a step reads.</summary>
internal enum CacheLevel
{
    /// <summary>The first or the second cache level.</summary>
    Near,

    /// <summary>The third.</summary>
    Third,

    /// <summary>None.</summary>
    Memory,
}
