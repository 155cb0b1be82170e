using System.Runtime.CompilerServices;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// Relaxed loads and stores at the scope of the GPU: served by L2, past the L1 caches of the multiprocessors, in order with
/// nothing. One 16-byte load counts as four of 4 bytes, each of which validates itself.
/// </summary>
internal readonly struct CudaExchange : IExchange
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Load(ArrayView<Float4> words, int at) => RelaxedAccess.LoadFloat4(ref words[at]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Publish(ArrayView<float> words, int at, float value) => RelaxedAccess.Store(ref words[at], Words.Valid(value));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int LoadFlag(ArrayView<int> flags, int at) => RelaxedAccess.LoadInt(ref flags[at]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void RaiseFlag(ArrayView<int> flags, int at) => Atomic.Exchange(ref flags[at], 1);
}

/// <summary>The instructions that ILGPU has no method for, each with its PTX. The bodies are what the emulator runs.</summary>
internal static class RelaxedAccess
{
    /// <summary><c>ld.relaxed.gpu.global.v4.f32</c>.</summary>
    [IntrinsicImplementation]
    public static Float4 LoadFloat4(ref Float4 words)
    {
        Float4 values = default;
        values.X = Volatile.Read(ref words.X);
        values.Y = Volatile.Read(ref words.Y);
        values.Z = Volatile.Read(ref words.Z);
        values.W = Volatile.Read(ref words.W);
        return values;
    }

    /// <summary><c>ld.relaxed.gpu.global.b32</c>.</summary>
    [IntrinsicImplementation]
    public static int LoadInt(ref int word) => Volatile.Read(ref word);

    /// <summary><c>st.relaxed.gpu.global.f32</c>.</summary>
    [IntrinsicImplementation]
    public static void Store(ref float word, float value) => Volatile.Write(ref word, value);
}

/// <summary>The generators of <see cref="RelaxedAccess"/>, by name.</summary>
internal static class RelaxedPtx
{
    public static void LoadFloat4(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        PTXCodeGenerator.HardwareRegister address = generator.LoadHardware(value[0]);
        var target = (PTXCodeGenerator.CompoundRegister)generator.Allocate(value);
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("ld.relaxed.gpu.global.v4.f32");
        command.AppendVectorArgument(target.SliceAs<PTXCodeGenerator.PrimitiveRegister>(0, 4));
        command.AppendArgumentValue(address);
    }

    public static void LoadInt(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        PTXCodeGenerator.HardwareRegister address = generator.LoadHardware(value[0]);
        PTXCodeGenerator.HardwareRegister target = generator.AllocateHardware(value);
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("ld.relaxed.gpu.global.b32");
        command.AppendArgument(target);
        command.AppendArgumentValue(address);
    }

    public static void Store(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        PTXCodeGenerator.HardwareRegister address = generator.LoadHardware(value[0]);
        PTXCodeGenerator.HardwareRegister word = generator.LoadHardware(value[1]);
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("st.relaxed.gpu.global.f32");
        command.AppendArgumentValue(address);
        command.AppendArgument(word);
    }
}
