using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <summary>The loaded kernels of one plan, and the shapes of their launches.</summary>
internal sealed class PlannedKernels
{
    private readonly int _quads;
    private readonly bool _tensor;
    private readonly InputGemmLaunch _smallGemm, _largeGemm;

    /// <summary>Loads what the plan of this shape needs. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public PlannedKernels(GpuDevice device, LayerShape shape, WeightFormat format, InputGemm inputGemm, int batchSize, ForcedKernel? forced)
    {
        (_quads, _tensor) = (PackedWeights.Quads(shape), CellKernels.TensorGemms.Contains(inputGemm));
        Plan = Choose(device, shape, format, batchSize, forced);

        _smallGemm = device.Kernel<InputGemmLaunch>(CellKernels.InputGemm(inputGemm, large: false));
        _largeGemm = device.Kernel<InputGemmLaunch>(CellKernels.InputGemm(inputGemm, large: true));
        switch (Plan.Kind)
        {
            case KernelKind.Tile:
                Step = device.Kernel<StepLaunch>(CellKernels.TileStep(shape, Plan.Large));
                if (shape.Cell == CellKind.Gru && !shape.LinearBeforeReset)
                    CandidateStep = device.Kernel<StepLaunch>(CellKernels.CandidateStep(Plan.Large));
                if (shape.ProjectionSize != 0)
                    Project = device.Kernel<StepLaunch>(CellKernels.TileStep(CellKind.Elman, large: false));
                break;
            case KernelKind.Slice:
                Step = device.Kernel<StepLaunch>(CellKernels.SliceStep(shape.Cell, format, Plan.Rows));
                break;
            case KernelKind.Group:
                GroupSequence = device.Kernel<GroupSequenceLaunch>(CellKernels.GroupSequence(shape.Cell, format, Plan.Chunks, Plan.Rows));
                break;
            case KernelKind.Grid:
                GridSequence = Grid(device, shape, Plan);
                Step = device.Kernel<StepLaunch>(CellKernels.SliceStep(shape.Cell, format, Plan.Rows));
                break;
        }
    }

    /// <summary>A grid plan's kernel. Call it inside <see cref="GpuDevice.Enter"/>.</summary>
    public static GridSequenceLaunch Grid(GpuDevice device, LayerShape shape, KernelPlan plan) =>
        device.Kernel<GridSequenceLaunch>(CellKernels.GridSequence(shape.Cell, plan.Format, plan.Chunks, plan.Rows, device.Traits.Kind == DeviceKind.Cuda));

    /// <summary>The choice alone. Call it inside <see cref="GpuDevice.Enter"/>: it may load kernels, to ask for their occupancy.</summary>
    public static KernelPlan Choose(GpuDevice device, LayerShape shape, WeightFormat format, int batchSize, ForcedKernel? forced) =>
        KernelPlan.Choose(device.Traits, shape, format, batchSize, forced, (chunks, rows) => forced is { ResidentGroups: > 0 } ? forced.ResidentGroups
            : device.Resident<GridSequenceLaunch>(CellKernels.GridSequence(shape.Cell, format, chunks, rows, device.Traits.Kind == DeviceKind.Cuda)));

    /// <summary>The choice.</summary>
    public KernelPlan Plan { get; }

    /// <summary>A step; null for a group plan, whose sequence of one step it is.</summary>
    public StepLaunch? Step { get; }

    /// <summary>The second launch of a step of a GRU that resets before its product.</summary>
    public StepLaunch? CandidateStep { get; }

    /// <summary>The projection of a step: a linear Elman step without preactivations.</summary>
    public StepLaunch? Project { get; }

    public GroupSequenceLaunch? GroupSequence { get; }

    public GridSequenceLaunch? GridSequence { get; }

    /// <summary>The input GEMM for so many rows: large blocks where they fill the device's tiles.</summary>
    public InputGemmLaunch InputGemm(int rows, out KernelConfig config)
    {
        bool large = rows > 2 * GemmTile.GroupRows;
        config = !_tensor ? TileConfig(rows, large) : large ? TensorConfig<TallTile>(rows) : TensorConfig<FlatTile>(rows);
        return large ? _largeGemm : _smallGemm;
    }

    /// <summary>The launch of a step, or of a sequence, over so many rows.</summary>
    public KernelConfig Config(int rows) => Plan.Kind switch
    {
        KernelKind.Tile => TileConfig(rows, Plan.Large),
        KernelKind.Group => new KernelConfig(new Index2D(Tiles(rows, Plan.Rows), 1), new Index2D(_quads, GroupSequenceKernel.Slices)),
        _ => SliceConfig(rows, SliceTile.Quads),
    };

    /// <summary>The launch of a grid's sequence over so many rows.</summary>
    public KernelConfig GridConfig(int rows) => SliceConfig(rows, KernelPlan.GridQuads(Plan.Chunks));

    /// <summary>The launch of both directions' sequence over so many rows.</summary>
    public KernelConfig BothConfig(int rows)
    {
        KernelPlan both = Plan.BothDirections!;
        int quads = KernelPlan.GridQuads(both.Chunks);
        return new(new Index3D(Tiles(_quads, quads), Tiles(rows, both.Rows), 2), new Index3D(quads, SliceTile.Slices, 1));
    }

    private KernelConfig SliceConfig(int rows, int quads) =>
        new(new Index2D(Tiles(_quads, quads), Tiles(rows, Plan.Rows)), new Index2D(quads, SliceTile.Slices));

    // Rows lie along x, where a grid may have 2³¹−1 groups; along y only 65535.
    private KernelConfig TileConfig(int rows, bool large) => new(
        new Index2D(Tiles(rows, GemmTile.GroupRows * (large ? 2 : 1)), Tiles(_quads, GemmTile.QuadThreads * (large ? 2 : 1))),
        new Index2D(GemmTile.QuadThreads, GemmTile.RowThreads));

    private KernelConfig TensorConfig<TTile>(int rows)
        where TTile : struct, ITensorTile => new(
        new Index2D(Tiles(rows, TTile.RowWarps * TensorGemmKernel.WarpRows), Tiles(_quads * PackedWeights.Lanes, TTile.ColumnWarps * TensorGemmKernel.WarpColumns)),
        new Index2D(TensorGemmKernel.Lanes, TensorGemmKernel.Warps));

    /// <summary>The launch of <see cref="Project"/> over so many rows, to so many quads.</summary>
    public static KernelConfig ProjectConfig(int rows, int quads) => new(
        new Index2D(Tiles(rows, GemmTile.GroupRows), Tiles(quads, GemmTile.QuadThreads)),
        new Index2D(GemmTile.QuadThreads, GemmTile.RowThreads));

    private static int Tiles(int count, int size) => (count - 1) / size + 1;
}
