namespace FastRecurrence.Gpu;

/// <summary>
/// A device reached through ILGPU. Opened at the first use; its layers, states and buffers may be used from several
/// threads, one call at a time reaches the device. <see cref="Backend.Prepare"/> returns a <see cref="GpuLayer"/>.
/// </summary>
public sealed class GpuBackend : Backend
{
    private readonly Lazy<GpuDevice> _device;

    internal GpuBackend(string name, string description, DeviceKind kind, int index, bool isCpuDevice, string? unavailableReason)
        : base(name, description, unavailableReason)
    {
        DeviceKind = kind;
        IsCpuDevice = isCpuDevice;
        // Not cached when it fails: a device that is busy now may be free later.
        _device = new(() => new GpuDevice(name, kind, index, isCpuDevice), LazyThreadSafetyMode.PublicationOnly);
    }

    private GpuBackend(GpuBackend other, KernelKind? forced)
        : base(other.Name, other.Description, other.UnavailableReason)
    {
        DeviceKind = other.DeviceKind;
        IsCpuDevice = other.IsCpuDevice;
        _device = other._device;
        ForcedKernel = forced;
    }

    /// <summary>How the device is reached.</summary>
    public DeviceKind DeviceKind { get; }

    /// <summary>Whether the device is this machine's CPU under another name: the emulator, or OpenCL on a CPU such as PoCL.</summary>
    public bool IsCpuDevice { get; }

    /// <summary>Device memory that stays between calls, for <see cref="GpuLayer.Run(LayerState, int, DeviceBuffer, DeviceBuffer, DeviceBuffer?)"/>.</summary>
    /// <param name="length">Floats; 0 is allowed.</param>
    /// <exception cref="BackendUnavailableException">This backend cannot run here.</exception>
    /// <exception cref="DeviceException">The device has not that much memory left, or does not open.</exception>
    public DeviceBuffer Allocate(long length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        return new DeviceBuffer(this, Device, length);
    }

    /// <summary>A stream of work beside the device's default one.</summary>
    /// <exception cref="BackendUnavailableException">This backend cannot run here.</exception>
    /// <exception cref="DeviceException">The driver refused, or the device does not open.</exception>
    public GpuStream CreateStream() => new(this, Device);

    /// <summary>The open device.</summary>
    internal GpuDevice Device => UnavailableReason is null ? _device.Value : throw new BackendUnavailableException(Name, UnavailableReason);

    /// <summary>A kernel that every layer takes where it can run; null for the model's choice.</summary>
    internal KernelKind? ForcedKernel { get; }

    /// <summary>The same device, with a kernel forced.</summary>
    internal GpuBackend Force(KernelKind? kernel) => new(this, kernel);

    private protected override RecurrentLayer PrepareCore(LayerWeights weights) => new GpuLayer(weights, this);
}
