using FastRecurrence.Packing;

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

    private GpuBackend(GpuBackend other, ForcedKernel? forced)
        : base(other.Name, other.Description, other.UnavailableReason)
    {
        DeviceKind = other.DeviceKind;
        IsCpuDevice = other.IsCpuDevice;
        _device = other._device;
        Forced = forced;
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
    internal ForcedKernel? Forced { get; }

    /// <summary>The same device, with a kernel forced.</summary>
    internal GpuBackend Force(KernelKind kernel, int leastChunks = 0, int residentGroups = 0) => new(this, new ForcedKernel(kernel, leastChunks, residentGroups));

    /// <summary>Which kernels a layer of this shape would run a batch on, and why; a line for people. No weights are needed.</summary>
    /// <param name="shape">The layer.</param>
    /// <param name="batchSize">N, at least 1.</param>
    /// <param name="format">How W and R would be stored.</param>
    /// <exception cref="BackendUnavailableException">This backend cannot run here.</exception>
    /// <exception cref="NotSupportedException">The backend does not run such a layer in this format.</exception>
    /// <exception cref="DeviceException">The device does not open.</exception>
    public string Explain(LayerShape shape, int batchSize, WeightFormat format = WeightFormat.Float32)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        GpuDevice device = Device;
        if (format != WeightFormat.Float32)
            RequireNarrow(shape, format);
        using Lock.Scope _ = device.Enter();
        return PlannedKernels.Choose(device, shape, format, batchSize, Forced ?? KernelPlan.FromEnvironment()).ToString();
    }

    private protected override RecurrentLayer PrepareCore(LayerWeights weights) => new GpuLayer(weights, this);

    private protected override RecurrentLayer PrepareNarrow(LayerWeights weights, WeightFormat format)
    {
        RequireNarrow(weights.Shape, format);
        if (IsCpuDevice && (Forced ?? KernelPlan.FromEnvironment()) is null)
            throw new NotSupportedException($"{format} weights would not be faster on {Name}, which is a CPU: decoding costs more than memory there. Use Float32.");
        double error;
        // By slices, which take any batch of any layer that is accepted; all kernels see the same weights.
        GpuBackend sliced = Force(KernelKind.Slice);
        using (var exact = new GpuLayer(weights, sliced))
        using (var narrow = new GpuLayer(weights, sliced, format))
            error = FormatProbe.Difference(exact, narrow);
        return new GpuLayer(weights, this, format, error);
    }

    private void RequireNarrow(LayerShape shape, WeightFormat format)
    {
        if (format != WeightFormat.Bfloat16)
            throw new NotSupportedException($"{Name} stores weights as {WeightFormat.Float32} or {WeightFormat.Bfloat16}; {format} is an option of the SIMD backends.");
        if (!CellKernels.IsTextbook(shape))
            throw new NotSupportedException($"{format} weights would not be faster for {shape} on {Name}: the cell is a variation, which only tiles run, and they read R too rarely. Use Float32.");
        if (Device.Traits.MaxThreads < Kernels.SliceTile.Threads)
            throw new NotSupportedException($"{Name} runs at most {Device.Traits.MaxThreads} threads a group; kernels for {format} need {Kernels.SliceTile.Threads}. Use Float32.");
    }
}
