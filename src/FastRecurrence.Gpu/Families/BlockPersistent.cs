using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

/// <summary>A whole sequence a launch for small layers: each group runs a tile of rows through all steps by itself.</summary>
internal sealed class BlockPersistent : KernelFamily
{
    private BlockPersistent()
    {
    }

    /// <summary>The family.</summary>
    public static BlockPersistent Family { get; } = new();

    /// <inheritdoc/>
    public override string Name => "block-persistent";

    /// <inheritdoc/>
    public override string ShortName => "group";

    /// <inheritdoc/>
    public override IEnumerable<(string Name, KernelInstance Kernel)> Instances =>
        from format in KernelTypes.Formats
        from cell in KernelTypes.DefaultCells
        from chunks in KernelTypes.ChunkCounts(format)
        from rows in TileRows(cell, format, chunks)
        select ($"{Name}-{KernelTypes.Name(cell)}-c{chunks}-r{rows}{KernelTypes.Suffix(format)}", Instance(cell, format, chunks, rows));

    /// <inheritdoc/>
    public override string? Refuse(KernelProblem problem) =>
        !problem.IsDefaultCell ? SplitKStep.ConfigurableCell
        : problem.Columns4 > BlockPersistentKernel.MaxColumns4 || problem.HiddenSize > BlockPersistentKernel.MaxHidden ? "the layer is too large for one group"
        : problem.Columns4 * BlockPersistentKernel.Slices > problem.Device.MaxThreads
            ? $"needs groups of {problem.Columns4 * BlockPersistentKernel.Slices} threads"
        : null;

    /// <inheritdoc/>
    public override IEnumerable<KernelVariant> Variants(KernelProblem problem)
    {
        int chunks = KernelTypes.ChunksFor(problem.Format, problem.HiddenSize, BlockPersistentKernel.ChunkDepth, problem.Forced?.LeastChunks ?? 0);
        chunks = TileRows(problem.Shape, problem.Format, chunks).Length > 0 ? chunks : 0;
        foreach (int rows in TileRows(problem.Shape, problem.Format, chunks))
        {
            int groups = Tiles(problem.BatchSize, rows);
            yield return new(this, problem.Format, rows, chunks, groups, Cost(problem, rows, chunks, groups));
        }
    }

    /// <inheritdoc/>
    public override FamilyRun Load(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize) => new Loaded(device, shape, variant);

    /// <summary>The most threads of a group with so many chunks in registers.</summary>
    public static int Threads(LayerShape cell, int chunks) => chunks == 0
        ? BlockPersistentKernel.MaxColumns4 * BlockPersistentKernel.Slices
        : chunks * BlockPersistentKernel.ChunkDepth / DeviceCell.Of(cell).Units * BlockPersistentKernel.Slices;

    /// <summary>
    /// Rows that a group's registers hold beside so many chunks: none, where 64K words divided by its threads leave less
    /// than the weights and 64 more; fewer where they leave just that (narrow ones need room to be decoded to).
    /// </summary>
    public static int[] TileRows(LayerShape cell, WeightFormat format, int chunks)
    {
        int left = Math.Min(65536 / Threads(cell, chunks), 255) - (format == WeightFormat.Float32 ? 16 : 8) * chunks;
        return left < 64 ? [] : left < (format == WeightFormat.Float32 ? 80 : 160) && chunks > 0 ? [1, 2] : [1, 4];
    }

    private static double Cost(KernelProblem problem, int rows, int chunks, int groups)
    {
        if (problem.Device.IsCpu)
        {
            double products = problem.CpuProducts(rows, problem.Columns4) * problem.Decoding(rows) * 1.5;
            return problem.Waves(groups) * (0.03 * problem.Columns4 * BlockPersistentKernel.Slices + products);
        }

        // Barriers, sums and activations, then the chunks: in registers (estimated, not measured), or each waited for from L2.
        const double Ends = 0.9;
        double chunk = chunks > 0 ? 0.04 * rows * problem.Decoding(rows) : 0.35 + 0.09 * (rows - 1);
        double all = (problem.HiddenSize + BlockPersistentKernel.ChunkDepth - 1) / BlockPersistentKernel.ChunkDepth * chunk;
        return problem.Waves(groups) * (Ends + all) * problem.Slowness;
    }

    private static KernelInstance Instance(LayerShape cell, WeightFormat format, int chunks, int rows) => KernelInstance.Close(
        Threads(cell, chunks), 1, typeof(BlockPersistentKernel), KernelTypes.Pointwise(cell), KernelTypes.Weights(format, chunks), KernelTypes.Rows(rows));

    /// <summary>The kernel of a state.</summary>
    private sealed class Loaded(GpuDevice device, LayerShape shape, KernelVariant variant) : FamilyRun
    {
        private readonly KernelLaunch<SequenceArguments> _sequence =
            device.Kernel<SequenceArguments>(Instance(shape, variant.Format, variant.Chunks, variant.Rows));

        public override void Run(in StepChunk chunk)
        {
            var config = new KernelConfig(new Index2D(Tiles(chunk.Rows, variant.Rows), 1), new Index2D(chunk.Weights.Columns4, BlockPersistentKernel.Slices));
            _sequence(chunk.Queue, config, chunk.Sequence);
            KeepHidden(chunk);
        }
    }
}
