using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace FastRecurrence.Lanes;

/// <summary>Width 1: the proof that width does not matter, and the arithmetic of the <c>scalar</c> backend.</summary>
internal readonly unsafe struct ScalarLanes : IMemoryLanes<float>
{
    public static int Count => 1;

    public static int TileRows => SoftwareFma.HasInstruction ? 3 : 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Broadcast(float x) => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Add(float a, float b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Subtract(float a, float b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Multiply(float a, float b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Divide(float a, float b) => a / b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MultiplyAdd(float a, float b, float c) =>
        Fma.IsSupported || AdvSimd.IsSupported ? MathF.FusedMultiplyAdd(a, b, c) : SoftwareFma.MultiplyAdd(a, b, c);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Abs(float x) => MathF.Abs(x);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float CopySign(float magnitude, float sign) => MathF.CopySign(magnitude, sign);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float AtMost(float x, float limit) => x > limit ? limit : x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float AtLeast(float x, float limit) => x < limit ? limit : x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float WhereNegative(float x, float negative, float other) => x < 0f ? negative : other;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float PowerOfTwo(float shifted) => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(shifted) << 23);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Load(float* p) => *p;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(float x, float* p) => *p = x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ShiftLeft(float bits, int count) => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(bits) << count);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float ConvertInteger(float bits) => BitConverter.SingleToInt32Bits(bits);
}
