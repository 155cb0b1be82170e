using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

/// <summary>
/// What runs a whole sequence a launch by a grid whose groups are all resident and hand h to each other. Where it gives up, and for sequences too short to
/// be worth its start, another family runs the steps, whose sums have the same order, so that the bits are the same.
/// </summary>
internal abstract class GridFamily : KernelFamily
{
    /// <summary>Sequences shorter than this run step by step: the start of a grid costs about as much.</summary>
    public const int ShortestSequence = 4;

    /// <inheritdoc/>
    public override IEnumerable<KernelVariant> Variants(KernelProblem problem) => Variants(problem, directions: 1, problem.Forced?.LeastChunks ?? 0);

    /// <summary>The variants that run so many directions of a layer in one launch, with at least so many chunks.</summary>
    public abstract IEnumerable<KernelVariant> Variants(KernelProblem problem, int directions, int leastChunks);

    /// <inheritdoc/>
    public override FamilyRun Load(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize) =>
        new GridRun(device, shape, variant, this, batchSize);

    /// <summary>A variant's kernel. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public KernelLaunch<GridArguments> Kernel(GpuDevice device, LayerShape shape, KernelVariant variant) =>
        device.Kernel<GridArguments>(Instance(shape, variant.Format, variant.Chunks, variant.Rows, device.Traits.Kind == DeviceKind.Cuda));

    /// <summary>Groups of a variant that a device holds at once. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public int Resident(GpuDevice device, LayerShape shape, WeightFormat format, int chunks, int rows) =>
        device.Resident<GridArguments>(Instance(shape, format, chunks, rows, device.Traits.Kind == DeviceKind.Cuda));

    /// <summary>What runs its steps. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public abstract FamilyRun Steps(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize);

    /// <summary>R in its order. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public abstract ArrayView<Float4> Recurrent(DeviceWeights weights);

    /// <summary>A launch over so many rows, one or two directions deep.</summary>
    public static KernelConfig Config(KernelVariant variant, int columns4, int rows, int directions) => new(
        new Index3D(Tiles(columns4, SplitKTile.Columns4), Tiles(rows, variant.Rows), directions), new Index3D(SplitKTile.Columns4, SplitKTile.Slices, 1));

    /// <summary>Groups of a launch, or null where they would not all be resident.</summary>
    protected int? Groups(KernelProblem problem, int chunks, int rows, int directions)
    {
        int groups = directions * Tiles(problem.BatchSize, rows) * Tiles(problem.Columns4, SplitKTile.Columns4);
        return groups <= problem.Device.Multiprocessors * 4 && groups <= problem.Resident(this, chunks, rows) ? groups : null;
    }

    /// <summary>Why resident groups cannot hand h to each other on a device; null when they can.</summary>
    protected string? Refuse(KernelProblem problem, string? other) =>
        !problem.IsDefaultCell ? SplitKStep.ConfigurableCell
        : problem.Device.MaxThreads < SplitKTile.Threads ? $"needs groups of {SplitKTile.Threads} threads"
        : problem.HiddenSize % 4 != 0 ? "H is not a multiple of 4"
        : problem.HiddenSize > SplitKTile.MaxHidden ? $"H is beyond {SplitKTile.MaxHidden}"
        : problem.Device.Kind == DeviceKind.OpenCl ? "ILGPU has no shuffles for OpenCL"
        : problem.Device.Kind != DeviceKind.Cuda && problem.Forced?.Family != this ? "only CUDA promises that resident groups all make progress"
        : other;

    /// <summary>The kernel with so many chunks and rows.</summary>
    protected abstract KernelInstance Instance(LayerShape cell, WeightFormat format, int chunks, int rows, bool cuda);
}
