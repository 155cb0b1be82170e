using FastRecurrence.Cells;
using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

/// <summary>One step a launch, by tiles of many rows: a GEMM with the cell at its end. Runs every cell; others take few rows and long sequences.</summary>
internal sealed class TiledStep : KernelFamily
{
    /// <summary>Rows of a tile with small and with large blocks of a thread.</summary>
    public const int SmallRows = GemmLoop.GroupRows, LargeRows = 2 * GemmLoop.GroupRows;

    private TiledStep()
    {
    }

    /// <summary>The family.</summary>
    public static TiledStep Family { get; } = new();

    /// <inheritdoc/>
    public override string Name => "tiled-step";

    /// <inheritdoc/>
    public override string ShortName => "tile";

    /// <summary>The parts of cells that a step a launch is built for in reports: the default cells, and every kind of variation.</summary>
    public static IReadOnlyList<(string Name, Type Pointwise)> Steps { get; } =
    [
        .. KernelTypes.DefaultCells.Select(cell => (KernelTypes.Name(cell), KernelTypes.Pointwise(cell))),
        ("lstm-peepholes", KernelTypes.Pointwise(LayerShape.Lstm(4, 4) with { Peepholes = true })),
        ("lstm-any", KernelTypes.Pointwise(
            LayerShape.Lstm(4, 4) with { Peepholes = true, CoupledInputForget = true, CellActivation = Activation.Softsign })),
        ("gru-any", KernelTypes.Pointwise(LayerShape.Gru(4, 4) with { GateActivation = Activation.HardSigmoid })),
        ("gru-reset", KernelTypes.Pointwise(LayerShape.Gru(4, 4, linearBeforeReset: false))),
        ("gru-candidate", DeviceCell.Of(LayerShape.Gru(4, 4, linearBeforeReset: false)).Emit),
        ("elman-linear", typeof(Pointwise<ElmanCell<LinearCandidate>>)),
        ("elman-any", KernelTypes.Pointwise(LayerShape.Elman(4, 4, Activation.Softplus))),
    ];

    /// <inheritdoc/>
    public override IEnumerable<(string Name, KernelInstance Kernel)> Instances =>
        from rows in (int[])[SmallRows, LargeRows]
        from step in Steps
        from loads in rows == LargeRows ? (bool[])[false, true] : [false]
        select ($"{Name}-{step.Name}-r{rows}{(loads ? "-async" : "")}", Instance(step.Pointwise, rows, loads));

    /// <inheritdoc/>
    public override string? Refuse(KernelProblem problem) =>
        problem.Format == WeightFormat.Float32 ? null : $"reads R too rarely to gain by {problem.Format}";

    /// <inheritdoc/>
    public override IEnumerable<KernelVariant> Variants(KernelProblem problem)
    {
        foreach (int rows in (int[])[SmallRows, LargeRows])
        {
            int groups = Tiles(problem.BatchSize, rows) * Tiles(problem.Columns4, Columns4(rows));
            double cost = IsAsync(problem.Device, problem.Shape, rows) && !problem.Device.IsCpu ? AsyncCost(problem, groups) : Cost(problem, rows, groups);
            yield return new(this, problem.Format, rows, 0, groups, cost);
        }
    }

    /// <inheritdoc/>
    public override FamilyRun Load(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize)
    {
        bool loadsAhead = IsAsync(device.Traits, shape, variant.Rows);
        return new StepRun(device, shape, batchSize, new(
            pointwise => Instance(pointwise, variant.Rows, loadsAhead),
            (rows, columns4) => Config(rows, columns4, variant.Rows),
            weights => weights.Plain,
            Wait: false));
    }

    private static double Cost(KernelProblem problem, int rows, int groups)
    {
        if (problem.Device.IsCpu)
            return problem.Launch + problem.Waves(groups) * problem.CpuProducts(rows, Columns4(rows)) * 2.9;

        // A panel of 16 k's of one group alone, longer the more of its rows there are, and what each of up to four groups beside it adds.
        const int Together = 4;
        bool large = rows == LargeRows;
        double panel = large ? 4.46 : 1.27 + 0.022 * Math.Min(problem.BatchSize, SmallRows), beside = large ? 1.06 : 0.3;
        double each = problem.GroupsEach(groups), rounds = Math.Max(1, each / Together);
        double panels = (problem.HiddenSize + GemmLoop.Depth - 1) / GemmLoop.Depth * rounds * (panel + beside * (Math.Min(each, Together) - 1));
        return problem.Launch + panels * problem.Slowness * (problem.ExceedsL2 ? 1.37 : 1);
    }

    // A panel of one group, what each group beside it adds, and the cell at the end.
    private static double AsyncCost(KernelProblem problem, int groups)
    {
        const double Panel = 1.05, Beside = 0.75, Ends = 2;
        double panels = (problem.HiddenSize + AsyncGemmLoop.Depth - 1) / AsyncGemmLoop.Depth * (Panel + Beside * (problem.GroupsEach(groups) - 1));
        return problem.Launch + (Ends * problem.Waves(groups) + panels) * problem.Slowness;
    }

    /// <summary>Whether large tiles have their loads on the way while they multiply: rows must begin at 16 bytes.</summary>
    private static bool IsAsync(DeviceTraits device, LayerShape shape, int rows) => rows == LargeRows && device.HasAsyncCopies
        && shape.HiddenSize % 4 == 0 && shape.OutputSize % 4 == 0 && shape.Describe().RecurrentBlocks > 0;

    private static int Columns4(int rows) => rows / SmallRows * GemmLoop.ColumnThreads;

    private static KernelInstance Instance(Type pointwise, int rows, bool loadsAhead) => loadsAhead
        ? KernelInstance.Close(AsyncGemmLoop.Threads, 1, typeof(AsyncTiledStepKernel), pointwise)
        : KernelInstance.Close(GemmLoop.Threads, 1, typeof(TiledStepKernel), pointwise, rows == LargeRows ? typeof(LargeBlock) : typeof(SmallBlock));

    // Rows lie along x, where a grid may have 2³¹−1 groups; along y only 65535.
    private static KernelConfig Config(int rows, int columns4, int tileRows) => new(
        new Index2D(Tiles(rows, tileRows), Tiles(columns4, Columns4(tileRows))), new Index2D(GemmLoop.ColumnThreads, GemmLoop.RowThreads));
}
