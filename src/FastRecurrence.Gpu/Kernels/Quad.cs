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

    /// <summary>The low halves of four words as bfloat16; <paramref name="half"/> is 16.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Quad LowHalves(Quad words, int half)
    {
        words.X = Interop.IntAsFloat(Interop.FloatAsInt(words.X) << half);
        words.Y = Interop.IntAsFloat(Interop.FloatAsInt(words.Y) << half);
        words.Z = Interop.IntAsFloat(Interop.FloatAsInt(words.Z) << half);
        words.W = Interop.IntAsFloat(Interop.FloatAsInt(words.W) << half);
        return words;
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
