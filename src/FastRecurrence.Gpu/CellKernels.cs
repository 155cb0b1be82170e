using FastRecurrence.Gpu.Kernels;

namespace FastRecurrence.Gpu;

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
    public static IReadOnlyList<int> ChunkCounts(WeightFormat format) =>
        format == WeightFormat.Float32 ? [0, 1, 2, 3, 4, 6, 8] : [0, 1, 2, 3, 4, 6, 8, 12];

    /// <summary>The input GEMMs on tensor cores.</summary>
    public static IReadOnlyList<InputGemm> TensorGemms { get; } = [Gpu.InputGemm.Tf32, Gpu.InputGemm.TripleTf32, Gpu.InputGemm.Bfloat16];

    /// <summary>The input GEMM, for many rows or few.</summary>
    public static CellKernel InputGemm(InputGemm gemm, bool large) => gemm switch
    {
        Gpu.InputGemm.Tf32 => TensorGemm(typeof(SingleTf32), 2, large),
        Gpu.InputGemm.Bfloat16 => TensorGemm(typeof(SingleBfloat16), 2, large),
        Gpu.InputGemm.TripleTf32 => TensorGemm(typeof(TripleTf32), 1, large), // two groups a multiprocessor would spill
        _ => Close(GemmTile.Threads, 1, typeof(InputGemmKernel), Block(large)),
    };

    /// <summary>A step by tiles, as textbooks have it.</summary>
    public static CellKernel TileStep(CellKind cell, bool large) => TileStep(Epilogue(cell), large);

    /// <summary>A step by tiles, with the epilogue that a shape needs.</summary>
    public static CellKernel TileStep(LayerShape shape, bool large) => TileStep(
        IsTextbook(shape) ? Epilogue(shape.Cell)
        : shape.Cell == CellKind.Elman ? typeof(VariedElmanEpilogue)
        : shape.Cell == CellKind.Lstm ? typeof(VariedLstmEpilogue)
        : shape.LinearBeforeReset ? typeof(VariedGruEpilogue)
        : typeof(GruResetEpilogue), large);

    /// <summary>The second launch of a step of a GRU that resets before its product.</summary>
    public static CellKernel CandidateStep(bool large) => TileStep(typeof(GruCandidateEpilogue), large);

    /// <summary>Whether a shape's cell has the fused epilogue that all kernels have.</summary>
    public static bool IsTextbook(LayerShape shape) => shape.Describe().IsDefault && shape.ProjectionSize == 0;

    /// <summary>A step by slices.</summary>
    public static CellKernel SliceStep(CellKind cell, WeightFormat format, int rows) =>
        Close(SliceTile.Threads, 1, typeof(SliceStepKernel), Epilogue(cell), Chunk(format), Rows(rows));

    /// <summary>A sequence by groups.</summary>
    public static CellKernel GroupSequence(CellKind cell, WeightFormat format, int chunks, int rows) =>
        Close(KernelPlan.GroupThreads(cell, chunks), 1, typeof(GroupSequenceKernel), Epilogue(cell), Weights(format, chunks), Rows(rows));

    /// <summary>A sequence by a grid that stays: where bfloat16 leaves room for it, two groups share a multiprocessor.</summary>
    public static CellKernel GridSequence(CellKind cell, WeightFormat format, int chunks, int rows, bool cuda)
    {
        Type tile = IsWide(chunks) ? typeof(WideTile) : format == WeightFormat.Float32 ? typeof(LoneTile) : typeof(PairedTile);
        return Close(KernelPlan.GridQuads(chunks) * SliceTile.Slices, tile == typeof(PairedTile) ? 2 : 1, typeof(GridSequenceKernel),
            Epilogue(cell), Weights(format, chunks), Rows(rows), tile, cuda ? typeof(CudaExchange) : typeof(AtomicExchange));
    }

    /// <summary>Whether a grid with so many chunks takes <see cref="WideTile"/>.</summary>
    public static bool IsWide(int chunks) => chunks > SliceTile.MaxHidden / SliceTile.ChunkDepth;

    /// <summary>
    /// Rows of the grid's tiles with so many chunks: eight of a wide one would not fit static shared memory, and beside
    /// eight chunks not the registers of one of a pair.
    /// </summary>
    public static IEnumerable<int> GridRows(WeightFormat format, int chunks) =>
        RowCounts.Where(rows => rows < 8 || format == WeightFormat.Float32 || chunks < 8);

    /// <summary>Every instance that a CUDA device may be given, by a name that says what it is; for tests and reports that compile them without a device.</summary>
    public static IEnumerable<(string Name, CellKernel Kernel)> All
    {
        get
        {
            foreach (bool large in (bool[])[false, true])
            {
                yield return ($"input-gemm-{Size(large)}", InputGemm(Gpu.InputGemm.Float32, large));
                foreach (InputGemm gemm in TensorGemms)
                    yield return ($"input-gemm-{gemm.ToString().ToLowerInvariant()}-{Size(large)}", InputGemm(gemm, large));
                foreach (Type epilogue in (Type[])[typeof(VariedLstmEpilogue), typeof(VariedGruEpilogue), typeof(GruResetEpilogue), typeof(GruCandidateEpilogue), typeof(VariedElmanEpilogue)])
                    yield return ($"tile-step-{epilogue.Name.Replace("Epilogue", "", StringComparison.Ordinal).ToLowerInvariant()}-{Size(large)}", TileStep(epilogue, large));
                foreach (CellKind cell in Cells)
                    yield return ($"tile-step-{Name(cell)}-{Size(large)}", TileStep(cell, large));
            }

            foreach (WeightFormat format in (WeightFormat[])[WeightFormat.Float32, WeightFormat.Bfloat16])
            {
                string suffix = format == WeightFormat.Float32 ? "" : "-bf16";
                foreach (CellKind cell in Cells)
                {
                    foreach (int rows in RowCounts)
                        yield return ($"slice-step-{Name(cell)}-r{rows}{suffix}", SliceStep(cell, format, rows));
                    foreach (int chunks in ChunkCounts(format))
                    {
                        foreach (int rows in KernelPlan.GroupRows(cell, format, chunks))
                            yield return ($"group-sequence-{Name(cell)}-c{chunks}-r{rows}{suffix}", GroupSequence(cell, format, chunks, rows));
                        foreach (int rows in GridRows(format, chunks).Where(_ => chunks > 0))
                            yield return ($"grid-sequence-{Name(cell)}-c{chunks}-r{rows}{suffix}", GridSequence(cell, format, chunks, rows, cuda: true));
                    }
                }
            }
        }
    }

    private static string Name(CellKind cell) => cell.ToString().ToLowerInvariant();

    private static string Size(bool large) => large ? "large" : "small";

    private static Type Block(bool large) => large ? typeof(LargeBlock) : typeof(SmallBlock);

    private static Type Epilogue(CellKind cell) => cell switch
    {
        CellKind.Lstm => typeof(LstmEpilogue),
        CellKind.Gru => typeof(GruEpilogue),
        _ => typeof(ElmanEpilogue),
    };

    private static CellKernel TileStep(Type epilogue, bool large) => Close(GemmTile.Threads, 1, typeof(TileStepKernel), epilogue, Block(large));

    private static CellKernel TensorGemm(Type product, int groupsAtOnce, bool large) =>
        Close(TensorGemmKernel.Lanes * TensorGemmKernel.Warps, groupsAtOnce, typeof(TensorGemmKernel), product, large ? typeof(TallTile) : typeof(FlatTile));

    private static Type Rows(int rows) => rows switch
    {
        1 => typeof(OneRow),
        2 => typeof(TwiceRows<OneRow>),
        4 => typeof(TwiceRows<TwiceRows<OneRow>>),
        8 => typeof(TwiceRows<TwiceRows<TwiceRows<OneRow>>>),
        _ => throw new ArgumentOutOfRangeException(nameof(rows), rows, "1, 2, 4 or 8."),
    };

    private static Type Chunk(WeightFormat format) => format == WeightFormat.Float32 ? typeof(HeldChunk) : typeof(HeldPairs);

    private static Type Weights(WeightFormat format, int chunks)
    {
        Type type = chunks == 0 ? typeof(Streamed<>).MakeGenericType(Chunk(format)) : Chunk(format);
        if (chunks % 3 == 0 && chunks > 0)
            (type, chunks) = (typeof(ThriceHeld<>).MakeGenericType(type), chunks / 3);
        for (; chunks > 1; chunks /= 2)
            type = typeof(TwiceHeld<>).MakeGenericType(type);
        return type;
    }

    private static CellKernel Close(int threads, int groupsAtOnce, Type kernel, params Type[] arguments) =>
        new(kernel.GetMethod("Run")!.MakeGenericMethod(arguments), threads, groupsAtOnce);
}
