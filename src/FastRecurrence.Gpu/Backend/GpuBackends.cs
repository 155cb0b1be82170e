using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Runtime.CompilerServices;
using FastRecurrence.Gpu.Families;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;
using ILGPU.Runtime.OpenCL;

namespace FastRecurrence.Gpu;

/// <summary>Every device of this machine as a backend. To be listed beside <see cref="Backend.All"/>.</summary>
/// <example><code>
/// foreach (Backend b in GpuBackends.All)
///     Console.WriteLine($"{b.Name}: {b.UnavailableReason ?? b.Description}");
/// Backend device = GpuBackends.All.FirstOrDefault(b =&gt; b.IsAvailable &amp;&amp; !b.IsCpuDevice) ?? Backend.Simd;
/// </code></example>
[RequiresDynamicCode("ILGPU compiles kernels at run time, which Native AOT cannot. Use the backends of Backend.All there.")]
public static class GpuBackends
{
    private static readonly Lazy<IReadOnlyList<GpuBackend>> s_all = new(Enumerate);

    /// <summary>
    /// <c>ilgpu-cpu</c>, then <c>cuda:0</c> …, then <c>opencl:0</c> …. Where there is no CUDA or no OpenCL device, its
    /// number 0 is listed as unavailable with the reason. Looked up once; never throws.
    /// </summary>
    public static IReadOnlyList<GpuBackend> All => s_all.Value;

    private static List<GpuBackend> Enumerate()
    {
        ForcedKernel? forced = ForcedKernel.Parse(Environment.GetEnvironmentVariable(ForcedKernel.Variable), out string? reason);
        if (!RuntimeFeature.IsDynamicCodeSupported)
            reason = "ILGPU compiles kernels at run time, and dynamic code is not supported here (Native AOT)";
        return
        [
            new GpuBackend("ilgpu-cpu", "ILGPU's emulator on CPU threads: checks kernels, slow", DeviceKind.Emulator, 0, isCpuDevice: true, reason, forced),
            .. Devices("cuda", DeviceKind.Cuda, DriverLibraries.Cuda, reason, forced),
            .. Devices("opencl", DeviceKind.OpenCl, DriverLibraries.OpenCl, reason, forced),
        ];
    }

    private static List<GpuBackend> Devices(string prefix, DeviceKind kind, string library, string? reason, ForcedKernel? forced)
    {
        var found = new List<GpuBackend>();
        try
        {
            if (reason is null && !DriverLibraries.Loads(library))
                reason = $"the driver's library {library} does not load: no driver is installed, or it is not on the library path";
            if (reason is null)
            {
                DriverLibraries.Register();
                using Context context = Context.Create(builder => GpuDevice.Enable(KernelLoader.Configure(builder), kind));
                foreach (Device device in context.Devices.Where(d => d is CudaDevice or CLDevice))
                {
                    int index = found.Count;
                    found.Add(new GpuBackend($"{prefix}:{index}", Describe(device), kind, index,
                        device is CLDevice cl && cl.DeviceType.HasFlag(CLDeviceType.CL_DEVICE_TYPE_CPU), Lacking(device), forced));
                }
            }
        }
        catch (Exception e)
        {
            reason = $"{library} loads, but looking for devices failed: {e.GetBaseException().Message}";
        }

        if (found.Count == 0)
        {
            found.Add(new GpuBackend($"{prefix}:0", $"no {kind} device", kind, 0, isCpuDevice: false,
                reason ?? $"{library} loads, but it offers no device that ILGPU can use", forced));
        }

        return found;
    }

    private static string Describe(Device device) => device switch
    {
        CLDevice cl => $"{cl.Name.Trim()} ({cl.PlatformName.Trim()})",
        CudaDevice cuda when DeviceTraits.Of(cuda, DeviceKind.Cuda, isCpu: false) is DeviceTraits traits => string.Create(CultureInfo.InvariantCulture,
            $"{cuda.Name.Trim()} ({cuda.Architecture}, {traits.Multiprocessors} multiprocessors, {traits.GigaHertz:0.00} GHz)"),
        _ => device.Name,
    };

    private static string? Lacking(Device device) =>
        device.MaxNumThreadsPerGroup < Kernels.GemmLoop.Threads
            ? $"the device runs at most {device.MaxNumThreadsPerGroup} threads a group; the kernels need {Kernels.GemmLoop.Threads}"
            : device.MaxSharedMemoryPerGroup < Kernels.GemmLoop.SharedBytes
                ? $"the device has {device.MaxSharedMemoryPerGroup} bytes of shared memory a group; the kernels need {Kernels.GemmLoop.SharedBytes}"
                : null;
}
