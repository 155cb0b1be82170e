namespace FastRecurrence.Gpu;

/// <summary>
/// A device reached through ILGPU. Opened at the first <see cref="Backend.Prepare"/>; its layers and states may be used
/// from several threads, one call at a time reaches the device.
/// </summary>
public sealed class GpuBackend : Backend
{
    private readonly Lock _gate = new();
    private readonly int _index;
    private GpuDevice? _device;

    internal GpuBackend(string name, string description, DeviceKind kind, int index, bool isCpuDevice, string? unavailableReason)
        : base(name, description, unavailableReason)
    {
        DeviceKind = kind;
        IsCpuDevice = isCpuDevice;
        _index = index;
    }

    /// <summary>How the device is reached.</summary>
    public DeviceKind DeviceKind { get; }

    /// <summary>Whether the device is this machine's CPU under another name: the emulator, or OpenCL on a CPU such as PoCL.</summary>
    public bool IsCpuDevice { get; }

    /// <summary>The open device.</summary>
    internal GpuDevice Device
    {
        get
        {
            lock (_gate)
                return _device ??= new GpuDevice(Name, DeviceKind, _index);
        }
    }

    private protected override RecurrentLayer PrepareCore(LayerWeights weights) => new GpuLayer(weights, this);
}
