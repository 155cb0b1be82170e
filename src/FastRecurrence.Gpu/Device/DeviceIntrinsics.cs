using System.Reflection;
using ILGPU;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;

namespace FastRecurrence.Gpu;

/// <summary>Makes operations that ILGPU has no method for known to a context: each is a method here and another one, of the same name, a backend.</summary>
internal static class DeviceIntrinsics
{
    /// <summary>Registers every method of a type that is marked with <see cref="IntrinsicImplementationAttribute"/>.</summary>
    /// <param name="builder">The context to be.</param>
    /// <param name="operations">The methods that kernels call; their bodies are what the emulator runs.</param>
    /// <param name="ptx">Generators of their PTX, by name.</param>
    /// <param name="openCl">What OpenCL devices run instead, by name; null where none of their kernels comes here, or the bodies are good for them.</param>
    public static Context.Builder Register(this Context.Builder builder, Type operations, Type ptx, Type? openCl = null)
    {
        IntrinsicImplementationManager manager = builder.GetIntrinsicManager();
        foreach (MethodInfo method in operations.GetMethods(BindingFlags.Static | BindingFlags.Public | BindingFlags.DeclaredOnly))
        {
            if (!method.IsDefined(typeof(IntrinsicImplementationAttribute)))
                continue;
            manager.RegisterMethod(method, new PTXIntrinsic(ptx, method.Name, IntrinsicImplementationMode.GenerateCode));
            if (openCl is not null)
                manager.RegisterMethod(method, new CLIntrinsic(openCl, method.Name, IntrinsicImplementationMode.Redirect));
        }

        return builder;
    }
}
