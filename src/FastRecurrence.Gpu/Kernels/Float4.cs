using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// Four adjacent columns of W, R and the preactivations: the gates i, f, g, o of one LSTM unit, or four units of an Elman
/// layer. Loaded and stored as 16 bytes. Named fields, not an array: ILGPU keeps a struct's fields in registers.
/// </summary>
internal struct Float4
{
    public float X, Y, Z, W;

    public static Float4 Zero => default;

    /// <summary>w·x + sum, column by column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 MultiplyAdd(Float4 w, float x, Float4 sum)
    {
        sum.X = DeviceLanes.MultiplyAdd(w.X, x, sum.X);
        sum.Y = DeviceLanes.MultiplyAdd(w.Y, x, sum.Y);
        sum.Z = DeviceLanes.MultiplyAdd(w.Z, x, sum.Z);
        sum.W = DeviceLanes.MultiplyAdd(w.W, x, sum.W);
        return sum;
    }

    /// <summary>a + b, column by column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Add(Float4 a, Float4 b)
    {
        a.X += b.X;
        a.Y += b.Y;
        a.Z += b.Z;
        a.W += b.W;
        return a;
    }
}

/// <summary>
/// Four adjacent columns of bfloat16 pairs. Integers, also because ILGPU takes structs with the same fields in the same
/// places for one type, however they are nested: two of three chunks of pairs would be three chunks of float32.
/// </summary>
internal struct BfloatPairs4
{
    public int X, Y, Z, W;

    /// <summary>The even k's; <paramref name="half"/> is 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Even(BfloatPairs4 words, int half)
    {
        Float4 values = Float4.Zero;
        values.X = Interop.IntAsFloat((uint)(words.X << half));
        values.Y = Interop.IntAsFloat((uint)(words.Y << half));
        values.Z = Interop.IntAsFloat((uint)(words.Z << half));
        values.W = Interop.IntAsFloat((uint)(words.W << half));
        return values;
    }

    /// <summary>The odd k's, which are the whole words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 Odd(BfloatPairs4 words)
    {
        Float4 values = Float4.Zero;
        values.X = Interop.IntAsFloat((uint)words.X);
        values.Y = Interop.IntAsFloat((uint)words.Y);
        values.Z = Interop.IntAsFloat((uint)words.Z);
        values.W = Interop.IntAsFloat((uint)words.W);
        return values;
    }
}
