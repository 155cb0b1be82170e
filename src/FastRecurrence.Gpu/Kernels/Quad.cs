using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// Four adjacent columns of W, R and the preactivations: the gates i, f, g, o of one LSTM unit, or four units of an Elman
/// layer. Loaded and stored as 16 bytes. Named fields, not an array: ILGPU keeps a struct's fields in registers.
/// </summary>
internal struct Quad
{
    public float X, Y, Z, W;

    public static Quad Zero => default;

    /// <summary>w·x + sum, column by column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quad MultiplyAdd(Quad w, float x, Quad sum)
    {
        sum.X = DeviceLanes.MultiplyAdd(w.X, x, sum.X);
        sum.Y = DeviceLanes.MultiplyAdd(w.Y, x, sum.Y);
        sum.Z = DeviceLanes.MultiplyAdd(w.Z, x, sum.Z);
        sum.W = DeviceLanes.MultiplyAdd(w.W, x, sum.W);
        return sum;
    }

    /// <summary>a + b, column by column.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quad Add(Quad a, Quad b)
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
internal struct PairQuad
{
    public int X, Y, Z, W;

    /// <summary>The even k's; <paramref name="half"/> is 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quad Even(PairQuad words, int half)
    {
        Quad values = Quad.Zero;
        values.X = Interop.IntAsFloat((uint)(words.X << half));
        values.Y = Interop.IntAsFloat((uint)(words.Y << half));
        values.Z = Interop.IntAsFloat((uint)(words.Z << half));
        values.W = Interop.IntAsFloat((uint)(words.W << half));
        return values;
    }

    /// <summary>The odd k's, which are the whole words.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quad Odd(PairQuad words)
    {
        Quad values = Quad.Zero;
        values.X = Interop.IntAsFloat((uint)words.X);
        values.Y = Interop.IntAsFloat((uint)words.Y);
        values.Z = Interop.IntAsFloat((uint)words.Z);
        values.W = Interop.IntAsFloat((uint)words.W);
        return values;
    }
}
