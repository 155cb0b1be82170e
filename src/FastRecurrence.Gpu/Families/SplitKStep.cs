using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

/// <summary>One step a launch for few rows: the k's of a product are dealt to many threads, whose sums are put together at its end.</summary>
internal sealed class SplitKStep : KernelFamily
{
    private SplitKStep()
    {
    }

    /// <summary>The family.</summary>
    public static SplitKStep Family { get; } = new();

    /// <inheritdoc/>
    public override string Name => "split-k-step";

    /// <inheritdoc/>
    public override string ShortName => "slice";

    /// <inheritdoc/>
    public override IEnumerable<(string Name, KernelInstance Kernel)> Instances =>
        from format in KernelTypes.Formats
        from cell in KernelTypes.DefaultCells
        from rows in KernelTypes.RowCounts
        from byFours in (bool[])[true, false]
        select ($"{Name}-{KernelTypes.Name(cell)}-r{rows}{KernelTypes.Suffix(format)}{(byFours ? "" : "-any")}", Instance(cell, format, rows, byFours, true));

    /// <inheritdoc/>
    public override string? Refuse(KernelProblem problem) =>
        !problem.IsDefaultCell ? ConfigurableCell
        : problem.Device.MaxThreads < SplitKTile.Threads ? $"needs groups of {SplitKTile.Threads} threads"
        : null;

    /// <summary>Why a configurable cell runs on <see cref="TiledStep"/> alone.</summary>
    public const string ConfigurableCell = "the cell is a variation, which only tiles run";

    /// <inheritdoc/>
    public override IEnumerable<KernelVariant> Variants(KernelProblem problem)
    {
        foreach (int rows in KernelTypes.RowCounts)
        {
            int groups = Tiles(problem.BatchSize, rows) * Tiles(problem.Columns4, SplitKTile.Columns4);
            yield return new(this, problem.Format, rows, 0, groups, Cost(problem, rows, groups));
        }
    }

    /// <inheritdoc/>
    public override FamilyRun Load(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize) =>
        Load(device, shape, variant.Format, variant.Rows);

    /// <summary>Each group's loads, barriers and sums, then every chunk of k's; where L2 does not hold R, every tile of rows reads it from memory.</summary>
    private static double Cost(KernelProblem problem, int rows, int groups)
    {
        if (problem.Device.IsCpu)
        {
            double products = problem.CpuProducts(rows, SplitKTile.Columns4) * problem.Decoding(rows) * 1.5;
            return problem.Launch + problem.Waves(groups) * (SplitKTile.Threads * (rows == 1 ? 0.025 : 0.08 * rows) + products);
        }

        int chunks = (problem.HiddenSize + SplitKTile.ChunkDepth - 1) / SplitKTile.ChunkDepth;
        double group = 0.5 + 0.055 * (rows - 1) + chunks * (0.23 + 0.013 * (rows - 1));
        // One row a tile leaves too few loads under way for memory.
        double reading = problem.ReadingR * Tiles(problem.BatchSize, rows) * (rows == 1 ? 1.15 : 1.03);
        return problem.WaitingLaunch + Math.Max(problem.GroupsEach(groups) * group * problem.Slowness, reading);
    }

    /// <summary>The kernel for tiles of so many rows. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    internal static StepRun Load(GpuDevice device, LayerShape shape, WeightFormat format, int tileRows)
    {
        bool byFours = shape.HiddenSize % 4 == 0, shuffles = device.Traits.Kind != DeviceKind.OpenCl;
        return new StepRun(device, shape, batchSize: 0, new(
            _ => Instance(shape, format, tileRows, byFours, shuffles),
            (rows, columns4) => new(
                new Index2D(Tiles(columns4, SplitKTile.Columns4), Tiles(rows, tileRows)), new Index2D(SplitKTile.Columns4, SplitKTile.Slices)),
            weights => weights.Plain, Wait: true));
    }

    private static KernelInstance Instance(LayerShape cell, WeightFormat format, int rows, bool byFours, bool shuffles) => KernelInstance.Close(
        SplitKTile.Threads, 1, typeof(SplitKStepKernel), KernelTypes.Pointwise(cell), KernelTypes.Chunk(format), KernelTypes.Rows(rows),
        byFours ? typeof(ByFours) : typeof(ByOnes), shuffles ? typeof(ShuffledEnds) : typeof(SharedEnds));
}
