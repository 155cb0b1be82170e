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
    public static Context.Builder Configure(Context.Builder builder) =>
        builder.Optimize(OptimizationLevel.O2).EnableAlgorithms();

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
    /// Compiles, corrects and loads an explicitly grouped kernel. The kernel is outside ILGPU's cache: the launcher keeps it alive.
    /// </summary>
    public static TDelegate Load<TDelegate>(Accelerator accelerator, MethodInfo method)
        where TDelegate : Delegate
    {
        CompiledKernel compiled = accelerator.CompileKernel(EntryPointDescription.FromExplicitlyGroupedKernel(method));
        if (compiled is not CLCompiledKernel)
        {
            FieldInfo? source = compiled.GetType().GetField("<PTXAssembly>k__BackingField", NonPublic | Instance);
            if (source?.GetValue(compiled) is string text)
                source.SetValue(compiled, Correct(text));
        }

        return accelerator.LoadKernel(compiled).CreateLauncherDelegate<TDelegate>();
    }

    /// <summary>
    /// O2 marks every branch <c>.uni</c>, also where threads part; ptxas then neither unrolls loops nor keeps arrays in
    /// registers, and a really divergent branch would be wrong.
    /// </summary>
    public static string Correct(string ptx) => UniformBranch().Replace(ptx, "bra");

    [GeneratedRegex(@"\bbra\.uni\b")]
    private static partial Regex UniformBranch();
}
