namespace FastRecurrence.Gpu;

/// <summary>The recurrent kernels, by what one launch does.</summary>
internal enum KernelKind
{
    /// <summary><see cref="Kernels.TileStepKernel"/>: one step, tiles of many rows.</summary>
    Tile,

    /// <summary><see cref="Kernels.SliceStepKernel"/>: one step, few rows.</summary>
    Slice,

    /// <summary><see cref="Kernels.GroupSequenceKernel"/>: a sequence, a group for each tile of rows.</summary>
    Group,

    /// <summary><see cref="Kernels.GridSequenceKernel"/>: a sequence, a grid that stays.</summary>
    Grid,
}

/// <summary>A kernel that is taken where it can run, whatever the model says.</summary>
/// <param name="Kind">The kernel.</param>
/// <param name="LeastChunks">Its instance for at least so many chunks in registers, though fewer would do: tests run those of large layers on small ones.</param>
/// <param name="ResidentGroups">0, or groups that are taken to be resident at once, against what the device says: tests make a grid give up.</param>
internal sealed record ForcedKernel(KernelKind Kind, int LeastChunks = 0, int ResidentGroups = 0);
