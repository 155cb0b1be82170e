using System.Reflection;
using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <summary>Launches <see cref="InputGemmKernel"/>.</summary>
internal delegate void InputGemmLaunch(AcceleratorStream stream, KernelConfig config, ArrayView<float> input, ArrayView<Quad> weights, ArrayView<Quad> bias, ArrayView<Quad> preactivation, int rowCount, int inputSize, int quads);

/// <summary>Launches <see cref="TileStepKernel"/> or <see cref="SliceStepKernel"/>.</summary>
internal delegate void StepLaunch(AcceleratorStream stream, KernelConfig config, ArrayView<float> hidden, ArrayView<Quad> weights, ArrayView<Quad> preactivation, ArrayView<float> own, ArrayView<float> output, ArrayView<float> gates, int batchSize, int depth, int hiddenSize, int quads, CellParameters cell, int wantGates);

/// <summary>Launches <see cref="GroupSequenceKernel"/>.</summary>
internal delegate void GroupSequenceLaunch(AcceleratorStream stream, KernelConfig config, ArrayView<float> initial, ArrayView<float> output, ArrayView<Quad> weights, ArrayView<Quad> preactivation, ArrayView<float> own, ArrayView<float> gates, int steps, int batchSize, int hiddenSize, int quads, CellParameters cell, int wantGates);

/// <summary>Launches <see cref="GridSequenceKernel"/>.</summary>
internal delegate void GridSequenceLaunch(AcceleratorStream stream, KernelConfig config, ArrayView<float> initial, ArrayView<float> output, ArrayView<Quad> weights, ArrayView<Quad> preactivation, ArrayView<float> own, ArrayView<float> nextOwn, ArrayView<float> gates, ArrayView<int> flags, int steps, int batchSize, int hiddenSize, int quads, CellParameters cell, int wantGates, int pollBudget);

/// <summary>
/// The kernels' instances: a generic method closed over the cell, the rows of a tile and the way weights are held. A plan
/// names one of each; this class knows the types.
/// </summary>
internal static class CellKernels
{
    /// <summary>Rows in the registers of a thread of the sliced kernels.</summary>
    public static IReadOnlyList<int> RowCounts { get; } = [1, 4, 8];

    /// <summary>Cells that every kernel is built for, as textbooks have them.</summary>
    public static IReadOnlyList<CellKind> Cells { get; } = [CellKind.Lstm, CellKind.Gru, CellKind.Elman];

    /// <summary>Chunks of R that a thread can hold in registers; 0 streams.</summary>
    public static IReadOnlyList<int> ChunkCounts { get; } = [0, 1, 2, 3, 4, 6, 8];

    /// <summary>The input GEMM, with large or small blocks.</summary>
    public static MethodInfo InputGemm(bool large) => Close(typeof(InputGemmKernel), Block(large));

    /// <summary>A step by tiles.</summary>
    public static MethodInfo TileStep(CellKind cell, bool large) => TileStep(Epilogue(cell), large);

    /// <summary>A step by tiles, with the epilogue that a shape needs.</summary>
    public static MethodInfo TileStep(LayerShape shape, bool large) => TileStep(
        IsTextbook(shape) ? Epilogue(shape.Cell)
        : shape.Cell == CellKind.Elman ? typeof(VariedElmanEpilogue)
        : shape.Cell == CellKind.Lstm ? typeof(VariedLstmEpilogue)
        : shape.LinearBeforeReset ? typeof(VariedGruEpilogue)
        : typeof(GruResetEpilogue), large);

    /// <summary>The second launch of a step of a GRU that resets before its product.</summary>
    public static MethodInfo CandidateStep(bool large) => TileStep(typeof(GruCandidateEpilogue), large);

    /// <summary>Whether a shape's cell has the fused epilogue that all kernels have.</summary>
    public static bool IsTextbook(LayerShape shape) => shape.IsStandard && shape.ProjectionSize == 0
        && (shape.Cell != CellKind.Gru || shape.LinearBeforeReset) && (shape.Cell != CellKind.Elman || shape.Activation <= Activation.Relu);

    /// <summary>A step by slices.</summary>
    public static MethodInfo SliceStep(CellKind cell, int rows) => Close(typeof(SliceStepKernel), Epilogue(cell), Rows(rows));

    /// <summary>A sequence by groups.</summary>
    public static MethodInfo GroupSequence(CellKind cell, int chunks, int rows) =>
        Close(typeof(GroupSequenceKernel), Epilogue(cell), Weights(chunks), Rows(rows));

    /// <summary>A sequence by a grid that stays.</summary>
    public static MethodInfo GridSequence(CellKind cell, int chunks, int rows, bool cuda) =>
        Close(typeof(GridSequenceKernel), Epilogue(cell), Weights(chunks), Rows(rows), cuda ? typeof(CudaExchange) : typeof(AtomicExchange));

    /// <summary>Every instance that a CUDA device may be given, by a name that says what it is; for tests and reports that compile them without a device.</summary>
    public static IEnumerable<(string Name, MethodInfo Method, int Threads)> All
    {
        get
        {
            foreach (bool large in (bool[])[false, true])
                yield return ($"input-gemm-{Size(large)}", InputGemm(large), GemmTile.Threads);
            foreach (Type epilogue in (Type[])[typeof(VariedLstmEpilogue), typeof(VariedGruEpilogue), typeof(GruResetEpilogue), typeof(GruCandidateEpilogue), typeof(VariedElmanEpilogue)])
            {
                foreach (bool large in (bool[])[false, true])
                    yield return ($"tile-step-{epilogue.Name.Replace("Epilogue", "", StringComparison.Ordinal).ToLowerInvariant()}-{Size(large)}", TileStep(epilogue, large), GemmTile.Threads);
            }

            foreach (CellKind cell in Cells)
            {
                string name = cell.ToString().ToLowerInvariant();
                foreach (bool large in (bool[])[false, true])
                    yield return ($"tile-step-{name}-{Size(large)}", TileStep(cell, large), GemmTile.Threads);
                foreach (int rows in RowCounts)
                    yield return ($"slice-step-{name}-r{rows}", SliceStep(cell, rows), SliceTile.Threads);
                foreach (int chunks in ChunkCounts)
                {
                    foreach (int rows in KernelPlan.GroupRows(cell, chunks))
                        yield return ($"group-sequence-{name}-c{chunks}-r{rows}", GroupSequence(cell, chunks, rows), KernelPlan.GroupThreads(cell, chunks));
                    if (chunks > 0)
                    {
                        foreach (int rows in RowCounts)
                            yield return ($"grid-sequence-{name}-c{chunks}-r{rows}", GridSequence(cell, chunks, rows, cuda: true), SliceTile.Threads);
                    }
                }
            }
        }
    }

    private static string Size(bool large) => large ? "large" : "small";

    private static Type Block(bool large) => large ? typeof(LargeBlock) : typeof(SmallBlock);

    private static Type Epilogue(CellKind cell) => cell switch
    {
        CellKind.Lstm => typeof(LstmEpilogue),
        CellKind.Gru => typeof(GruEpilogue),
        _ => typeof(ElmanEpilogue),
    };

    private static MethodInfo TileStep(Type epilogue, bool large) => Close(typeof(TileStepKernel), epilogue, Block(large));

    private static Type Rows(int rows) => rows switch
    {
        1 => typeof(OneRow),
        2 => typeof(TwiceRows<OneRow>),
        4 => typeof(TwiceRows<TwiceRows<OneRow>>),
        8 => typeof(TwiceRows<TwiceRows<TwiceRows<OneRow>>>),
        _ => throw new ArgumentOutOfRangeException(nameof(rows), rows, "1, 2, 4 or 8."),
    };

    private static Type Weights(int chunks) => chunks switch
    {
        0 => typeof(Streamed),
        1 => typeof(HeldChunk),
        2 => typeof(TwiceHeld<HeldChunk>),
        3 => typeof(ThriceHeld<HeldChunk>),
        4 => typeof(TwiceHeld<TwiceHeld<HeldChunk>>),
        6 => typeof(TwiceHeld<ThriceHeld<HeldChunk>>),
        8 => typeof(TwiceHeld<TwiceHeld<TwiceHeld<HeldChunk>>>),
        _ => throw new ArgumentOutOfRangeException(nameof(chunks), chunks, "0, 1, 2, 3, 4, 6 or 8."),
    };

    private static MethodInfo Close(Type kernel, params Type[] arguments) => kernel.GetMethod("Run")!.MakeGenericMethod(arguments);
}
