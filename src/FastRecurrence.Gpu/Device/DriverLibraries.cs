using System.Reflection;
using System.Runtime.InteropServices;
using ILGPU;
using ILGPU.Runtime.Cuda;

namespace FastRecurrence.Gpu;

/// <summary>
/// The drivers' libraries. ILGPU asks for <c>OpenCL</c> and <c>cuda</c>, which on Linux are names that only development
/// packages install; without this resolver it silently finds no device.
/// </summary>
internal static class DriverLibraries
{
    private static readonly Lock s_gate = new();
    private static bool s_registered, s_cuBlasRegistered;

    /// <summary>The CUDA driver's library on this system.</summary>
    public static string Cuda => OperatingSystem.IsWindows() ? "nvcuda.dll" : "libcuda.so.1";

    /// <summary>The OpenCL loader's library on this system.</summary>
    public static string OpenCl =>
        OperatingSystem.IsWindows() ? "OpenCL.dll"
        : OperatingSystem.IsMacOS() ? "/System/Library/Frameworks/OpenCL.framework/OpenCL"
        : "libOpenCL.so.1";

    /// <summary>Whether a library loads here.</summary>
    public static bool Loads(string library) => NativeLibrary.TryLoad(library, out _);

    /// <summary>Points ILGPU to the libraries; to be called before its first use.</summary>
    public static void Register() => Register(ref s_registered, typeof(Context).Assembly, Resolve);

    /// <summary>Lets ILGPU find cuBLAS 13, of whose calls used here none changed since the last it knows, 12.</summary>
    public static void RegisterCuBlas() => Register(ref s_cuBlasRegistered, typeof(CuBlas).Assembly, ResolveCuBlas);

    private static void Register(ref bool registered, Assembly assembly, DllImportResolver resolver)
    {
        lock (s_gate)
        {
            if (registered)
                return;
            registered = true;
            try
            {
                NativeLibrary.SetDllImportResolver(assembly, resolver);
            }
            catch (InvalidOperationException)
            {
                // The application has set a resolver for ILGPU itself; then it knows where its drivers are.
            }
        }
    }

    private static IntPtr ResolveCuBlas(string name, Assembly assembly, DllImportSearchPath? path)
    {
        string? newer = name switch { "libcublas.so.12" => "libcublas.so.13", "cublas64_12.dll" => "cublas64_13.dll", _ => null };
        return newer is not null && !NativeLibrary.TryLoad(name, out _) && NativeLibrary.TryLoad(newer, out IntPtr handle) ? handle : IntPtr.Zero;
    }

    private static IntPtr Resolve(string name, Assembly assembly, DllImportSearchPath? path)
    {
        string? library = name switch { "OpenCL" => OpenCl, "cuda" => Cuda, _ => null };
        return library is not null && NativeLibrary.TryLoad(library, out IntPtr handle) ? handle : IntPtr.Zero;
    }
}
