using System.Globalization;
using FastRecurrence.Gpu.Kernels;

namespace FastRecurrence.Gpu;

/// <summary>
/// Which kernels a layer's batch runs on. Chosen when the state is made, from the shape, the rows and the device, never
/// from a sequence's length: single steps and whole sequences must give the same bits, and kernels differ in the order of
/// their sums. <see cref="KernelKind.Slice"/> and <see cref="KernelKind.Grid"/> have the same order, so a grid plan takes
/// slices for very short calls, and after a failure.
/// </summary>
/// <param name="Kind">The recurrent kernel.</param>
/// <param name="Format">How R is stored.</param>
/// <param name="Large">Large blocks, for tiles.</param>
/// <param name="Rows">Rows of a group's tile, for the others.</param>
/// <param name="Chunks">Chunks of R in registers, for sequences; 0 streams.</param>
/// <param name="Groups">Groups in the grid.</param>
/// <param name="Microseconds">What the model expects of a step in a long sequence; arithmetic, not measurement.</param>
/// <param name="Reason">Why, for people.</param>
internal sealed record KernelPlan(KernelKind Kind, WeightFormat Format, bool Large, int Rows, int Chunks, int Groups, double Microseconds, string Reason)
{
    /// <summary>Sequences shorter than this run step by step where the plan is a grid: its start costs about as much.</summary>
    public const int ShortestGridSequence = 4;

    /// <summary>What a narrow format's step may take of float32's, by the model, to be worth its rounding.</summary>
    public const double LeastGain = 0.95;

    /// <summary>
    /// Of a grid: the one that runs both directions of a bidirectional layer in one launch; null where it does not fit or two
    /// launches take less time. It may have other tiles: bits do not depend on them.
    /// </summary>
    public KernelPlan? BothDirections { get; private init; }

    /// <summary>The environment variable that forces a kernel where it can run: tile, slice, group or grid.</summary>
    public const string Variable = "FASTRECURRENCE_GPU_KERNEL";

    /// <summary>The choice.</summary>
    /// <param name="device">The device.</param>
    /// <param name="shape">The layer.</param>
    /// <param name="format">How R is stored. In a narrow format a textbook cell on a device with <see cref="SliceTile.Threads"/> threads a group has a choice at all.</param>
    /// <param name="batchSize">N, at least 1.</param>
    /// <param name="forced">A kernel to take if it can run; null for the best.</param>
    /// <param name="resident">Groups of the grid kernel with these chunks and rows that the device holds at once.</param>
    public static KernelPlan Choose(DeviceTraits device, LayerShape shape, WeightFormat format, int batchSize, ForcedKernel? forced, Func<int, int, int> resident)
    {
        KernelPlan plan = ChooseForOne(device, shape, format, batchSize, forced, resident);
        return plan.Kind == KernelKind.Grid ? plan.ForBoth(device, shape, batchSize, resident) : plan;
    }

    private static KernelPlan ChooseForOne(DeviceTraits device, LayerShape shape, WeightFormat format, int batchSize, ForcedKernel? forced, Func<int, int, int> resident)
    {
        var candidates = new List<KernelPlan>();
        var refused = new List<string>();
        foreach (KernelKind kind in Enum.GetValues<KernelKind>())
        {
            string? why = Refusal(device, shape, format, kind, forced?.Kind == kind);
            if (why is null)
            {
                int before = candidates.Count;
                candidates.AddRange(Variants(device, shape, format, batchSize, kind, forced?.LeastChunks ?? 0, resident));
                why = candidates.Count > before ? null : "its groups would not all be resident";
            }

            if (why is not null)
                refused.Add($"{Name(kind)}: {why}");
        }

        KernelPlan best = candidates.MinBy(p => p.Microseconds)!;
        string others = string.Join("; ", candidates.Where(p => p.Kind != best.Kind).GroupBy(p => p.Kind)
            .Select(g => string.Create(CultureInfo.InvariantCulture, $"{Name(g.Key)} {g.Min(p => p.Microseconds):0.00} µs")).Concat(refused));
        if (forced?.Kind is KernelKind kindForced && best.Kind != kindForced)
        {
            KernelPlan? wanted = candidates.Where(p => p.Kind == kindForced).MinBy(p => p.Microseconds);
            return wanted is not null ? wanted with { Reason = "forced" }
                : best with { Reason = $"{Name(kindForced)} was asked for but cannot run ({refused.First(r => r.StartsWith(Name(kindForced), StringComparison.Ordinal))})" };
        }

        return best with { Reason = string.Create(CultureInfo.InvariantCulture, $"model: {best.Microseconds:0.00} µs a step; {others}") };
    }

    /// <summary>A grid's plan, completed by what two directions would run on.</summary>
    private KernelPlan ForBoth(DeviceTraits device, LayerShape shape, int batchSize, Func<int, int, int> resident)
    {
        KernelPlan? both = Grids(device, shape, Format, batchSize, Chunks, directions: 2, resident).MinBy(p => p.Microseconds);
        if (both is null)
            return this with { Reason = $"{Reason}; two directions take two launches, since twice the groups would not all be resident" };
        if (both.Microseconds >= 2 * Microseconds)
            return this with { Reason = string.Create(CultureInfo.InvariantCulture, $"{Reason}; two directions take two launches, since one would take {both.Microseconds:0.00} µs a step") };
        both = both with { Reason = string.Create(CultureInfo.InvariantCulture, $"both directions in one launch, {both.Microseconds:0.00} µs a step") };
        return this with { BothDirections = both, Reason = $"{Reason}; {both.Reason} ({both.Groups} groups)" };
    }

    /// <summary>A kernel's name as <see cref="Variable"/> has it.</summary>
    public static string Name(KernelKind kind) => kind.ToString().ToLowerInvariant();

    /// <summary>The kernel that <see cref="Variable"/> asks for.</summary>
    /// <exception cref="ArgumentException">It names none.</exception>
    public static ForcedKernel? FromEnvironment()
    {
        string? value = Environment.GetEnvironmentVariable(Variable);
        if (string.IsNullOrEmpty(value))
            return null;
        foreach (KernelKind kind in Enum.GetValues<KernelKind>())
        {
            if (Name(kind) == value)
                return new ForcedKernel(kind);
        }

        throw new ArgumentException($"{Variable} is '{value}'; it may be {string.Join(", ", Enum.GetValues<KernelKind>().Select(Name))}.");
    }

    /// <summary>Threads of a group of <see cref="GroupSequenceKernel"/> at most, with so many chunks in registers.</summary>
    public static int GroupThreads(CellKind cell, int chunks) => chunks == 0
        ? GroupSequenceKernel.MaxQuads * GroupSequenceKernel.Slices
        : chunks * GroupSequenceKernel.ChunkDepth / (cell == CellKind.Elman ? 4 : 1) * GroupSequenceKernel.Slices;

    /// <summary>
    /// Rows that a group's registers hold beside so many chunks: none, where 64K words divided by its threads leave less
    /// than the weights and 64 more; fewer where they leave just that (narrow ones need room to be decoded to).
    /// </summary>
    public static int[] GroupRows(CellKind cell, WeightFormat format, int chunks)
    {
        int left = Math.Min(65536 / GroupThreads(cell, chunks), 255) - (format == WeightFormat.Float32 ? 16 : 8) * chunks;
        return left < 64 ? [] : left < (format == WeightFormat.Float32 ? 80 : 160) && chunks > 0 ? [1, 2] : [1, 4];
    }

    /// <summary>Chunks of the smallest instance that holds R over <paramref name="depth"/> k's; 0 when none does.</summary>
    public static int ChunksFor(WeightFormat format, int depth, int chunkDepth, int least = 0) =>
        CellKernels.ChunkCounts(format).FirstOrDefault(c => c * chunkDepth >= depth && c >= least);

    /// <summary>Quads of a grid's group with so many chunks.</summary>
    public static int GridQuads(int chunks) => CellKernels.IsWide(chunks) ? WideTile.Quads : SliceTile.Quads;

    /// <summary>The plan and its reason in a line.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Name(Kind)}{(Kind == KernelKind.Tile ? Large ? ", large blocks" : ", small blocks" : $", {Rows} rows a tile")}{(Kind >= KernelKind.Group ? Chunks > 0 ? $", R in registers ({Chunks} chunks)" : ", R streamed" : "")}{(Format == WeightFormat.Float32 ? "" : $", {Format}")}, {Groups} groups: {Reason}");

    private static string? Refusal(DeviceTraits device, LayerShape shape, WeightFormat format, KernelKind kind, bool forced)
    {
        int H = shape.HiddenSize, quads = PackedWeights.Quads(shape);
        switch (kind)
        {
            case not KernelKind.Tile when !CellKernels.IsTextbook(shape):
                return "the cell is a variation, which only tiles run";
            case KernelKind.Tile when format != WeightFormat.Float32:
                return $"reads R too rarely to gain by {format}";
            case KernelKind.Slice or KernelKind.Grid when device.MaxThreads < SliceTile.Threads:
                return $"needs groups of {SliceTile.Threads} threads";
            case KernelKind.Group when quads > GroupSequenceKernel.MaxQuads || H > GroupSequenceKernel.MaxHidden:
                return "the layer is too large for one group";
            case KernelKind.Group when quads * GroupSequenceKernel.Slices > device.MaxThreads:
                return $"needs groups of {quads * GroupSequenceKernel.Slices} threads";
            case KernelKind.Grid when H % 4 != 0:
                return "H is not a multiple of 4";
            case KernelKind.Grid when ChunksFor(format, H, SliceTile.ChunkDepth) == 0:
                return $"H is beyond {CellKernels.ChunkCounts(format)[^1] * SliceTile.ChunkDepth}";
            case KernelKind.Grid when device.Kind != DeviceKind.Cuda && !forced:
                return "only CUDA promises that resident groups all make progress";
            default:
                return null;
        }
    }

    private static IEnumerable<KernelPlan> Variants(DeviceTraits device, LayerShape shape, WeightFormat format, int N, KernelKind kind, int leastChunks, Func<int, int, int> resident)
    {
        var model = new StepModel(device, shape, format, N);
        int H = shape.HiddenSize, quads = PackedWeights.Quads(shape);
        switch (kind)
        {
            case KernelKind.Tile:
                foreach (bool large in (bool[])[false, true])
                {
                    int groups = Tiles(N, (large ? 2 : 1) * GemmTile.GroupRows) * Tiles(quads, (large ? 2 : 1) * GemmTile.QuadThreads);
                    yield return new(kind, format, large, 0, 0, groups, model.Tile(groups, large), "");
                }

                break;
            case KernelKind.Slice:
                foreach (int rows in CellKernels.RowCounts)
                {
                    int groups = Tiles(N, rows) * Tiles(quads, SliceTile.Quads);
                    yield return new(kind, format, false, rows, 0, groups, model.Slice(groups, rows), "");
                }

                break;
            case KernelKind.Group:
                int held = ChunksFor(format, H, GroupSequenceKernel.ChunkDepth, leastChunks);
                held = GroupRows(shape.Cell, format, held).Length > 0 ? held : 0;
                foreach (int rows in GroupRows(shape.Cell, format, held))
                    yield return new(kind, format, false, rows, held, Tiles(N, rows), model.Group(Tiles(N, rows), rows, held > 0), "");
                break;
            case KernelKind.Grid:
                foreach (KernelPlan grid in Grids(device, shape, format, N, leastChunks, directions: 1, resident))
                    yield return grid;
                break;
        }
    }

    /// <summary>The grids that are resident as a whole.</summary>
    private static IEnumerable<KernelPlan> Grids(DeviceTraits device, LayerShape shape, WeightFormat format, int N, int leastChunks, int directions, Func<int, int, int> resident)
    {
        var model = new StepModel(device, shape, format, N);
        int chunks = ChunksFor(format, shape.HiddenSize, SliceTile.ChunkDepth, leastChunks), quads = GridQuads(chunks);
        int together = CellKernels.IsWide(chunks) ? WideTile.RowsTogether(chunks) : PairedTile.RowsTogether(chunks);
        foreach (int rows in CellKernels.GridRows(format, chunks))
        {
            int groups = directions * Tiles(N, rows) * Tiles(PackedWeights.Quads(shape), quads);
            if (groups <= device.Multiprocessors * 4 && groups <= resident(chunks, rows))
                yield return new(KernelKind.Grid, format, false, rows, chunks, groups, model.Grid(groups, directions, rows, quads, together), "");
        }
    }

    private static int Tiles(int count, int size) => (count - 1) / size + 1;
}
