using FastRecurrence.Cells;
using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

using Buffer = MemoryBuffer1D<float, Stride1D.Dense>;

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

    /// <inheritdoc/>
    public override IEnumerable<(string Name, KernelInstance Kernel)> Instances =>
        from rows in (int[])[SmallRows, LargeRows]
        from step in (IEnumerable<(string Name, Type Pointwise)>)
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
        ]
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
    public override FamilyRun Load(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize) =>
        new Loaded(device, shape, variant.Rows, batchSize);

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

    // Predicted from the machine code's cycles, not measured: a panel of one group, what each group beside it adds, and the cell at the end.
    private static double AsyncCost(KernelProblem problem, int groups)
    {
        const double Panel = 0.64, Beside = 0.56, Ends = 2;
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

    /// <summary>The kernels of a state: one launch a step, or two for a GRU that resets before its product and for an LSTM with a projection.</summary>
    private sealed class Loaded : FamilyRun
    {
        private readonly GpuDevice _device;
        private readonly int _tileRows;
        private readonly KernelLaunch<StepArguments> _step;
        private readonly KernelLaunch<StepArguments>? _candidate, _project;
        private readonly Buffer? _intermediate, _zeros;

        public Loaded(GpuDevice device, LayerShape shape, int tileRows, int batchSize)
        {
            (_device, _tileRows) = (device, tileRows);
            DeviceCell cell = DeviceCell.Of(shape);
            bool loadsAhead = IsAsync(device.Traits, shape, tileRows);
            SecondProduct second = shape.Describe().Second;
            _step = device.Kernel<StepArguments>(Instance(cell.Pointwise, tileRows, loadsAhead));
            if (second == SecondProduct.Candidate)
                _candidate = device.Kernel<StepArguments>(Instance(cell.Emit, tileRows, loadsAhead));
            if (second == SecondProduct.Projection)
                _project = device.Kernel<StepArguments>(Instance(typeof(Pointwise<ElmanCell<LinearCandidate>>), SmallRows, loadsAhead: false));
            try
            {
                if (_candidate is not null || _project is not null)
                    _intermediate = device.Allocate<float>((long)batchSize * shape.HiddenSize, "what goes from launch to launch of a step");
                if (_project is not null)
                    _zeros = device.Allocate<float>((long)batchSize * PackedWeights.Columns4(shape.ProjectionSize) * PackedWeights.Lanes, "zeros");
            }
            catch
            {
                Dispose();
                throw;
            }
        }

        public override void Run(in StepChunk chunk)
        {
            KernelConfig config = Config(chunk.Rows, chunk.Weights.Columns4, _tileRows);
            if (_project is not null)
                _zeros!.View.BaseView.MemSetToZero(chunk.Queue);
            for (int t = 0; t < chunk.Steps; t++)
            {
                StepArguments step = chunk.Step(t);
                if (_candidate is not null)
                    RunReset(chunk, config, step);
                else if (_project is not null)
                    RunProjected(chunk, config, step);
                else
                    _step(chunk.Queue, config, step);
            }
        }

        public override void Dispose()
        {
            _device.Free(_intermediate, _zeros);
            base.Dispose();
        }

        /// <summary>
        /// The gates and the left operand of the second product first (r, z and r∘h of a GRU); then the candidate's product, from what the first launch
        /// left where the preactivations were.
        /// </summary>
        private void RunReset(in StepChunk chunk, KernelConfig config, StepArguments step)
        {
            StepArguments first = step;
            (first.Output, first.Wanted, first.KeepsColumns) = (_intermediate!.View.BaseView, default, 1);
            _step(chunk.Queue, config, first);
            (step.Hidden, step.Weights, step.Depth) = (_intermediate.View.BaseView, chunk.Weights.Candidate, chunk.Shape.HiddenSize);
            _candidate!(chunk.Queue, config, step);
        }

        /// <summary>The cell, then its projection as a linear Elman step without preactivations.</summary>
        private void RunProjected(in StepChunk chunk, KernelConfig config, StepArguments step)
        {
            ArrayView<float> output = step.Output;
            step.Output = _intermediate!.View.BaseView;
            _step(chunk.Queue, config, step);
            int P = chunk.Shape.ProjectionSize, columns4 = PackedWeights.Columns4(P);
            _project!(chunk.Queue, Config(chunk.Rows, columns4, SmallRows), new StepArguments
            {
                Hidden = step.Output,
                Weights = chunk.Weights.Projection,
                Preactivation = _zeros!.View.BaseView.Cast<Float4>(),
                Carried = chunk.State.Cell,
                Output = output,
                Wanted = new() { Gates = step.Wanted.Gates, Cells = step.Wanted.Cells },
                Rows = chunk.Rows,
                Depth = chunk.Shape.HiddenSize,
                HiddenSize = P,
                Columns4 = columns4,
                Cell = chunk.Weights.Linear,
            });
        }
    }
}
