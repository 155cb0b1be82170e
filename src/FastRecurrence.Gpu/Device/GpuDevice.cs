using System.Reflection;
using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace FastRecurrence.Gpu;

/// <summary>
/// One device in use: ILGPU's context and accelerator, and the kernels loaded so far. Made at the first use and kept as
/// long as the process: creating one takes a tenth of a second and more. ILGPU's accelerators are not safe for threads, so
/// every use is inside <see cref="Enter"/>.
/// </summary>
internal sealed class GpuDevice
{
    private const long ScratchBytes = 64L << 20;

    private readonly Lock _gate = new();
    private readonly string _name;
    private readonly Accelerator _accelerator;
    private readonly Dictionary<MethodInfo, (Delegate Launch, Kernel Kernel)> _loaded = [];
    private CuBlasGemm? _cuBlas;
    private Exception? _lost;

    public GpuDevice(string name, DeviceKind kind, int index, bool isCpu)
    {
        _name = name;
        DriverLibraries.Register();
        try
        {
            Context context = Context.Create(builder => Enable(KernelLoader.Configure(builder).Profiling(), kind));
            Device device = Find(context, kind, index);
            _accelerator = device.CreateAccelerator(context);
            Traits = DeviceTraits.Of(device, kind, isCpu);
            SequenceBytes = MemoryBytes / 4;
            DefaultStream = kind == DeviceKind.Cuda ? _accelerator.CreateStream() : _accelerator.DefaultStream;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new DeviceException(name, "open the device", 0, e);
        }
    }

    /// <summary>What kernels are chosen by.</summary>
    public DeviceTraits Traits { get; }

    /// <summary>The stream of everything that was not given another. On CUDA one of our own: the driver's default stream cannot be recorded.</summary>
    public AcceleratorStream DefaultStream { get; }

    /// <summary>Device memory in all, in bytes.</summary>
    public long MemoryBytes => _accelerator.MemorySize;

    /// <summary>What the scratch of a chunk may take, unless a single step needs more; longer sequences run in chunks. Other values in tests.</summary>
    public long ChunkBytes { get; set; } = ScratchBytes;

    /// <summary>
    /// What the sequences may take that a stack keeps on the device in a call; layers of a larger call hand theirs on through the host. A quarter of the
    /// device's memory; other values in tests.
    /// </summary>
    public long SequenceBytes { get; set; }

    /// <summary>What went to and fro.</summary>
    public TransferCount Transfers { get; } = new();

    /// <summary>Takes the device for this thread, which CUDA must be told.</summary>
    /// <exception cref="DeviceException">The device was lost.</exception>
    public Lock.Scope Enter()
    {
        Lock.Scope scope = _gate.EnterScope();
        try
        {
            if (_lost is not null)
                throw new DeviceException(_name, "go on after the device was lost", 0, _lost);
            _accelerator.Bind();
            return scope;
        }
        catch
        {
            scope.Dispose();
            throw;
        }
    }

    /// <summary>Loads a kernel at its first request. Call it inside <see cref="Enter"/>.</summary>
    public KernelLaunch<TArguments> Kernel<TArguments>(KernelInstance kernel)
        where TArguments : struct => (KernelLaunch<TArguments>)Loaded<TArguments>(kernel).Launch;

    /// <summary>The driver's handle of a loaded kernel; null beyond CUDA. Call it inside <see cref="Enter"/>.</summary>
    public IntPtr? CudaFunction<TArguments>(KernelInstance kernel)
        where TArguments : struct => (Loaded<TArguments>(kernel).Kernel as CudaKernel)?.FunctionPtr;

    /// <summary>
    /// Groups of a kernel that the device certainly holds at once. On a CPU each worker runs one group to its end; an
    /// OpenCL device does not say, and gets a group a multiprocessor.
    /// </summary>
    public int Resident<TArguments>(KernelInstance kernel)
        where TArguments : struct
    {
        int groups = Traits.Kind == DeviceKind.Cuda
            ? _accelerator.EstimateMaxActiveGroupsPerMultiprocessor(Loaded<TArguments>(kernel).Kernel, kernel.Threads)
            : 1;
        return groups * Traits.Multiprocessors;
    }

    /// <summary>NVIDIA's SGEMM, loaded at the first request; null with the reason where there is none. Call it inside <see cref="Enter"/>.</summary>
    public CuBlasGemm? CuBlas(out string? reason)
    {
        reason = null;
        return _cuBlas ??= CuBlasGemm.TryLoad(_name, (CudaAccelerator)_accelerator, out reason);
    }

    /// <summary>Device memory; nothing gets one element, since no driver allocates nothing. Call it inside <see cref="Enter"/>.</summary>
    public unsafe MemoryBuffer1D<T, Stride1D.Dense> Allocate<T>(long length, string purpose)
        where T : unmanaged
    {
        try
        {
            MemoryBuffer1D<T, Stride1D.Dense> buffer = _accelerator.Allocate1D<T>(Math.Max(length, 1));
            Transfers.Allocations++;
            return buffer;
        }
        catch (Exception e) when (e is AcceleratorException or OutOfMemoryException)
        {
            throw new DeviceException(_name, $"allocate {purpose}", length * sizeof(T), e);
        }
    }

    /// <summary>Page-locked host memory, which the device copies from and to by itself. Call it inside <see cref="Enter"/>.</summary>
    public unsafe PageLockedArray1D<T> AllocatePageLocked<T>(long length)
        where T : unmanaged
    {
        try
        {
            return _accelerator.AllocatePageLocked1D<T>(length);
        }
        catch (Exception e) when (e is AcceleratorException or OutOfMemoryException)
        {
            throw new DeviceException(_name, "lock host memory for copies", length * sizeof(T), e);
        }
    }

    /// <summary>Waits for the work of all streams. Call it inside <see cref="Enter"/>.</summary>
    public void Synchronize() => _accelerator.Synchronize();

    /// <summary>A further stream. Call it inside <see cref="Enter"/>.</summary>
    public AcceleratorStream CreateStream()
    {
        try
        {
            return _accelerator.CreateStream();
        }
        catch (AcceleratorException e)
        {
            throw Failure("create a stream", e);
        }
    }

    /// <summary>Gives device memory back; of a lost device there is nothing to give back. Never throws.</summary>
    public void Free(params ReadOnlySpan<IDisposable?> owned)
    {
        lock (_gate)
        {
            foreach (IDisposable? one in owned)
            {
                try
                {
                    if (_lost is null)
                        _accelerator.Bind();
                    one?.Dispose();
                }
                catch (Exception e) when (e is AcceleratorException)
                {
                    // The driver forgets a lost device's memory by itself.
                }
            }
        }
    }

    /// <summary>
    /// A driver's failure with the backend and the work named. After one that CUDA does not recover from (a faulty
    /// address, a launch that timed out, an uncorrectable memory error) the device is lost to this process.
    /// </summary>
    public DeviceException Failure(string attempted, AcceleratorException e)
    {
        if (e is CudaException cuda && IsFatal(cuda.Error))
            Lose(e);
        return new DeviceException(_name, attempted, 0, e);
    }

    /// <summary>Takes the device out of use.</summary>
    internal void Lose(Exception reason) => _lost = reason;

    /// <summary>Whether CUDA's context is unusable after this error, by the driver's name for it.</summary>
    internal static bool IsFatal(string error) => error is "CUDA_ERROR_ILLEGAL_ADDRESS" or "CUDA_ERROR_LAUNCH_TIMEOUT"
        or "CUDA_ERROR_LAUNCH_FAILED" or "CUDA_ERROR_HARDWARE_STACK_ERROR" or "CUDA_ERROR_ILLEGAL_INSTRUCTION"
        or "CUDA_ERROR_MISALIGNED_ADDRESS" or "CUDA_ERROR_INVALID_ADDRESS_SPACE" or "CUDA_ERROR_INVALID_PC"
        or "CUDA_ERROR_ASSERT" or "CUDA_ERROR_ECC_UNCORRECTABLE" or "CUDA_ERROR_DEINITIALIZED"
        or "CUDA_ERROR_CONTEXT_IS_DESTROYED" or "CUDA_ERROR_UNKNOWN";

    /// <summary>Adds the devices of one kind to a context.</summary>
    public static Context.Builder Enable(Context.Builder builder, DeviceKind kind) => kind switch
    {
        DeviceKind.Cuda => builder.Cuda(),
        DeviceKind.OpenCl => builder.OpenCL(KernelLoader.Accept),
        // ILGPU's default emulated device allows 16 threads a group; this one allows 256, and runs two groups at once.
        _ => builder.CPU(new CPUDevice(numThreadsPerWarp: 32, numWarpsPerMultiprocessor: SplitKTile.Threads / 32, numMultiprocessors: 2)),
    };

    private (Delegate Launch, Kernel Kernel) Loaded<TArguments>(KernelInstance kernel)
        where TArguments : struct
    {
        if (_loaded.TryGetValue(kernel.Method, out (Delegate, Kernel) loaded))
            return loaded;
        try
        {
            return _loaded[kernel.Method] = KernelLoader.Load<TArguments>(_accelerator, kernel);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new DeviceException(_name, $"compile {kernel.Method.DeclaringType!.Name}", 0, e);
        }
    }

    private static Device Find(Context context, DeviceKind kind, int index) => kind switch
    {
        DeviceKind.Cuda => context.GetCudaDevice(index),
        DeviceKind.OpenCl => context.GetCLDevice(index),
        _ => context.GetCPUDevice(index),
    };
}
