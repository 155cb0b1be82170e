using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.OpenCL;
using ILGPU.Runtime;
using ILGPU.Runtime.OpenCL;
using static System.Reflection.BindingFlags;

namespace FastRecurrence.Gpu;

/// <summary>
/// Loads kernels with the settings and corrections that ILGPU 1.5.3 needs. Two members are reached by reflection, in this
/// file only; where they are missing (another version), ILGPU's plain way is taken: slower code, same results.
/// </summary>
internal static partial class KernelLoader
{
    /// <summary>What every context here is built with. O1, the default, emits generic addresses and leaves tiles in local memory.</summary>
    public static Context.Builder Configure(Context.Builder builder) => builder.Optimize(OptimizationLevel.O2).EnableAlgorithms()
        .Register(typeof(Kernels.RelaxedAccess), typeof(Kernels.RelaxedPtx))
        .Register(typeof(Kernels.TensorCore), typeof(Kernels.TensorPtx))
        .Register(typeof(DeviceMath), typeof(DeviceMathPtx), typeof(DeviceMathOpenCl))
        .Register(typeof(AsyncCopy), typeof(AsyncCopyPtx), typeof(AsyncCopyOpenCl))
        .Register(typeof(DependentLaunch), typeof(DependentLaunchPtx), typeof(DependentLaunchOpenCl));

    /// <summary>
    /// Lets ILGPU take OpenCL devices that do not report a generic address space (PoCL 3.1): it refuses them, though these
    /// kernels name the address space of every pointer.
    /// </summary>
    public static bool Accept(CLDevice device)
    {
        device.Capabilities.GetType().GetProperty("GenericAddressSpace", Public | NonPublic | Instance)
            ?.SetMethod?.Invoke(device.Capabilities, [true]);
        return true;
    }

    /// <summary>
    /// Compiles, corrects and loads an explicitly grouped kernel. It is outside ILGPU's cache: the launcher keeps it alive.
    /// </summary>
    public static (KernelLaunch<TArguments> Launch, Kernel Kernel) Load<TArguments>(Accelerator accelerator, KernelInstance kernel)
        where TArguments : struct
    {
        CompiledKernel compiled = accelerator.CompileKernel(EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method), Specialization(kernel));
        if (compiled is CLCompiledKernel)
            Rewrite(compiled, "<Source>k__BackingField", CorrectOpenCl);
        else
            Rewrite(compiled, "<PTXAssembly>k__BackingField", Correct);
        Kernel loaded = accelerator.LoadKernel(compiled);
        return (loaded.CreateLauncherDelegate<KernelLaunch<TArguments>>(), loaded);
    }

    /// <summary>Lets the compiler give a thread as many registers as the groups that shall be on a multiprocessor leave it.</summary>
    public static KernelSpecialization Specialization(KernelInstance kernel) => new(kernel.Threads, kernel.GroupsAtOnce);

    private static void Rewrite(CompiledKernel compiled, string field, Func<string, string> correct)
    {
        FieldInfo? source = compiled.GetType().GetField(field, NonPublic | Instance);
        if (source?.GetValue(compiled) is string text)
            source.SetValue(compiled, correct(text));
    }

    /// <summary>
    /// O2 marks every branch <c>.uni</c>, also where threads part; ptxas then neither unrolls loops nor keeps arrays in
    /// registers, and a really divergent branch would be wrong.
    /// </summary>
    public static string Correct(string ptx)
    {
        ptx = UniformBranch().Replace(ptx, "bra");
        // ILGPU names an older target than the device, which knows no dependent launches; only devices that know them are given any.
        return ptx.Contains("griddepcontrol", StringComparison.Ordinal) ? Target().Replace(ptx, ".target sm_90") : ptx;
    }

    /// <summary>PoCL 3.1 has no generic address space to cast an atomic's pointer to; all atomics here are on global memory.</summary>
    public static string CorrectOpenCl(string source) =>
        source.Replace("(atomic_int*)", "(volatile __global atomic_int*)", StringComparison.Ordinal);

    [GeneratedRegex(@"\.target sm_\d+")]
    private static partial Regex Target();

    [GeneratedRegex(@"\bbra\.uni\b")]
    private static partial Regex UniformBranch();
}
