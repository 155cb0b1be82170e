using FastRecurrence.Gpu.Kernels;
using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;

namespace FastRecurrence.Gpu;

/// <summary>
/// Copies from global to shared memory that a thread does not wait for: CUDA's <c>cp.async</c>, from compute capability 8.0 on. Elsewhere, and on the
/// emulator, they are complete at once. Other threads may read what was copied after the wait and a barrier of the group.
/// </summary>
internal static class AsyncCopy
{
    /// <summary>16 bytes, or zeros where <paramref name="bytes"/> is 0 and not 16: the source is not read then, but must be an address of the buffer.</summary>
    [IntrinsicImplementation]
    public static void Start(ref Float4 target, ref Float4 source, int bytes) => target = bytes != 0 ? source : default;

    /// <summary>Ends a batch of copies.</summary>
    [IntrinsicImplementation]
    public static void EndBatch()
    {
    }

    /// <summary>Waits until at most the last batch of this thread is under way.</summary>
    [IntrinsicImplementation]
    public static void WaitForAllButOne()
    {
    }

    /// <summary>Waits until at most the last two batches of this thread are under way.</summary>
    [IntrinsicImplementation]
    public static void WaitForAllButTwo()
    {
    }
}

/// <summary>What OpenCL devices get of <see cref="AsyncCopy"/>.</summary>
internal static class AsyncCopyOpenCl
{
    public static void Start(ref Float4 target, ref Float4 source, int bytes)
    {
        Float4 value = source;
        if (bytes == 0)
            value = default;
        target = value;
    }

    public static void EndBatch()
    {
    }

    public static void WaitForAllButOne()
    {
    }

    public static void WaitForAllButTwo()
    {
    }
}

/// <summary>The generators of <see cref="AsyncCopy"/>, by name.</summary>
internal static class AsyncCopyPtx
{
    public static void Start(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        PTXCodeGenerator.HardwareRegister target = generator.LoadHardware(value[0]), source = generator.LoadHardware(value[1]);
        PTXCodeGenerator.PrimitiveRegister bytes = generator.LoadPrimitive(value[2]);
        // The instruction wants an address within shared memory; ILGPU has a generic one.
        PTXCodeGenerator.HardwareRegister shared = generator.AllocateRegister(BasicValueType.Int64, PTXRegisterKind.Int64);
        using (PTXCodeGenerator.CommandEmitter convert = generator.BeginCommand("cvta.to.shared.u64"))
        {
            convert.AppendArgument(shared);
            convert.AppendArgument(target);
        }

        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("cp.async.cg.shared.global");
        command.AppendArgumentValue(shared);
        command.AppendArgumentValue(source);
        command.AppendConstant(16);
        command.AppendArgument(bytes);
    }

    public static void EndBatch(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("cp.async.commit_group");
    }

    public static void WaitForAllButOne(PTXBackend backend, PTXCodeGenerator generator, Value value) => Wait(generator, 1);

    public static void WaitForAllButTwo(PTXBackend backend, PTXCodeGenerator generator, Value value) => Wait(generator, 2);

    private static void Wait(PTXCodeGenerator generator, int batches)
    {
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("cp.async.wait_group");
        command.AppendConstant(batches);
    }
}
