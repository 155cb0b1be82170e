using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

/// <summary>Launches of <see cref="MoveRowsKernel"/>. Call all of it inside <see cref="GpuDevice.Enter"/>.</summary>
internal static class RowMoves
{
    // A grid may have 2³¹−1 groups along x; along y only 65535.
    private const int MostSteps = 65535;

    private static readonly KernelInstance s_kernel =
        new(typeof(MoveRowsKernel).GetMethod(nameof(MoveRowsKernel.Run))!, MoveRowsKernel.RowThreads * MoveRowsKernel.GroupRows);

    /// <summary>The kernel, by a name that says what it is.</summary>
    public static IEnumerable<(string Name, KernelInstance Kernel)> Instances => [("move-rows", s_kernel)];

    /// <summary>Enqueues the move; nothing where there is nothing to move.</summary>
    public static void Enqueue(GpuDevice device, AcceleratorStream queue, in MoveRowsArguments move)
    {
        if (move.Steps == 0 || move.Rows == 0 || move.Width == 0)
            return;
        var config = new KernelConfig(
            new Index2D(KernelFamily.Tiles(move.Rows, MoveRowsKernel.GroupRows), Math.Min(move.Steps, MostSteps)),
            new Index2D(MoveRowsKernel.RowThreads, MoveRowsKernel.GroupRows));
        device.Kernel<MoveRowsArguments>(s_kernel)(queue, config, move);
    }
}
