namespace FastRecurrence.Gpu;

/// <summary>How a <see cref="GpuBackend"/> reaches its device.</summary>
public enum DeviceKind
{
    /// <summary>ILGPU's emulation of a GPU on CPU threads: checks kernels, and is far too slow for anything else.</summary>
    Emulator,

    /// <summary>An OpenCL device; with a driver such as PoCL it may be a CPU.</summary>
    OpenCl,

    /// <summary>An NVIDIA GPU through its CUDA driver; no CUDA toolkit is needed.</summary>
    Cuda,
}
