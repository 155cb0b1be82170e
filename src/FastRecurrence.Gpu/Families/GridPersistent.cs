using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

/// <summary>
/// A whole sequence a launch by a grid whose groups are all resident and hand h to each other. Where it gives up, and for sequences too short to be worth
/// its start, <see cref="SplitKStep"/> runs the steps: its sums have the same order, so the bits are the same.
/// </summary>
internal sealed class GridPersistent : KernelFamily
{
    // A thread fetches four units of h.
    private const int MostChunks = SplitKTile.MaxHidden / SplitKTile.ChunkDepth;

    /// <summary>Sequences shorter than this run step by step: the start of a grid costs about as much.</summary>
    public const int ShortestSequence = 4;

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
        select ($"{Name}-{KernelTypes.Name(cell)}-c{chunks}-r{rows}{KernelTypes.Suffix(format)}", Instance(cell, format, chunks, rows, DeviceKind.Cuda));

    /// <inheritdoc/>
    public override string? Refuse(KernelProblem problem) =>
        !problem.IsDefaultCell ? SplitKStep.ConfigurableCell
        : problem.Device.MaxThreads < SplitKTile.Threads ? $"needs groups of {SplitKTile.Threads} threads"
        : problem.HiddenSize % 4 != 0 ? "H is not a multiple of 4"
        : problem.HiddenSize > SplitKTile.MaxHidden ? $"H is beyond {SplitKTile.MaxHidden}"
        : problem.Device.Kind != DeviceKind.Cuda && problem.Forced?.Family != this ? "only CUDA promises that resident groups all make progress"
        : null;

    /// <inheritdoc/>
    public override IEnumerable<KernelVariant> Variants(KernelProblem problem) => Variants(problem, directions: 1, problem.Forced?.LeastChunks ?? 0);

    /// <summary>The variants that run so many directions of a layer in one launch, with at least so many chunks.</summary>
    public IEnumerable<KernelVariant> Variants(KernelProblem problem, int directions, int leastChunks)
    {
        int chunks = KernelTypes.ChunksFor(problem.Format, problem.HiddenSize, SplitKTile.ChunkDepth, leastChunks);
        foreach (int rows in KernelTypes.RowCounts)
        {
            int groups = directions * Tiles(problem.BatchSize, rows) * Tiles(problem.Columns4, SplitKTile.Columns4);
            if (groups <= problem.Device.Multiprocessors * 4 && groups <= problem.Resident(chunks, rows))
                yield return new(this, problem.Format, rows, chunks, groups, Cost(problem, rows, chunks, groups, directions));
        }
    }

    /// <inheritdoc/>
    public override FamilyRun Load(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize) => new GridRun(device, shape, variant, batchSize);

    /// <summary>Groups of an instance that a device holds at once. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public static int Resident(GpuDevice device, LayerShape shape, WeightFormat format, int chunks, int rows) =>
        device.Resident<GridArguments>(Instance(shape, format, chunks, rows, device.Traits.Kind));

    /// <summary>A variant's kernel. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public static KernelLaunch<GridArguments> Kernel(GpuDevice device, LayerShape shape, KernelVariant variant) =>
        device.Kernel<GridArguments>(Instance(shape, variant.Format, variant.Chunks, variant.Rows, device.Traits.Kind));

    /// <summary>A launch over so many rows, one or two directions deep.</summary>
    public static KernelConfig Config(KernelVariant variant, int columns4, int rows, int directions) => new(
        new Index3D(Tiles(columns4, SplitKTile.Columns4), Tiles(rows, variant.Rows), directions), new Index3D(SplitKTile.Columns4, SplitKTile.Slices, 1));

    /// <summary>Each direction's groups wait only for each other.</summary>
    private static double Cost(KernelProblem problem, int rows, int chunks, int groups, int directions)
    {
        // One hand-off of h through L2 with the cell, what each chunk adds, and groups that share a multiprocessor.
        const double PerGroup = 0.0004, Beside = 0.45;
        double decoding = problem.Decoding(Math.Min(rows, RowsTogether(chunks)));
        double step = 0.73 + 0.05 * rows + 0.005 * rows * rows + chunks * (0.04 + 0.0325 * rows) * decoding;
        return step * (1 + Beside * (problem.Waves(groups) - 1)) + PerGroup * groups / directions;
    }

    // Where bfloat16, or a cell of one gate with little of R, leaves room for it, two groups share a multiprocessor.
    private static KernelInstance Instance(LayerShape cell, WeightFormat format, int chunks, int rows, DeviceKind kind) => KernelInstance.Close(
        SplitKTile.Threads, GroupsAtOnce(format, chunks, rows), typeof(GridPersistentKernel),
        KernelTypes.Pointwise(cell), KernelTypes.Weights(format, chunks), KernelTypes.Rows(rows),
        kind == DeviceKind.Cuda ? typeof(CudaExchange) : typeof(AtomicExchange), kind == DeviceKind.OpenCl ? typeof(SharedShuffle) : typeof(WarpShuffle));

    /// <summary>
    /// Groups that share a multiprocessor: two where 128 registers hold the weights of so many chunks, and what so many rows, and narrow weights on their
    /// way, need beside them.
    /// </summary>
    internal static int GroupsAtOnce(WeightFormat format, int chunks, int rows) =>
        (format == WeightFormat.Float32 ? 16 * chunks : 8 * chunks + 28) + 6 * rows <= 80 ? 2 : 1;

    private static int RowsTogether(int chunks) => chunks > 6 ? 4 : 8;
}
