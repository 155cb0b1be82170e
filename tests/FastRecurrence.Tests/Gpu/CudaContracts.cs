using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Gpu;

/// <summary>The promises for each kernel on an NVIDIA GPU, where one is: tensor cores and large layers run there alone.</summary>
public abstract class CudaKernelContract : KernelContract
{
    protected override Backend Backend => Named.Gpu("cuda:0").Force(Kernel);
}

[Collection("devices")]
public sealed class TileOnCuda : CudaKernelContract
{
    private protected override KernelFamily Kernel => TiledStep.Family;
}

[Collection("devices")]
public sealed class SliceOnCuda : CudaKernelContract
{
    private protected override KernelFamily Kernel => SplitKStep.Family;
}

[Collection("devices")]
public sealed class GroupOnCuda : CudaKernelContract
{
    private protected override KernelFamily Kernel => BlockPersistent.Family;
}

[Collection("devices")]
public sealed class GridOnCuda : CudaKernelContract
{
    private protected override KernelFamily Kernel => GridPersistent.Family;

    protected override (int T, int N, int I, int H) One => (6, 2, 11, 12);
}

[Collection("devices")]
public sealed class TensorTileOnCuda : CudaKernelContract
{
    private protected override KernelFamily Kernel => TensorTiledStep.Family;

    protected override (int T, int N, int I, int H) One => (6, 2, 11, 12);
}

[Collection("devices")]
public sealed class TensorSliceOnCuda : CudaKernelContract
{
    private protected override KernelFamily Kernel => TensorSplitKStep.Family;

    protected override (int T, int N, int I, int H) One => (6, 2, 11, 12);
}
