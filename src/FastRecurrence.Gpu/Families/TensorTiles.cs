using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

/// <summary>What the kernels on tensor cores are closed over.</summary>
internal static class TensorTiles
{
    /// <summary>Rows of a warp's tile.</summary>
    public static IReadOnlyList<int> WarpRows { get; } = [16, 32, 64];

    /// <summary>The types of a warp's tile and of its part of A.</summary>
    public static Type[] Types(int warpRows) => warpRows switch
    {
        16 => [typeof(Tile16), typeof(Left16)],
        32 => [typeof(Tile32), typeof(Left32)],
        64 => [typeof(Tile64), typeof(Left64)],
        _ => throw new ArgumentOutOfRangeException(nameof(warpRows), warpRows, "16, 32 or 64."),
    };

    /// <summary>Rows of a group's tile of <see cref="TensorGemmLoop"/>.</summary>
    public static int GroupRows(int warpRows) => warpRows << RowShift(warpRows);

    /// <summary>Float4 columns of it.</summary>
    public static int GroupColumns4(int warpRows) => (TensorGemmLoop.Warps >> RowShift(warpRows)) * 8;

    /// <summary>Groups that share a multiprocessor's registers.</summary>
    public static int GroupsAtOnce(int warpRows) => warpRows > 32 ? 1 : 2;

    /// <summary>A launch of the loop over so many rows and float4 columns. Rows lie along x, where a grid may have 2³¹−1 groups; along y only 65535.</summary>
    public static KernelConfig Config(int rows, int columns4, int warpRows) => new(
        new Index2D(KernelFamily.Tiles(rows, GroupRows(warpRows)), KernelFamily.Tiles(columns4, GroupColumns4(warpRows))),
        new Index2D(TensorGemmLoop.Lanes, TensorGemmLoop.Warps));

    private static int RowShift(int warpRows) => warpRows > 32 ? 1 : 2;

    /// <summary>Why a problem's recurrent product does not run on tensor cores as three tf32 products; null when it does.</summary>
    public static string? Refuse(KernelProblem problem) =>
        problem.RecurrentGemm == RecurrentGemm.Float32 ? "float32 arithmetic was asked for"
        : problem.Format != WeightFormat.Float32 ? $"takes R as Float32, not as {problem.Format}"
        : problem.Shape.Describe().RecurrentBlocks == 0 ? "the cell has no recurrent product"
        : problem.HiddenSize % 4 != 0 || problem.Shape.OutputSize % 4 != 0 ? "H or P is not a multiple of 4"
        : problem.Device.HasTensorCores || (problem.Device.Kind == DeviceKind.Emulator && problem.Forced is { Family: TensorTiledStep or TensorSplitKStep or TensorGridPersistent })
            ? null
        : "the device has no tensor cores for tf32";
}
