using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace FastRecurrence.Lanes;

/// <summary><see cref="Vector{T}"/> at the width the process has: 128, 256 or 512 bits.</summary>
internal readonly unsafe struct VectorLanes : IMemoryLanes<Vector<float>>
{
    public static int Count => Vector<float>.Count;

    public static int TileRows => !SoftwareFma.HasInstruction ? 1 : Vector512.IsHardwareAccelerated ? 6 : 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Broadcast(float x) => new(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Add(Vector<float> a, Vector<float> b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Subtract(Vector<float> a, Vector<float> b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Multiply(Vector<float> a, Vector<float> b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Divide(Vector<float> a, Vector<float> b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> MultiplyAdd(Vector<float> a, Vector<float> b, Vector<float> c) =>
        Fma.IsSupported || AdvSimd.IsSupported ? Vector.FusedMultiplyAdd(a, b, c) : SoftwareFma.MultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Abs(Vector<float> x) => Vector.Abs(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> CopySign(Vector<float> magnitude, Vector<float> sign) => Vector.ConditionalSelect(new Vector<float>(-0f), sign, magnitude);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> AtMost(Vector<float> x, Vector<float> limit) =>
        Sse.IsSupported ? Vector.MinNative(limit, x) : Vector.ConditionalSelect(Vector.GreaterThan(x, limit), limit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> AtLeast(Vector<float> x, Vector<float> limit) =>
        Sse.IsSupported ? Vector.MaxNative(limit, x) : Vector.ConditionalSelect(Vector.LessThan(x, limit), limit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> WhereNegative(Vector<float> x, Vector<float> negative, Vector<float> other) =>
        Vector.ConditionalSelect(Vector.LessThan(x, Vector<float>.Zero), negative, other);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> PowerOfTwo(Vector<float> shifted) => Vector.AsVectorSingle(Vector.ShiftLeft(Vector.AsVectorInt32(shifted), 23));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> Load(float* p) => Vector.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector<float> x, float* p) => Vector.Store(x, p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> ShiftLeft(Vector<float> bits, int count) => Vector.AsVectorSingle(Vector.ShiftLeft(Vector.AsVectorInt32(bits), count));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> ConvertInteger(Vector<float> bits) => Vector.ConvertToSingle(Vector.AsVectorInt32(bits));
}
