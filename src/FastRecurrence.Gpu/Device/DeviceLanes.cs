using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;
using ILGPU;

namespace FastRecurrence.Gpu;

/// <summary>
/// Width 1 for device code. Only what ILGPU can translate: <c>MathF.FusedMultiplyAdd</c> and <c>BitConverter</c> are not.
/// </summary>
internal readonly struct DeviceLanes : ILanes<float>
{
    public static int Count => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Broadcast(float x) => x;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Add(float a, float b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Subtract(float a, float b) => a - b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Multiply(float a, float b) => a * b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Divide(float a, float b) => DeviceMath.Divide(a, b);

    /// <summary>Left to the device compiler, which contracts it to one FFMA; the emulator rounds twice.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float MultiplyAdd(float a, float b, float c) => a * b + c;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Abs(float x) => Interop.IntAsFloat(Interop.FloatAsInt(x) & 0x7FFFFFFFu);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float CopySign(float magnitude, float sign) =>
        Interop.IntAsFloat(Interop.FloatAsInt(magnitude) & 0x7FFFFFFFu | Interop.FloatAsInt(sign) & 0x80000000u);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float AtMost(float x, float limit) => DeviceMath.AtMost(x, limit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float AtLeast(float x, float limit) => DeviceMath.AtLeast(x, limit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float WhereNegative(float x, float negative, float other) => x < 0f ? negative : other;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float PowerOfTwo(float shifted) => Interop.IntAsFloat(Interop.FloatAsInt(shifted) << 23);
}
