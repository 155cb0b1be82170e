using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;
using ILGPU.Runtime.Cuda;

namespace FastRecurrence.Gpu;

/// <summary>Arithmetic that ILGPU has no method for, each with its PTX. The bodies are what the emulator runs.</summary>
internal static class DeviceMath
{
    /// <summary>
    /// a / b by an approximate reciprocal and one correction: no branch to a slow path, so that neighbouring divisions overlap. For b from 2⁻¹²⁵ to 2¹²⁵;
    /// the activations' largest errors are those of a rounded division (<c>DeviceMathTests</c>).
    /// </summary>
    [IntrinsicImplementation]
    public static float Divide(float a, float b) => a / b;

    /// <summary>The smaller of x and a limit that is a number; a NaN stays one. One instruction where the device has it.</summary>
    [IntrinsicImplementation]
    public static float AtMost(float x, float limit) => x > limit ? limit : x;

    /// <summary>The larger of x and a limit that is a number; a NaN stays one. −0 and +0 count as equal: either may come back.</summary>
    [IntrinsicImplementation]
    public static float AtLeast(float x, float limit) => x < limit ? limit : x;
}

/// <summary>What OpenCL devices get of <see cref="DeviceMath"/>: plain code.</summary>
internal static class DeviceMathOpenCl
{
    public static float Divide(float a, float b) => a / b;

    public static float AtMost(float x, float limit) => x > limit ? limit : x;

    public static float AtLeast(float x, float limit) => x < limit ? limit : x;
}

/// <summary>The generators of <see cref="DeviceMath"/>, by name.</summary>
internal static class DeviceMathPtx
{
    public static void Divide(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        PTXCodeGenerator.PrimitiveRegister a = generator.LoadPrimitive(value[0]), b = generator.LoadPrimitive(value[1]);
        PTXCodeGenerator.HardwareRegister reciprocal = Float(generator), negative = Float(generator), quotient = Float(generator), rest = Float(generator);
        PTXCodeGenerator.HardwareRegister target = generator.AllocateHardware(value);
        Emit(generator, "rcp.approx.ftz.f32", reciprocal, b);
        Emit(generator, "neg.f32", negative, b);
        Emit(generator, "mul.rn.f32", quotient, a, reciprocal);
        Emit(generator, "fma.rn.f32", rest, negative, quotient, a); // what a − b·q is, to the last bit
        Emit(generator, "fma.rn.f32", target, rest, reciprocal, quotient);
    }

    public static void AtMost(PTXBackend backend, PTXCodeGenerator generator, Value value) => Limit(backend, generator, value, "min.NaN.f32", "setp.gt.f32");

    public static void AtLeast(PTXBackend backend, PTXCodeGenerator generator, Value value) => Limit(backend, generator, value, "max.NaN.f32", "setp.lt.f32");

    /// <summary>Before compute capability 8.0, min and max of a NaN and a number were the number.</summary>
    private static void Limit(PTXBackend backend, PTXCodeGenerator generator, Value value, string instruction, string comparison)
    {
        PTXCodeGenerator.PrimitiveRegister x = generator.LoadPrimitive(value[0]), limit = generator.LoadPrimitive(value[1]);
        PTXCodeGenerator.HardwareRegister target = generator.AllocateHardware(value);
        if (backend.Architecture >= CudaArchitecture.SM_80)
        {
            Emit(generator, instruction, target, x, limit);
            return;
        }

        PTXCodeGenerator.HardwareRegister beyond = generator.AllocateRegister(BasicValueType.Int1, PTXRegisterKind.Predicate);
        Emit(generator, comparison, beyond, x, limit);
        Emit(generator, "selp.f32", target, limit, x, beyond);
    }

    private static PTXCodeGenerator.HardwareRegister Float(PTXCodeGenerator generator) =>
        generator.AllocateRegister(BasicValueType.Float32, PTXRegisterKind.Float32);

    private static void Emit(PTXCodeGenerator generator, string instruction, params ReadOnlySpan<PTXCodeGenerator.PrimitiveRegister> registers)
    {
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand(instruction);
        foreach (PTXCodeGenerator.PrimitiveRegister register in registers)
            command.AppendArgument(register);
    }
}
