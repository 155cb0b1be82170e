using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;
using ILGPU.Runtime.Cuda;

namespace FastRecurrence.Gpu;

/// <summary>
/// A launch that may begin before the one it depends on has ended, from compute capability 9.0 on: what comes before <see cref="Wait"/> runs beside the
/// end of that launch, and must not touch what it writes. <see cref="CudaGraph"/> makes such launches; for all others the wait is none.
/// </summary>
internal static class DependentLaunch
{
    /// <summary>
    /// Waits until the launches before this one have ended and all that they wrote can be seen; then lets the next one begin. Every thread comes here.
    /// </summary>
    [IntrinsicImplementation]
    public static void Wait()
    {
    }
}

/// <summary>What OpenCL devices get of <see cref="DependentLaunch"/>.</summary>
internal static class DependentLaunchOpenCl
{
    public static void Wait()
    {
    }
}

/// <summary>The generator of <see cref="DependentLaunch"/>.</summary>
internal static class DependentLaunchPtx
{
    public static void Wait(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        if (backend.Architecture < CudaArchitecture.SM_90)
            return;
        using (generator.BeginCommand("griddepcontrol.wait"))
        {
        }

        using (generator.BeginCommand("griddepcontrol.launch_dependents"))
        {
        }
    }
}
