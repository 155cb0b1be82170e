using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>The group of the two sliced kernels: 8 quads × 32 slices; a warp is all quads of 4 slices, so that a load of h serves 8 threads.</summary>
internal static class SliceTile
{
    public const int Quads = 8;

    public const int Slices = 32;

    public const int Threads = Quads * Slices;

    /// <summary>k's in a chunk of every slice.</summary>
    public const int ChunkDepth = 4 * Slices;

    /// <summary>Its binary logarithm.</summary>
    public const int ChunkShift = 7;

    /// <summary>k's of h in shared memory at once, and the largest H whose R stays in registers: 8 chunks.</summary>
    public const int MaxHidden = 8 * ChunkDepth;

    /// <summary>Quads of one row of h in shared memory; also of one row's partial sums.</summary>
    public const int Row = MaxHidden / 4;
}

/// <summary>
/// A group of <see cref="GridSequenceKernel"/>: some quads × <see cref="SliceTile.Slices"/>. A row of h is a quad for each
/// thread, so that each fetches one; more quads make room for a larger H. The order of the sums does not depend on it.
/// </summary>
internal interface IGridTile
{
    /// <summary>Quads whose R a group holds.</summary>
    static abstract int Quads { get; }

    /// <summary>
    /// <see cref="SliceTile.Slices"/>: as a constant, for which compilers fetch all slices' sums at once into 128 registers,
    /// or as the launch has it, which leaves the registers to the weights.
    /// </summary>
    static abstract int Slices { get; }

    /// <summary>Rows that are multiplied at a time: their sums and h need registers beside so many chunks.</summary>
    static abstract int RowsTogether(int chunks);
}

/// <summary>That of <see cref="SliceTile"/>, alone on its multiprocessor: H up to 1024, 255 registers a thread.</summary>
internal readonly struct LoneTile : IGridTile
{
    public static int Quads => SliceTile.Quads;

    public static int Slices => SliceTile.Slices;

    public static int RowsTogether(int chunks) => 4;
}

/// <summary>The same, two on a multiprocessor: 128 registers a thread.</summary>
internal readonly struct PairedTile : IGridTile
{
    public static int Quads => SliceTile.Quads;

    public static int Slices => Group.DimY;

    public static int RowsTogether(int chunks) => chunks > 6 ? 2 : 4;
}

/// <summary>Half as many quads again: H up to 1536, 168 registers a thread.</summary>
internal readonly struct WideTile : IGridTile
{
    public static int Quads => 12;

    public static int Slices => Group.DimY;

    public static int RowsTogether(int chunks) => 2;
}
