using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;
using Vec = System.Runtime.Intrinsics.Vector256<float>;
using Wide = System.Runtime.Intrinsics.Vector256;

namespace FastRecurrence.Lanes;

/// <summary>256 bits: AVX2, and a register-pair emulation elsewhere. Differs from its siblings only in the two aliases above.</summary>
internal readonly unsafe struct Vector256Lanes : IMemoryLanes<Vec>
{
    public static int Count => Vec.Count;

    public static int TileRows => !SoftwareFma.HasInstruction ? 1 : Vector512.IsHardwareAccelerated ? 6 : 3;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec Broadcast(float x) => Wide.Create(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec Add(Vec a, Vec b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec Subtract(Vec a, Vec b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec Multiply(Vec a, Vec b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec Divide(Vec a, Vec b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec MultiplyAdd(Vec a, Vec b, Vec c) =>
        Fma.IsSupported || AdvSimd.IsSupported ? Wide.FusedMultiplyAdd(a, b, c) : SoftwareFma.MultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec Abs(Vec x) => Wide.Abs(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec CopySign(Vec magnitude, Vec sign) => Wide.ConditionalSelect(Wide.Create(-0f), sign, magnitude);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec AtMost(Vec x, Vec limit) =>
        Sse.IsSupported ? Wide.MinNative(limit, x) : Wide.ConditionalSelect(Wide.GreaterThan(x, limit), limit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec AtLeast(Vec x, Vec limit) =>
        Sse.IsSupported ? Wide.MaxNative(limit, x) : Wide.ConditionalSelect(Wide.LessThan(x, limit), limit, x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec WhereNegative(Vec x, Vec negative, Vec other) => Wide.ConditionalSelect(Wide.LessThan(x, Vec.Zero), negative, other);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec PowerOfTwo(Vec shifted) => Wide.ShiftLeft(shifted.AsInt32(), 23).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec Load(float* p) => Wide.Load(p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vec x, float* p) => Wide.Store(x, p);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec ShiftLeft(Vec bits, int count) => Wide.ShiftLeft(bits.AsInt32(), count).AsSingle();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vec ConvertInteger(Vec bits) => Wide.ConvertToSingle(bits.AsInt32());
}
