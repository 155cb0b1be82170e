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
    private static readonly int[] s_rows = [16, 32];

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
        from rows in s_rows
        from step in TiledStep.Steps
        select ($"{Name}-{step.Name}-r{rows}", Instance(step.Pointwise, rows));

    /// <inheritdoc/>
    public override string? Refuse(KernelProblem problem) => TensorTiles.Refuse(problem);

    /// <inheritdoc/>
    public override IEnumerable<KernelVariant> Variants(KernelProblem problem) =>
        from rows in s_rows
        let groups = Tiles(problem.BatchSize, rows) * Tiles(problem.Columns4, TensorSplitKStepKernel.TileColumns4)
        select new KernelVariant(this, problem.Format, rows, 0, groups, Cost(problem, rows, groups));

    /// <inheritdoc/>
    public override FamilyRun Load(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize) => Load(device, shape, variant.Rows, batchSize);

    /// <summary>The kernel for tiles of so many rows. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    internal static StepRun Load(GpuDevice device, LayerShape shape, int tileRows, int batchSize) => new(device, shape, batchSize, new(
        pointwise => Instance(pointwise, tileRows),
        (rows, columns4) => new(
            new Index2D(Tiles(rows, tileRows), Tiles(columns4, TensorSplitKStepKernel.TileColumns4)),
            new Index2D(TensorSplitKStepKernel.Lanes, TensorSplitKStepKernel.Warps)),
        weights => weights.OnTensorCores(), Wait: true));

    private static double Cost(KernelProblem problem, int rows, int groups)
    {
        if (problem.Device.IsCpu)
            return double.MaxValue;
        double panels = Math.Ceiling(problem.HiddenSize / 128.0), compute = panels * (rows == 16 ? 0.16 : 0.31);
        double memory = (rows + 32) * problem.HiddenSize * 4 / 41.7e3;
        return problem.Launch + problem.GroupsEach(groups) * (0.7 + Math.Max(compute, memory)) * problem.Slowness;
    }

    private static KernelInstance Instance(Type pointwise, int rows) => KernelInstance.Close(
        TensorSplitKStepKernel.Lanes * TensorSplitKStepKernel.Warps, 2, typeof(TensorSplitKStepKernel),
        [pointwise, .. TensorTiles.Types(rows), typeof(TripleTf32)]);
}
