using FastRecurrence.Gpu.Kernels;

namespace FastRecurrence.Gpu.Families;

/// <summary>What the kernels on tensor cores are closed over.</summary>
internal static class TensorTiles
{
    /// <summary>Rows of a warp's tile.</summary>
    public static IReadOnlyList<int> WarpRows { get; } = [16, 32];

    /// <summary>The types of a warp's tile and of its part of A.</summary>
    public static Type[] Types(int warpRows) => warpRows switch
    {
        16 => [typeof(Tile16), typeof(Left16)],
        32 => [typeof(Tile32), typeof(Left32)],
        _ => throw new ArgumentOutOfRangeException(nameof(warpRows), warpRows, "16 or 32."),
    };

    /// <summary>Why a problem's recurrent product does not run on tensor cores as three tf32 products; null when it does.</summary>
    public static string? Refuse(KernelProblem problem) =>
        problem.RecurrentGemm == RecurrentGemm.Float32 ? "this backend keeps to float32 arithmetic"
        : problem.Format != WeightFormat.Float32 ? $"takes R as Float32, not as {problem.Format}"
        : problem.Shape.Describe().RecurrentBlocks == 0 ? "the cell has no recurrent product"
        : problem.HiddenSize % 4 != 0 || problem.Shape.OutputSize % 4 != 0 ? "H or P is not a multiple of 4"
        : problem.Device.HasTensorCores || (problem.Device.Kind == DeviceKind.Emulator && problem.Forced is { Family: TensorTiledStep or TensorSplitKStep })
            ? null
        : "the device has no tensor cores for tf32";
}
