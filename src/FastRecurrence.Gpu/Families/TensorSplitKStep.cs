using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

/// <summary>
/// One step a launch on tensor cores where <see cref="TensorTiledStep"/>'s tiles would leave most multiprocessors idle: small tiles whose k's are dealt
/// to a group's warps. Runs every cell.
/// </summary>
internal sealed class TensorSplitKStep : KernelFamily
{
    private TensorSplitKStep()
    {
    }

    /// <summary>The family.</summary>
    public static TensorSplitKStep Family { get; } = new();

    /// <inheritdoc/>
    public override string Name => "tensor-split-k-step";

    /// <inheritdoc/>
    public override string ShortName => "tensor-slice";

    /// <inheritdoc/>
    public override IEnumerable<(string Name, KernelInstance Kernel)> Instances =>
        from rows in TensorTiles.WarpRows
        from step in TiledStep.Steps
        select ($"{Name}-{step.Name}-r{rows}", Instance(step.Pointwise, rows));

    /// <inheritdoc/>
    public override string? Refuse(KernelProblem problem) => TensorTiles.Refuse(problem);

    /// <inheritdoc/>
    public override IEnumerable<KernelVariant> Variants(KernelProblem problem) =>
        from rows in TensorTiles.WarpRows
        let groups = Tiles(problem.BatchSize, rows) * Tiles(problem.Columns4, TensorSplitKStepKernel.TileColumns4)
        select new KernelVariant(this, problem.Format, rows, 0, groups, Cost(problem, rows, groups));

    /// <inheritdoc/>
    public override FamilyRun Load(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize) => new StepRun(device, shape, batchSize, new(
        pointwise => Instance(pointwise, variant.Rows),
        (rows, columns4) => new(
            new Index2D(Tiles(rows, variant.Rows), Tiles(columns4, TensorSplitKStepKernel.TileColumns4)),
            new Index2D(TensorSplitKStepKernel.Lanes, TensorSplitKStepKernel.Warps)),
        weights => weights.OnTensorCores(), Wait: true));

    private static double Cost(KernelProblem problem, int rows, int groups)
    {
        if (problem.Device.IsCpu)
            return double.MaxValue;
        // h and R of a group from L2, its products, and the cell at the end. Tiles of rows lie side by side and read R together.
        double group = rows == 16 ? 0.5 + 0.00285 * problem.HiddenSize : 0.75 + 0.0046 * problem.HiddenSize;
        return problem.WaitingLaunch + Math.Max(problem.GroupsEach(groups) * group * problem.Slowness, problem.ReadingR);
    }

    private static KernelInstance Instance(Type pointwise, int rows) => KernelInstance.Close(
        TensorSplitKStepKernel.Lanes * TensorSplitKStepKernel.Warps, 2, typeof(TensorSplitKStepKernel),
        [pointwise, .. TensorTiles.Types(rows), typeof(TripleTf32)]);
}
