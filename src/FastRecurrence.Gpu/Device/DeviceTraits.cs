using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace FastRecurrence.Gpu;

/// <summary>What the choice of a kernel depends on, apart from the problem.</summary>
/// <param name="Kind">How the device is reached.</param>
/// <param name="IsCpu">Whether it is a CPU under another name.</param>
/// <param name="Multiprocessors">Multiprocessors; on a CPU worker threads.</param>
/// <param name="MaxThreads">The most threads of a group.</param>
/// <param name="GigaHertz">Clock; <see cref="AssumedGigaHertz"/> where the device does not say it, or says what cannot be.</param>
internal sealed record DeviceTraits(DeviceKind Kind, bool IsCpu, int Multiprocessors, int MaxThreads, double GigaHertz)
{
    /// <summary>A clock that most devices are near.</summary>
    public const double AssumedGigaHertz = 1.5;

    /// <summary>Reads them from a device of this machine, open or not.</summary>
    public static DeviceTraits Of(Device device, DeviceKind kind, bool isCpu) => new(
        kind, isCpu, device.NumMultiprocessors, device.MaxNumThreadsPerGroup, Clock(device))
    {
        HasTensorCores = device is CudaDevice { Architecture: CudaArchitecture architecture } && architecture >= CudaArchitecture.SM_80,
        HasAsyncCopies = device.MaxSharedMemoryPerGroup >= Kernels.AsyncGemmLoop.SharedBytes
            && (device is not CudaDevice cuda || cuda.Architecture >= CudaArchitecture.SM_80),
    };

    /// <summary>
    /// The clock of a device in GHz. CUDA's driver counts in kHz, ILGPU divides that by 1000. Only CUDA devices are asked: an OpenCL device may
    /// report whatever clock it idles at.
    /// </summary>
    private static double Clock(Device device) =>
        device is CudaDevice cuda && cuda.ClockRate / 1e3 is double clock && clock is > 0.5 and < 5 ? clock : AssumedGigaHertz;

    /// <summary>
    /// Whether <see cref="Kernels.AsyncGemmLoop"/> runs there: CUDA devices from compute capability 8.0 on; others, where the copies are ordinary ones.
    /// </summary>
    public bool HasAsyncCopies { get; init; }

    /// <summary>Whether it has tensor cores that multiply tf32 and bfloat16.</summary>
    public bool HasTensorCores { get; init; }

    /// <summary>An H100 SXM, for tests and reports without one.</summary>
    public static DeviceTraits H100 { get; } =
        new(DeviceKind.Cuda, IsCpu: false, Multiprocessors: 132, MaxThreads: 1024, GigaHertz: 1.98) { HasTensorCores = true, HasAsyncCopies = true };
}
