using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

/// <summary>
/// One step a launch by tiles of many rows on tensor cores: <see cref="TiledStep"/> with every float32 product made of three tf32 products. Runs every cell.
/// </summary>
internal sealed class TensorTiledStep : KernelFamily
{
    private TensorTiledStep()
    {
    }

    /// <summary>The family.</summary>
    public static TensorTiledStep Family { get; } = new();

    /// <inheritdoc/>
    public override string Name => "tensor-tiled-step";

    /// <inheritdoc/>
    public override string ShortName => "tensor-tile";

    /// <inheritdoc/>
    public override IEnumerable<(string Name, KernelInstance Kernel)> Instances =>
        from rows in TensorTiles.WarpRows
        from step in TiledStep.Steps
        select ($"{Name}-{step.Name}-r{TensorTiles.GroupRows(rows)}{(rows > 32 ? "-wide" : "")}", Instance(step.Pointwise, rows));

    /// <inheritdoc/>
    public override string? Refuse(KernelProblem problem) => TensorTiles.Refuse(problem);

    /// <inheritdoc/>
    public override IEnumerable<KernelVariant> Variants(KernelProblem problem) =>
        from warpRows in TensorTiles.WarpRows
        let groups = Tiles(problem.BatchSize, TensorTiles.GroupRows(warpRows)) * Tiles(problem.Columns4, TensorTiles.GroupColumns4(warpRows))
        select new KernelVariant(this, problem.Format, warpRows, 0, groups, Cost(problem, warpRows, groups));

    /// <inheritdoc/>
    public override FamilyRun Load(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize) => new StepRun(device, shape, batchSize, new(
        pointwise => Instance(pointwise, variant.Rows),
        (rows, columns4) => TensorTiles.Config(rows, columns4, variant.Rows),
        weights => weights.OnTensorCores(), Wait: true));

    private static double Cost(KernelProblem problem, int rows, int groups)
    {
        if (problem.Device.IsCpu)
            return double.MaxValue;
        double panel = rows == 16 ? 0.2 : rows == 32 ? 0.31 : 0.6, panels = (problem.HiddenSize + 15) / 16;
        return problem.Launch + (1.5 + Math.Max(1, problem.GroupsEach(groups)) * panels * panel) * problem.Slowness;
    }

    private static KernelInstance Instance(Type pointwise, int warpRows) => KernelInstance.Close(
        TensorGemmLoop.Lanes * TensorGemmLoop.Warps, TensorTiles.GroupsAtOnce(warpRows), typeof(TensorTiledStepKernel),
        [pointwise, .. TensorTiles.Types(warpRows), typeof(TripleTf32)]);
}
