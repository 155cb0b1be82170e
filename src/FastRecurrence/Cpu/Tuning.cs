using FastRecurrence.Layout;

namespace FastRecurrence.Cpu;

/// <summary>
/// What the loop nests keep in which cache, derived from the caches' sizes in this one place; docs/cpu.md says what each level holds. Speed depends
/// on it, bits never do.
/// A layer keeps the tuning with which it was prepared.
/// </summary>
internal sealed class Tuning(CacheSizes caches)
{
    /// <summary>Of this machine; tests put another in its place.</summary>
    public static Tuning Current { get; set; } = new(CacheSizes.OfThisMachine());

    /// <summary>
    /// Rows whose preactivations of one panel stay in the first level between the microkernels and the pointwise pass: three quarters of it at 512 bits (four
    /// vectors of 64 bytes a row), in whole tiles. More than 96 gain nothing.
    /// </summary>
    public int RowsPerBlock { get; } = (int)Math.Clamp(caches.FirstLevel * 3 / 4 / 256 / 12 * 12, 24, 96);

    /// <summary>
    /// Floats of a slice of a panel that many tiles reuse. It need not fit the first level, since a tile asks the second for less than it gives; but every
    /// slice costs a pass over the sums.
    /// </summary>
    public int PanelSliceFloats { get; } = (int)Math.Max(48 << 10, caches.FirstLevel) / sizeof(float) / 256 * 256;

    /// <summary>What may stay in a second cache level from step to step.</summary>
    private readonly long _secondLevelBytes = caches.SecondLevel;

    /// <summary>What may stay in a third cache level, which others use as well.</summary>
    private readonly long _thirdLevelBytes = caches.ThirdLevel / 4 * 3;

    /// <summary>Weights that stay in the first level beside the rows that pass by.</summary>
    private readonly long _firstLevelBytes = caches.FirstLevel / 6 * 5;

    /// <summary>Where a step finds weights of so many bytes.</summary>
    public CacheLevel LevelOf(long bytes) => bytes > _thirdLevelBytes ? CacheLevel.Memory : bytes > _secondLevelBytes ? CacheLevel.Third : CacheLevel.Near;

    /// <summary>Panels of a single row whose epilogues run together.</summary>
    public const int GatheredPanels = 32;

    /// <summary>
    /// What a single row may take in pairs: on a processor with 48 KB of L1 a little less, on one with 32 KB a little more than that, so that one size
    /// serves both.
    /// </summary>
    private const long PairedBytes = 40 << 10;

    /// <summary>
    /// Whether a single row takes panels in pairs. Twice the chains hide the latency of FMA where weights sit in or about L1, or share a
    /// lane; else one stream comes faster than two.
    /// </summary>
    public static bool PairPanels(WeightFormat format, long weightBytes) => format != WeightFormat.Float32 || weightBytes <= PairedBytes;

    /// <summary>
    /// Whether x·W and h·R of a step are one chain of every tile: both have the same columns, and the panels, which pass by once a tile and not
    /// once a block, come from the second level at the rate at which a tile asks.
    /// </summary>
    public bool ChainProducts(PackedWeights weights) =>
        weights.InputPattern == weights.RecurrentPattern && weights.Format == WeightFormat.Float32 && LevelOf(weights.Bytes) == CacheLevel.Near;

    /// <summary>
    /// float32 bytes of W and R from which a narrow format is faster: out of L1; 8-bit integers at narrow vectors, whose conversion costs most, out
    /// of L2.
    /// </summary>
    public long LeastBytes(WeightFormat format, int lanes) =>
        format == WeightFormat.Int8 && lanes < 16 ? 2 * _secondLevelBytes : _firstLevelBytes;

    /// <summary>Rows (steps × batch) that one chunk of the input GEMM projects ahead of the recurrence.</summary>
    public const int ProjectedRows = 192;

    /// <summary>Steps whose input product is computed together, ahead of the recurrence; 1 means none ahead.</summary>
    /// <param name="weights">The layer's weights.</param>
    /// <param name="sequenceLength">T.</param>
    /// <param name="rows">Rows of a full step.</param>
    /// <param name="averageRows">Rows of a step on average: fewer, where sequences are ragged.</param>
    public int ChunkSteps(PackedWeights weights, int sequenceLength, int rows, int averageRows) =>
        sequenceLength == 1 || averageRows >= StepwiseRows(weights) ? 1 : Math.Min(sequenceLength, Math.Max(1, ProjectedRows / rows));

    /// <summary>
    /// The rows from which x and h are better multiplied step by step: a projected chunk travels through memory, but gives few rows the reuse of
    /// weights, and the tiles, of many.
    /// </summary>
    private int StepwiseRows(PackedWeights weights)
    {
        if (!ChainProducts(weights))
            return 32;
        return (weights.Input.Bytes + weights.Recurrent.Bytes) / weights.Layout.PanelCount <= _firstLevelBytes ? 4 : 8;
    }

    /// <summary>Work of a whole call below which waking a team costs more than it gains.</summary>
    private const double FlopsPerCall = 800_000;

    /// <summary>Recurrent work of a step below which waiting for each other costs more than it gains.</summary>
    private const double FlopsPerStep = 24_000;

    /// <summary>Workers that a call is worth, and whether they share its rows rather than the layer's panels.</summary>
    public int WorthwhileWorkers(LayerShape shape, PackedWeights weights, int sequenceLength, int batchSize, int workers, out bool byRows)
    {
        double step = shape.FlopsPerStep(batchSize);
        double recurrent = 2.0 * shape.RecurrentWeightCount * batchSize;
        int leastRows = weights.Bytes <= _firstLevelBytes ? 2 : 4; // tiles of two read as many weights from L2 as it gives
        byRows = weights.SecondWeights is null && weights.Bytes <= _secondLevelBytes * 3 / 4 && // every worker keeps all of them in its own second level
            batchSize >= leastRows * workers;
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
