using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu.Families;

/// <summary>Launches of <see cref="MoveRowsKernel"/>. Call all of it inside <see cref="GpuDevice.Enter"/>.</summary>
internal static class RowMoves
{
    private static readonly KernelInstance s_kernel = new(typeof(MoveRowsKernel).GetMethod(nameof(MoveRowsKernel.Run))!, MoveRowsKernel.Threads);

    /// <summary>The kernel, by a name that says what it is.</summary>
    public static IEnumerable<(string Name, KernelInstance Kernel)> Instances => [("move-rows", s_kernel)];

    /// <summary>Enqueues the move; nothing where there is nothing to move.</summary>
    public static void Enqueue(GpuDevice device, AcceleratorStream queue, in MoveRowsArguments move)
    {
        if (move.Count == 0)
            return;
        device.Kernel<MoveRowsArguments>(s_kernel)(
            queue, new KernelConfig(KernelFamily.Tiles(move.Count, MoveRowsKernel.Threads), MoveRowsKernel.Threads), move);
    }
}
