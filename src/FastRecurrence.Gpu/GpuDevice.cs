using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace FastRecurrence.Gpu;

/// <summary>
/// One device in use: ILGPU's context and accelerator, its one stream, and the kernels loaded so far. Made at the first
/// Prepare and kept as long as the process: creating one takes a tenth of a second and more. ILGPU's accelerators are not
/// safe for threads, so every use holds <see cref="Gate"/>.
/// </summary>
internal sealed class GpuDevice
{
    private readonly string _name;
    private readonly Accelerator _accelerator;
    private readonly CellKernels?[] _kernels = new CellKernels?[Enum.GetValues<CellKind>().Length];

    public GpuDevice(string name, DeviceKind kind, int index)
    {
        _name = name;
        DriverLibraries.Register();
        try
        {
            Context context = Context.Create(builder => Enable(KernelLoader.Configure(builder), kind));
            _accelerator = Find(context, kind, index).CreateAccelerator(context);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new DeviceException(name, "open the device", 0, e);
        }
    }

    /// <summary>Held during every use of the device.</summary>
    public Lock Gate { get; } = new();

    /// <summary>The stream that all work of this device goes to, in order.</summary>
    public AcceleratorStream Stream => _accelerator.DefaultStream;

    /// <summary>Makes the device current on this thread, which CUDA demands of every thread that uses it. Call it holding <see cref="Gate"/>.</summary>
    public void Bind() => _accelerator.Bind();

    /// <summary>The kernels of a cell, compiled at the first request. Call it holding <see cref="Gate"/>.</summary>
    public CellKernels Kernels(CellKind cell)
    {
        ref CellKernels? kernels = ref _kernels[(int)cell];
        if (kernels is not null)
            return kernels;
        try
        {
            return kernels = CellKernels.Load(_accelerator, cell);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new DeviceException(_name, $"compile the {cell} kernels", 0, e);
        }
    }

    /// <summary>Device memory for <paramref name="length"/> floats; 0 floats get one, since no driver allocates nothing. Call it holding <see cref="Gate"/>.</summary>
    public MemoryBuffer1D<float, Stride1D.Dense> Allocate(long length, string purpose)
    {
        try
        {
            return _accelerator.Allocate1D<float>(Math.Max(length, 1));
        }
        catch (Exception e) when (e is AcceleratorException or OutOfMemoryException)
        {
            throw new DeviceException(_name, $"allocate {purpose}", length * sizeof(float), e);
        }
    }

    /// <summary>Device memory filled from the host. Call it holding <see cref="Gate"/>.</summary>
    public MemoryBuffer1D<float, Stride1D.Dense> Upload(ReadOnlySpan<float> values, string purpose)
    {
        MemoryBuffer1D<float, Stride1D.Dense> buffer = Allocate(values.Length, purpose);
        Transfer.ToDevice(Stream, values, buffer.View.BaseView);
        Stream.Synchronize();
        return buffer;
    }

    /// <summary>Rethrows a driver's failure with the backend and the work named.</summary>
    public DeviceException Failure(string attempted, AcceleratorException e) => new(_name, attempted, 0, e);

    /// <summary>Adds the devices of one kind to a context.</summary>
    public static Context.Builder Enable(Context.Builder builder, DeviceKind kind) => kind switch
    {
        DeviceKind.Cuda => builder.Cuda(),
        DeviceKind.OpenCl => builder.OpenCL(KernelLoader.Accept),
        // ILGPU's default emulated device allows 16 threads a group; this one allows 256.
        _ => builder.CPU(new CPUDevice(numThreadsPerWarp: 32, numWarpsPerMultiprocessor: 2 * GemmTile.Threads / 32, numMultiprocessors: 1)),
    };

    private static Device Find(Context context, DeviceKind kind, int index) => kind switch
    {
        DeviceKind.Cuda => context.GetCudaDevice(index),
        DeviceKind.OpenCl => context.GetCLDevice(index),
        _ => context.GetCPUDevice(index),
    };
}
