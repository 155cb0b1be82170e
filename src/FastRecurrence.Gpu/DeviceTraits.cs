using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace FastRecurrence.Gpu;

/// <summary>What the choice of a kernel depends on, apart from the problem.</summary>
/// <param name="Kind">How the device is reached.</param>
/// <param name="IsCpu">Whether it is a CPU under another name.</param>
/// <param name="Multiprocessors">Multiprocessors; on a CPU worker threads.</param>
/// <param name="MaxThreads">The most threads of a group.</param>
/// <param name="GigaHertz">Clock; 0 where it is not known.</param>
internal sealed record DeviceTraits(DeviceKind Kind, bool IsCpu, int Multiprocessors, int MaxThreads, double GigaHertz)
{
    /// <summary>Reads them from an open device.</summary>
    public static DeviceTraits Of(Accelerator accelerator, DeviceKind kind, bool isCpu) => new(
        kind, isCpu, accelerator.NumMultiprocessors, accelerator.MaxNumThreadsPerGroup,
        accelerator is CudaAccelerator { ClockRate: > 0 } cuda ? cuda.ClockRate / 1e6 : 0)
    {
        HasTensorCores = accelerator is CudaAccelerator nvidia && nvidia.Architecture >= CudaArchitecture.SM_80,
    };

    /// <summary>Whether it has tensor cores that multiply tf32 and bfloat16.</summary>
    public bool HasTensorCores { get; init; }

    /// <summary>An H100 SXM, for tests and reports without one.</summary>
    public static DeviceTraits H100 { get; } = new(DeviceKind.Cuda, IsCpu: false, Multiprocessors: 132, MaxThreads: 1024, GigaHertz: 1.98) { HasTensorCores = true };
}
