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
        select ($"{Name}-{step.Name}-r{rows * TensorGemmLoop.RowWarps}", Instance(step.Pointwise, rows));

    /// <inheritdoc/>
    public override string? Refuse(KernelProblem problem) => TensorTiles.Refuse(problem);

    /// <inheritdoc/>
    public override IEnumerable<KernelVariant> Variants(KernelProblem problem) =>
        from warpRows in TensorTiles.WarpRows
        let rows = warpRows * TensorGemmLoop.RowWarps
        let groups = Tiles(problem.BatchSize, rows) * Tiles(problem.Columns4, TensorGemmLoop.TileColumns4)
        select new KernelVariant(this, problem.Format, rows, 0, groups, Cost(problem, rows, groups));

    /// <inheritdoc/>
    public override FamilyRun Load(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize) => new StepRun(device, shape, batchSize, new(
        pointwise => Instance(pointwise, variant.Rows / TensorGemmLoop.RowWarps),
        (rows, columns4) => Config(rows, columns4, variant.Rows),
        weights => weights.OnTensorCores(), Wait: true));

    /// <summary>A launch of the loop over so many rows and float4 columns. Rows lie along x, where a grid may have 2³¹−1 groups; along y only 65535.</summary>
    public static KernelConfig Config(int rows, int columns4, int tileRows) => new(
        new Index2D(Tiles(rows, tileRows), Tiles(columns4, TensorGemmLoop.TileColumns4)), new Index2D(TensorGemmLoop.Lanes, TensorGemmLoop.Warps));

    private static double Cost(KernelProblem problem, int rows, int groups)
    {
        if (problem.Device.IsCpu)
            return double.MaxValue;
        // A panel of one group alone on its multiprocessor, and of one beside others; then the cell at the end.
        const double Ends = 1.2;
        (double alone, double beside) = rows == 64 ? (0.50, 0.365) : (0.76, 0.67);
        double panels = (problem.HiddenSize + TensorGemmLoop.Depth - 1) / TensorGemmLoop.Depth;
        return problem.WaitingLaunch + (Ends + panels * Math.Max(alone, problem.GroupsEach(groups) * beside)) * problem.Slowness;
    }

    private static KernelInstance Instance(Type pointwise, int warpRows) => KernelInstance.Close(
        TensorGemmLoop.Lanes * TensorGemmLoop.Warps, 2, typeof(TensorTiledStepKernel), [pointwise, .. TensorTiles.Types(warpRows), typeof(TripleTf32)]);
}
