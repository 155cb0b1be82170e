using FastRecurrence.Gpu.Kernels;
using ILGPU;

namespace FastRecurrence.Gpu.Families;

/// <summary>A persistent grid in float32 arithmetic, for few rows; <see cref="SplitKStep"/> runs its steps.</summary>
internal sealed class GridPersistent : GridFamily
{
    // A thread fetches four units of h.
    private const int MostChunks = SplitKTile.MaxHidden / SplitKTile.ChunkDepth;

    private GridPersistent()
    {
    }

    /// <summary>The family.</summary>
    public static GridPersistent Family { get; } = new();

    /// <inheritdoc/>
    public override string Name => "grid-persistent";

    /// <inheritdoc/>
    public override string ShortName => "grid";

    /// <inheritdoc/>
    public override IEnumerable<(string Name, KernelInstance Kernel)> Instances =>
        from format in KernelTypes.Formats
        from cell in KernelTypes.DefaultCells
        from chunks in KernelTypes.ChunkCounts(format)
        where chunks is > 0 and <= MostChunks
        from rows in KernelTypes.RowCounts
        select ($"{Name}-{KernelTypes.Name(cell)}-c{chunks}-r{rows}{KernelTypes.Suffix(format)}", Instance(cell, format, chunks, rows, cuda: true));

    /// <inheritdoc/>
    public override string? Refuse(KernelProblem problem) => Refuse(problem, null);

    /// <inheritdoc/>
    public override IEnumerable<KernelVariant> Variants(KernelProblem problem, int directions, int leastChunks)
    {
        int chunks = KernelTypes.ChunksFor(problem.Format, problem.HiddenSize, SplitKTile.ChunkDepth, leastChunks);
        foreach (int rows in KernelTypes.RowCounts)
        {
            if (Groups(problem, chunks, rows, directions) is int groups)
                yield return new(this, problem.Format, rows, chunks, groups, Cost(problem, rows, chunks, groups, directions));
        }
    }

    /// <inheritdoc/>
    public override FamilyRun Steps(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize) =>
        SplitKStep.Load(device, shape, variant.Format, variant.Rows);

    /// <inheritdoc/>
    public override ArrayView<Float4> Recurrent(DeviceWeights weights) => weights.Recurrent;

    /// <summary>Each direction's groups wait only for each other.</summary>
    private static double Cost(KernelProblem problem, int rows, int chunks, int groups, int directions)
    {
        // One hand-off of h through L2 with its barriers, and what each further group adds to it; that depends little on the clock.
        const double Exchange = 0.6, ExchangePerGroup = 0.0021;
        double decoding = problem.Decoding(Math.Min(rows, chunks > 6 ? 4 : 8));
        double group = 0.55 + 0.07 * chunks * decoding + (rows - 1) * (0.05 + 0.025 * chunks * decoding);
        return Exchange + ExchangePerGroup * groups / directions + problem.Waves(groups) * group * problem.Slowness;
    }

    // Where bfloat16, or a cell of one gate with little of R, leaves room for it, two groups share a multiprocessor.
    /// <inheritdoc/>
    protected override KernelInstance Instance(LayerShape cell, WeightFormat format, int chunks, int rows, bool cuda) => KernelInstance.Close(
        SplitKTile.Threads, IsPaired(format, chunks, rows) ? 2 : 1, typeof(GridPersistentKernel),
        KernelTypes.Pointwise(cell), KernelTypes.Weights(format, chunks), KernelTypes.Rows(rows), cuda ? typeof(CudaExchange) : typeof(AtomicExchange));

    /// <summary>Whether 128 registers hold the weights of so many chunks, and what so many rows, and narrow weights on their way, need beside them.</summary>
    private static bool IsPaired(WeightFormat format, int chunks, int rows) =>
        (format == WeightFormat.Float32 ? 16 * chunks : 8 * chunks + 28) + 6 * rows <= 80;
}
