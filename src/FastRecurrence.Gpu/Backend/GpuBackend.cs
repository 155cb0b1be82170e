using FastRecurrence.Cpu;
using FastRecurrence.Gpu.Families;

namespace FastRecurrence.Gpu;

/// <summary>
/// A device reached through ILGPU. Opened at the first use; its layers, states and buffers may be used from several
/// threads, one call at a time reaches the device. <see cref="Backend.Prepare"/> returns a <see cref="GpuLayer"/>.
/// </summary>
public sealed class GpuBackend : Backend
{
    private readonly Lazy<GpuDevice> _device;

    internal GpuBackend(string name, string description, DeviceKind kind, int index, bool isCpuDevice, string? unavailableReason, ForcedKernel? forced = null)
        : base(name, description, unavailableReason)
    {
        Forced = forced;
        DeviceKind = kind;
        IsCpuDevice = isCpuDevice;
        // Not cached when it fails: a device that is busy now may be free later.
        _device = new(() => new GpuDevice(name, kind, index, isCpuDevice), LazyThreadSafetyMode.PublicationOnly);
    }

    private GpuBackend(GpuBackend other, ForcedKernel? forced, InputGemm inputGemm, RecurrentGemm recurrentGemm)
        : base(other.Name, other.Description, other.UnavailableReason)
    {
        DeviceKind = other.DeviceKind;
        IsCpuDevice = other.IsCpuDevice;
        _device = other._device;
        (Forced, InputGemm, RecurrentGemm) = (forced, inputGemm, recurrentGemm);
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

    /// <summary>
    /// How this backend's layers compute <c>b + x·W</c>; <see cref="InputGemm.Automatic"/> unless <see cref="With(InputGemm)"/> said otherwise.
    /// </summary>
    public InputGemm InputGemm { get; }

    /// <summary>How this backend's layers compute h·R; <see cref="RecurrentGemm.Automatic"/> unless <see cref="With(RecurrentGemm)"/> said otherwise.</summary>
    public RecurrentGemm RecurrentGemm { get; }

    /// <summary>The same device, for layers and stacks that compute h·R another way.</summary>
    /// <param name="recurrentGemm">How h and R are multiplied.</param>
    public GpuBackend With(RecurrentGemm recurrentGemm) => Enum.IsDefined(recurrentGemm)
        ? new(this, Forced, InputGemm, recurrentGemm)
        : throw new ArgumentOutOfRangeException(
            nameof(recurrentGemm), recurrentGemm, $"A recurrent GEMM is one of {string.Join(", ", Enum.GetNames<RecurrentGemm>())}.");

    /// <summary>
    /// The same device, for layers and stacks that compute <c>b + x·W</c> another way. <see cref="Backend.Prepare"/> then measures what that changes
    /// (<see cref="GpuLayer.InputGemmError"/>), and refuses with <see cref="NotSupportedException"/> what cannot be had: tensor cores for tf32 and
    /// bfloat16 come
    /// with CUDA from compute capability 8.0 on, cuBLAS must load, and a layer without input has no product. Nothing is replaced silently.
    /// </summary>
    /// <param name="inputGemm">How x and W are multiplied.</param>
    public GpuBackend With(InputGemm inputGemm) => Enum.IsDefined(inputGemm)
        ? new(this, Forced, inputGemm, RecurrentGemm)
        : throw new ArgumentOutOfRangeException(nameof(inputGemm), inputGemm, $"An input GEMM is one of {string.Join(", ", Enum.GetNames<InputGemm>())}.");

    /// <summary>The open device.</summary>
    internal GpuDevice Device => UnavailableReason is null ? _device.Value : throw new BackendUnavailableException(Name, UnavailableReason);

    /// <summary>A kernel that every layer takes where it can run; null for the model's choice.</summary>
    internal ForcedKernel? Forced { get; }

    /// <summary>The same device, with a kernel forced.</summary>
    internal GpuBackend Force(KernelFamily kernel, int leastChunks = 0, int residentGroups = 0, int tileRows = 0) =>
        new(this, new ForcedKernel(kernel, leastChunks, residentGroups, tileRows), InputGemm, RecurrentGemm);

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
        if (format != WeightFormat.Float32)
            RequireNarrow(shape, format);
        return Choice(shape, batchSize, format).ToString();
    }

    /// <summary>What a layer of this shape would run a batch on.</summary>
    internal KernelChoice Choice(LayerShape shape, int batchSize, WeightFormat format = WeightFormat.Float32)
    {
        GpuDevice device = Device;
        using Lock.Scope _ = device.Enter();
        return KernelChoice.For(device, shape, format, batchSize, Forced, RecurrentGemm);
    }

    /// <summary>
    /// Why a layer cannot have its input product on tensor cores, or by cuBLAS; null when it can. The emulator plays tensor cores only for tests, which
    /// force a kernel.
    /// </summary>
    internal static string? Refuse(DeviceTraits device, LayerShape shape, InputGemm inputGemm, bool forced) => (inputGemm, device) switch
    {
        _ when shape.InputSize == 0 => "the layer has no input",
        (InputGemm.CuBlas, { Kind: not DeviceKind.Cuda }) => "cuBLAS is reached through CUDA alone",
        (InputGemm.CuBlas, _) => null,
        _ when shape.InputSize % 4 != 0 => $"tensor cores take x by fours, and I = {shape.InputSize} is not a multiple of 4",
        (_, { Kind: DeviceKind.OpenCl }) => "tensor cores are reached through CUDA alone",
        (_, { Kind: DeviceKind.Emulator }) => forced ? null : "the emulator has no tensor cores",
        (_, { HasTensorCores: false }) => "tensor cores for tf32 and bfloat16 came with compute capability 8.0, and this device has less",
        _ => null,
    };

    /// <summary>For layers that this library's devices run, all of them on this one.</summary>
    internal override StackDriver? CreateStackDriver(IReadOnlyList<StackLayer> layers, IReadOnlyList<LayerState> states)
    {
        GpuState[] own = [.. states.OfType<GpuState>()];
        return own.Length == states.Count && own.All(state => ReferenceEquals(((GpuLayer)state.Layer).Device, Device)) && own[0].BatchSize > 0
            ? new GpuStackDriver(Device, layers, own) : null;
    }

    private protected override RecurrentLayer PrepareCore(LayerWeights weights)
    {
        RequireInputGemm(weights.Shape);
        return new GpuLayer(weights, this, inputGemmError: MeasureInputGemm(weights, WeightFormat.Float32));
    }

    private protected override RecurrentLayer PrepareNarrow(LayerWeights weights, WeightFormat format)
    {
        RequireNarrow(weights.Shape, format);
        RequireInputGemm(weights.Shape);
        if (IsCpuDevice && Forced is null)
            throw new NotSupportedException(
                $"{format} weights would not be faster on {Name}, which is a CPU: decoding costs more than memory there. Use Float32.");
        double error;
        using (var exact = new GpuLayer(weights, Baseline))
        using (var narrow = new GpuLayer(weights, Baseline, format))
            error = FormatProbe.Difference(exact, narrow);
        return new GpuLayer(weights, this, format, error, MeasureInputGemm(weights, format));
    }

    /// <summary>
    /// What errors are measured against. By slices, which take any batch of any layer that narrow formats are for; all kernels see the same weights.
    /// </summary>
    private GpuBackend Baseline => new(this, new ForcedKernel(SplitKStep.Family), InputGemm.Float32, RecurrentGemm.Float32);

    private double MeasureInputGemm(LayerWeights weights, WeightFormat format)
    {
        if (InputGemm is InputGemm.Automatic or InputGemm.Float32)
            return 0;
        using var exact = new GpuLayer(weights, Baseline, format);
        using var asked = new GpuLayer(weights, Baseline.With(InputGemm), format);
        return FormatProbe.Difference(exact, asked);
    }

    private void RequireInputGemm(LayerShape shape)
    {
        if (InputGemm is InputGemm.Automatic or InputGemm.Float32)
            return;
        GpuDevice device = Device;
        string? reason = Refuse(device.Traits, shape, InputGemm, Forced is not null);
        if (reason is null && InputGemm == InputGemm.CuBlas)
        {
            using Lock.Scope _ = device.Enter();
            device.CuBlas(out reason);
        }

        if (reason is not null)
            throw new NotSupportedException($"{InputGemm} is not possible on {Name}: {reason}. Use {nameof(InputGemm)}.{InputGemm.Float32}.");
    }

    private void RequireNarrow(LayerShape shape, WeightFormat format)
    {
        if (format != WeightFormat.Bfloat16)
            throw new NotSupportedException(
                $"{Name} stores weights as {WeightFormat.Float32} or {WeightFormat.Bfloat16}; {format} is an option of the SIMD backends.");
        if (!KernelTypes.IsDefaultCell(shape))
            throw new NotSupportedException(
                $"{format} weights would not be faster for {shape} on {Name}: {SplitKStep.ConfigurableCell}, and they read R too rarely. Use Float32.");
        if (Device.Traits.MaxThreads < Kernels.SplitKTile.Threads)
            throw new NotSupportedException(
                $"{Name} runs at most {Device.Traits.MaxThreads} threads a group; kernels for {format} need {Kernels.SplitKTile.Threads}. Use Float32.");
    }
}
