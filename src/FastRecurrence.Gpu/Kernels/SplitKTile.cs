using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// The group of the two kernels that share k's out: 8 float4 columns × 32 slices; a warp is all float4 columns of 4 slices, so that a load of h serves 8
/// threads.
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
