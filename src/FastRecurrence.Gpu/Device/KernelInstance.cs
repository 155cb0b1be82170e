using System.Reflection;
using ILGPU;
using ILGPU.Runtime;

namespace FastRecurrence.Gpu;

/// <summary>Launches a kernel; every kernel takes one struct of arguments.</summary>
internal delegate void KernelLaunch<TArguments>(AcceleratorStream stream, KernelConfig config, TArguments arguments)
    where TArguments : struct;

/// <summary>One instance of a kernel, and what its compiler is told about its launches.</summary>
/// <param name="Method">The kernel's method, closed over its types.</param>
/// <param name="Threads">The most threads of a group.</param>
/// <param name="GroupsAtOnce">Groups that shall find room on one multiprocessor: bounds the registers of a thread.</param>
internal readonly record struct KernelInstance(MethodInfo Method, int Threads, int GroupsAtOnce = 1)
{
    /// <summary>The method <c>Run</c> of a kernel, closed over its types.</summary>
    public static KernelInstance Close(int threads, int groupsAtOnce, Type kernel, params Type[] arguments) =>
        new(kernel.GetMethod("Run")!.MakeGenericMethod(arguments), threads, groupsAtOnce);
}
