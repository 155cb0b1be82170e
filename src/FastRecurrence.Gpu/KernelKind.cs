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
