using ILGPU;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime;
using ILGPU.Runtime.CPU;
using ILGPU.Runtime.Cuda;

namespace FastRecurrence.Gpu;

/// <summary>Compiles kernels to the PTX that an H100 or H200 would get, without any GPU: what tests read and ptxas judges.</summary>
internal static class PtxCompiler
{
    /// <summary>The corrected PTX of one kernel, for sm_90 and an instruction set that ptxas 11.8 knows.</summary>
    public static string Compile(KernelInstance kernel)
    {
        // A context of its own: a failed compilation spoils the context for all that follow.
        using Context context = CreateContext();
        return Compile(context, kernel);
    }

    /// <summary>A context to compile several kernels in, as a device does.</summary>
    public static Context CreateContext()
    {
        DriverLibraries.Register();
        return Context.Create(builder => KernelLoader.Configure(builder).CPU(new CPUDevice(4, 1, 1)));
    }

    /// <summary>The same in a given context.</summary>
    public static string Compile(Context context, KernelInstance kernel)
    {
        using var backend = new PTXBackend(context, CudaArchitecture.SM_90, CudaInstructionSet.ISA_78, null!);
        var entry = EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method);
        var compiled = (PTXCompiledKernel)backend.Compile(entry, KernelLoader.Specialization(kernel));
        return KernelLoader.Correct(compiled.PTXAssembly);
    }
}
