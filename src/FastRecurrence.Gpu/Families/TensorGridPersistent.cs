using FastRecurrence.Gpu.Kernels;
using ILGPU;

namespace FastRecurrence.Gpu.Families;

/// <summary>A persistent grid on tensor cores, for more rows than <see cref="GridPersistent"/>; <see cref="TensorSplitKStep"/> runs its steps.</summary>
internal sealed class TensorGridPersistent : GridFamily
{
    // Panels that a warp holds, and rows of a tile.
    private static readonly int[] s_chunks = [1, 2, 4, 8], s_rows = [8, 16];

    private TensorGridPersistent()
    {
    }

    /// <summary>The family.</summary>
    public static TensorGridPersistent Family { get; } = new();

    /// <inheritdoc/>
    public override string Name => "tensor-grid-persistent";

    /// <inheritdoc/>
    public override string ShortName => "tensor-grid";

    /// <inheritdoc/>
    public override IEnumerable<(string Name, KernelInstance Kernel)> Instances =>
        from cell in KernelTypes.DefaultCells
        from chunks in s_chunks
        from rows in s_rows
        where IsBuilt(chunks, rows)
        select ($"{Name}-{KernelTypes.Name(cell)}-c{chunks}-r{rows}", Instance(cell, WeightFormat.Float32, chunks, rows, cuda: true));

    /// <inheritdoc/>
    public override string? Refuse(KernelProblem problem) => Refuse(problem, TensorTiles.Refuse(problem));

    /// <inheritdoc/>
    public override IEnumerable<KernelVariant> Variants(KernelProblem problem, int directions, int leastChunks)
    {
        int chunks = s_chunks.First(c => c * SplitKTile.ChunkDepth >= problem.HiddenSize && c >= leastChunks);
        foreach (int rows in s_rows)
        {
            if (IsBuilt(chunks, rows) && Groups(problem, chunks, rows, directions) is int groups)
                yield return new(this, problem.Format, rows, chunks, groups, Cost(problem, rows, chunks, groups, directions));
        }
    }

    /// <inheritdoc/>
    public override FamilyRun Steps(GpuDevice device, LayerShape shape, KernelVariant variant, int batchSize) =>
        TensorSplitKStep.Load(device, shape, 16, batchSize);

    /// <inheritdoc/>
    public override ArrayView<Float4> Recurrent(DeviceWeights weights) => weights.OnTensorCores().Recurrent;

    /// <summary>Whether registers have room for so many rows beside the weights of so many panels.</summary>
    private static bool IsBuilt(int chunks, int rows) => chunks < 8 || rows == 8;

    private static double Cost(KernelProblem problem, int rows, int chunks, int groups, int directions)
    {
        const double Exchange = 0.6, ExchangePerGroup = 0.0021;
        double group = 0.55 + 0.08 * chunks * (rows / 8);
        return Exchange + ExchangePerGroup * groups / directions + problem.Waves(groups) * group * problem.Slowness;
    }

    /// <inheritdoc/>
    protected override KernelInstance Instance(LayerShape cell, WeightFormat format, int chunks, int rows, bool cuda)
    {
        Type row = rows == 8 ? typeof(Rows8) : typeof(Rows16);
        // Two panels together where registers have room for the halves of both.
        int together = chunks is 1 or 8 ? 1 : 2;
        (Type panels, Type hidden) = together == 1
            ? (typeof(OnePanel<>).MakeGenericType(row), row)
            : (typeof(TwoPanels<>).MakeGenericType(row), typeof(TwiceHidden<>).MakeGenericType(row));
        for (int held = together; held < chunks; held *= 2)
            (panels, hidden) = (typeof(TwicePanels<,>).MakeGenericType(panels, hidden), typeof(TwiceHidden<>).MakeGenericType(hidden));
        return KernelInstance.Close(
            SplitKTile.Threads, chunks <= 2 ? 2 : 1, typeof(TensorGridKernel),
            KernelTypes.Pointwise(cell), panels, hidden, row, KernelTypes.Rows(rows), cuda ? typeof(CudaExchange) : typeof(AtomicExchange));
    }
}
