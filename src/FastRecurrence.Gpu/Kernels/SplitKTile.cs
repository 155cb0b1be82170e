using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// The group of the two sliced kernels: 8 float4 columns × 32 slices; a warp is all float4 columns of 4 slices, so that a load of h serves 8 threads.
/// </summary>
internal static class SplitKTile
{
    public const int Columns4 = 8;

    public const int Slices = 32;

    public const int Threads = Columns4 * Slices;

    /// <summary>k's in a chunk of every slice.</summary>
    public const int ChunkDepth = 4 * Slices;

    /// <summary>Its binary logarithm.</summary>
    public const int ChunkShift = 7;

    /// <summary>k's of h in shared memory at once, and the largest H whose R stays in registers: 8 chunks.</summary>
    public const int MaxHidden = 8 * ChunkDepth;

    /// <summary>Columns in fours of one row of h in shared memory; also of one row's partial sums.</summary>
    public const int Row = MaxHidden / 4;
}

/// <summary>
/// A group of <see cref="GridPersistentKernel"/>: some float4 columns × <see cref="SplitKTile.Slices"/>. A row of h is a float4 column for each
/// thread, so that each fetches one; more float4 columns make room for a larger H. The order of the sums does not depend on it.
/// </summary>
internal interface IGridTile
{
    /// <summary>Columns in fours whose R a group holds.</summary>
    static abstract int Columns4 { get; }

    /// <summary>
    /// <see cref="SplitKTile.Slices"/>: as a constant, for which compilers fetch all slices' sums at once into 128 registers,
    /// or as the launch has it, which leaves the registers to the weights.
    /// </summary>
    static abstract int Slices { get; }

    /// <summary>Rows that are multiplied at a time: their sums and h need registers beside so many chunks.</summary>
    static abstract int RowsTogether(int chunks);
}

/// <summary>That of <see cref="SplitKTile"/>, alone on its multiprocessor: H up to 1024, 255 registers a thread.</summary>
internal readonly struct SingleTile : IGridTile
{
    public static int Columns4 => SplitKTile.Columns4;

    public static int Slices => SplitKTile.Slices;

    public static int RowsTogether(int chunks) => 4;
}

/// <summary>The same, two on a multiprocessor: 128 registers a thread.</summary>
internal readonly struct PairedTile : IGridTile
{
    public static int Columns4 => SplitKTile.Columns4;

    public static int Slices => Group.DimY;

    public static int RowsTogether(int chunks) => chunks > 6 ? 2 : 4;
}

/// <summary>Half as many float4 columns again: H up to 1536, 168 registers a thread.</summary>
internal readonly struct WideTile : IGridTile
{
    public static int Columns4 => 12;

    public static int Slices => Group.DimY;

    public static int RowsTogether(int chunks) => 2;
}
