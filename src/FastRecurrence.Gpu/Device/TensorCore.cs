using ILGPU;
using ILGPU.Backends.PTX;
using ILGPU.IR;
using ILGPU.IR.Intrinsics;
using ILGPU.IR.Values;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// What a warp's tensor cores do, with the PTX for it. tf32 is a float whose last 13 bits are zero. The bodies are what the
/// emulator runs: the lanes of its warps hand each other what the instruction's layout says that they hold.
/// </summary>
internal static class TensorCore
{
    /// <summary><c>cvt.rna.tf32.f32</c>: to the nearest tf32, a tie away from zero; a NaN stays one.</summary>
    [IntrinsicImplementation]
    public static float Round(float x) => float.IsNaN(x) ? x : BitConverter.UInt32BitsToSingle((BitConverter.SingleToUInt32Bits(x) + 0x1000) & 0xFFFFE000);

    /// <summary>
    /// <c>mma.sync.m16n8k8</c> over tf32: <c>A·B + C</c>, all lanes of a warp together. Lane 4g + t holds of A <c>[16, 8]</c> (g, t), (g + 8, t),
    /// (g, t + 4), (g + 8, t + 4); of B <c>[8, 8]</c> (t, g), (t + 4, g); of C <c>[16, 8]</c> (g, 2t), (g, 2t + 1), (g + 8, 2t), (g + 8, 2t + 1).
    /// </summary>
    [IntrinsicImplementation]
    public static Float4 MultiplyAdd(Float4 a, float b0, float b1, Float4 c)
    {
        int row = Warp.LaneIdx / 4, column = 2 * (Warp.LaneIdx % 4);
        Float2 b = new() { X = b0, Y = b1 };
        for (int k = 0; k < 4; k++)
        {
            Float4 rows = Warp.Shuffle(a, 4 * row + k);
            Float2 left = Warp.Shuffle(b, 4 * column + k), right = Warp.Shuffle(b, 4 * (column + 1) + k);
            c.X += rows.X * left.X + rows.Z * left.Y;
            c.Y += rows.X * right.X + rows.Z * right.Y;
            c.Z += rows.Y * left.X + rows.W * left.Y;
            c.W += rows.Y * right.X + rows.W * right.Y;
        }

        return c;
    }

    /// <summary><c>cvt.rn.bf16x2.f32</c>: two numbers rounded to bfloat16, a tie to even, in one word, the first below.</summary>
    [IntrinsicImplementation]
    public static float Pair(float first, float second) =>
        BitConverter.UInt32BitsToSingle((Bfloat16(first) >> 16) | (Bfloat16(second) & 0xFFFF0000));

    /// <summary><c>mma.sync.m16n8k16</c> over bfloat16: as <see cref="MultiplyAdd"/> with a pair of neighbouring k's in each word.</summary>
    [IntrinsicImplementation]
    public static Float4 MultiplyAddPairs(Float4 a, float b0, float b1, Float4 c) =>
        MultiplyAdd(High(a), High(b0), High(b1), MultiplyAdd(Low(a), Low(b0), Low(b1), c));

    private static uint Bfloat16(float x)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        return float.IsNaN(x) ? bits | 0x400000 : bits + 0x7FFF + ((bits >> 16) & 1);
    }

    private static float Low(float pair) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(pair) << 16);

    private static float High(float pair) => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(pair) & 0xFFFF0000);

    private static Float4 Low(Float4 pairs) => new() { X = Low(pairs.X), Y = Low(pairs.Y), Z = Low(pairs.Z), W = Low(pairs.W) };

    private static Float4 High(Float4 pairs) => new() { X = High(pairs.X), Y = High(pairs.Y), Z = High(pairs.Z), W = High(pairs.W) };
}

/// <summary>
/// The generators of <see cref="TensorCore"/>, by name. PTX wants tf32 and bfloat16 in registers of type b32, ILGPU has floats: moves between them, which
/// ptxas drops.
/// </summary>
internal static class TensorPtx
{
    public static void Round(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        PTXCodeGenerator.PrimitiveRegister x = generator.LoadPrimitive(value[0]);
        PTXCodeGenerator.HardwareRegister bits = Bits(generator);
        using (PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("cvt.rna.tf32.f32"))
        {
            command.AppendArgument(bits);
            command.AppendArgument(x);
        }

        Move(generator, generator.AllocateHardware(value), bits);
    }

    public static void Pair(PTXBackend backend, PTXCodeGenerator generator, Value value)
    {
        PTXCodeGenerator.PrimitiveRegister first = generator.LoadPrimitive(value[0]), second = generator.LoadPrimitive(value[1]);
        PTXCodeGenerator.HardwareRegister bits = Bits(generator);
        using (PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("cvt.rn.bf16x2.f32"))
        {
            command.AppendArgument(bits);
            command.AppendArgument(second); // its first source goes to the upper half
            command.AppendArgument(first);
        }

        Move(generator, generator.AllocateHardware(value), bits);
    }

    public static void MultiplyAdd(PTXBackend backend, PTXCodeGenerator generator, Value value) =>
        Emit("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32", generator, value);

    public static void MultiplyAddPairs(PTXBackend backend, PTXCodeGenerator generator, Value value) =>
        Emit("mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", generator, value);

    private static void Emit(string instruction, PTXCodeGenerator generator, Value value)
    {
        var a = (PTXCodeGenerator.CompoundRegister)generator.Load(value[0]);
        var c = (PTXCodeGenerator.CompoundRegister)generator.Load(value[3]);
        PTXCodeGenerator.HardwareRegister[] rows = [.. a.SliceAs<PTXCodeGenerator.PrimitiveRegister>(0, 4).Select(r => Word(generator, r))];
        PTXCodeGenerator.HardwareRegister[] columns = [Word(generator, generator.LoadPrimitive(value[1])), Word(generator, generator.LoadPrimitive(value[2]))];
        var target = (PTXCodeGenerator.CompoundRegister)generator.Allocate(value);
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand(instruction);
        command.AppendVectorArgument(target.SliceAs<PTXCodeGenerator.PrimitiveRegister>(0, 4));
        command.AppendVectorArgument(rows);
        command.AppendVectorArgument(columns);
        command.AppendVectorArgument(c.SliceAs<PTXCodeGenerator.PrimitiveRegister>(0, 4));
    }

    private static PTXCodeGenerator.HardwareRegister Bits(PTXCodeGenerator generator) =>
        generator.AllocateRegister(BasicValueType.Int32, PTXRegisterKind.Int32);

    private static PTXCodeGenerator.HardwareRegister Word(PTXCodeGenerator generator, PTXCodeGenerator.PrimitiveRegister value)
    {
        PTXCodeGenerator.HardwareRegister bits = Bits(generator);
        Move(generator, bits, value);
        return bits;
    }

    private static void Move(PTXCodeGenerator generator, PTXCodeGenerator.HardwareRegister target, PTXCodeGenerator.PrimitiveRegister source)
    {
        using PTXCodeGenerator.CommandEmitter command = generator.BeginCommand("mov.b32");
        command.AppendArgument(target);
        command.AppendArgument(source);
    }
}
