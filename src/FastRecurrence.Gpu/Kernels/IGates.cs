using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// The values of all gates of one unit, adjacent in memory: four for an LSTM, one for an Elman cell. The GEMMs are written
/// once over it. Members are named fields, not arrays: ILGPU keeps a struct's fields in registers, an array in local memory.
/// </summary>
internal interface IGates<TSelf>
    where TSelf : unmanaged
{
    /// <summary>G.</summary>
    static abstract int Count { get; }

    static abstract TSelf Zero { get; }

    /// <summary>w·x + sum, gate by gate.</summary>
    static abstract TSelf MultiplyAdd(TSelf w, float x, TSelf sum);

    /// <summary>Writes the gates of one unit to <c>[G, H]</c>, the first at <paramref name="index"/>, the next H further.</summary>
    static abstract void Scatter(TSelf values, ArrayView<float> destination, int index, int hiddenSize);
}

/// <summary>i, f, g, o of one unit; also four neighbouring rows of one column in a tile. Loaded and stored as 16 bytes.</summary>
internal struct Float4 : IGates<Float4>
{
    public float X, Y, Z, W;

    public static int Count => 4;

    public static Float4 Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 MultiplyAdd(Float4 w, float x, Float4 sum)
    {
        sum.X = DeviceLanes.MultiplyAdd(w.X, x, sum.X);
        sum.Y = DeviceLanes.MultiplyAdd(w.Y, x, sum.Y);
        sum.Z = DeviceLanes.MultiplyAdd(w.Z, x, sum.Z);
        sum.W = DeviceLanes.MultiplyAdd(w.W, x, sum.W);
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scatter(Float4 values, ArrayView<float> destination, int index, int hiddenSize)
    {
        destination[index] = values.X;
        destination[index + hiddenSize] = values.Y;
        destination[index + 2 * hiddenSize] = values.Z;
        destination[index + 3 * hiddenSize] = values.W;
    }
}

/// <summary>The one preactivation of an Elman unit.</summary>
internal struct Float1 : IGates<Float1>
{
    public float X;

    public static int Count => 1;

    public static Float1 Zero => default;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float1 MultiplyAdd(Float1 w, float x, Float1 sum)
    {
        sum.X = DeviceLanes.MultiplyAdd(w.X, x, sum.X);
        return sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Scatter(Float1 values, ArrayView<float> destination, int index, int hiddenSize) =>
        destination[index] = values.X;
}
