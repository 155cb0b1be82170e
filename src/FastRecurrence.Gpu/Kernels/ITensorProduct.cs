using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>How float32 products are made of what tensor cores multiply. A word of a fragment holds one k, or two.</summary>
internal interface ITensorProduct
{
    /// <summary>log₂ of the k's in a word.</summary>
    static abstract int WordShift { get; }

    /// <summary>
    /// A word of A before it is shared, zeros beyond the matrix. Loads in any case, without a branch, so that all loads of a thread are under way
    /// together.
    /// </summary>
    static abstract float Fetch(ArrayView<float> input, int at, int word, int inputSize, bool inside);

    /// <summary>A fragment of A, ready to be multiplied.</summary>
    static abstract TensorParts Split(Float4 a);

    /// <summary>Two fragments of B and, <paramref name="rest"/> further on, what rounding took from them.</summary>
    static abstract TensorParts Load(ArrayView<Float4> weights, int at, int rest);

    /// <summary>The product of A and the first fragment of B, added to <paramref name="sum"/>; of the second where <paramref name="second"/>.</summary>
    static abstract Float4 MultiplyAdd(TensorParts a, TensorParts b, bool second, Float4 sum);
}

/// <summary>Values, or values as the sum of two tf32.</summary>
internal struct TensorParts
{
    public Float4 High, Low;
}

/// <summary>One tf32 product: 11 significant bits of either factor.</summary>
internal readonly struct SingleTf32 : ITensorProduct
{
    public static int WordShift => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Fetch(ArrayView<float> input, int at, int word, int inputSize, bool inside) =>
        TensorCore.Round(InputWords.Fetch(input, at, word, inputSize, inside));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorParts Split(Float4 a)
    {
        TensorParts parts = default;
        parts.High = a;
        return parts;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorParts Load(ArrayView<Float4> weights, int at, int rest) => Split(weights[at]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 MultiplyAdd(TensorParts a, TensorParts b, bool second, Float4 sum) => second
        ? TensorCore.MultiplyAdd(a.High, b.High.Z, b.High.W, sum)
        : TensorCore.MultiplyAdd(a.High, b.High.X, b.High.Y, sum);
}

/// <summary>One bfloat16 product, two k's a word: 8 significant bits of either factor.</summary>
internal readonly struct SingleBfloat16 : ITensorProduct
{
    public static int WordShift => 1;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Fetch(ArrayView<float> input, int at, int word, int inputSize, bool inside) =>
        TensorCore.Pair(InputWords.Fetch(input, at, 2 * word, inputSize, inside), InputWords.Fetch(input, at, 2 * word + 1, inputSize, inside));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorParts Split(Float4 a) => SingleTf32.Split(a);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorParts Load(ArrayView<Float4> weights, int at, int rest) => SingleTf32.Load(weights, at, rest);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 MultiplyAdd(TensorParts a, TensorParts b, bool second, Float4 sum) => second
        ? TensorCore.MultiplyAddPairs(a.High, b.High.Z, b.High.W, sum)
        : TensorCore.MultiplyAddPairs(a.High, b.High.X, b.High.Y, sum);
}

/// <summary>
/// Three tf32 products, of both factors' upper and lower 11 bits but for the two lower: about float32. Small products first, and added
/// to the sum outside the tensor cores, which are not known to round their sums to nearest.
/// </summary>
internal readonly struct TripleTf32 : ITensorProduct
{
    public static int WordShift => 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Fetch(ArrayView<float> input, int at, int word, int inputSize, bool inside) => InputWords.Fetch(input, at, word, inputSize, inside);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorParts Split(Float4 a)
    {
        TensorParts parts = default;
        parts.High.X = TensorCore.Round(a.X);
        parts.High.Y = TensorCore.Round(a.Y);
        parts.High.Z = TensorCore.Round(a.Z);
        parts.High.W = TensorCore.Round(a.W);
        parts.Low.X = TensorCore.Round(a.X - parts.High.X);
        parts.Low.Y = TensorCore.Round(a.Y - parts.High.Y);
        parts.Low.Z = TensorCore.Round(a.Z - parts.High.Z);
        parts.Low.W = TensorCore.Round(a.W - parts.High.W);
        return parts;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static TensorParts Load(ArrayView<Float4> weights, int at, int rest)
    {
        TensorParts parts = default;
        parts.High = weights[at];
        parts.Low = weights[at + rest];
        return parts;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Float4 MultiplyAdd(TensorParts a, TensorParts b, bool second, Float4 sum)
    {
        float high0 = second ? b.High.Z : b.High.X, high1 = second ? b.High.W : b.High.Y;
        float low0 = second ? b.Low.Z : b.Low.X, low1 = second ? b.Low.W : b.Low.Y;
        Float4 product = TensorCore.MultiplyAdd(a.Low, high0, high1, Float4.Zero);
        product = TensorCore.MultiplyAdd(a.High, low0, low1, product);
        product = TensorCore.MultiplyAdd(a.High, high0, high1, product);
        return Float4.Add(sum, product);
    }
}

/// <summary>Floats of A.</summary>
internal static class InputWords
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Fetch(ArrayView<float> input, int at, int k, int inputSize, bool inside)
    {
        inside &= k < inputSize;
        float value = input[inside ? at + k : 0];
        return inside ? value : 0f;
    }
}
