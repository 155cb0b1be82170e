using System.Numerics;
using System.Runtime.InteropServices;

namespace FastRecurrence.Layout;

/// <summary>
/// Elementwise loops over buffers of parameters, whose lengths are multiples of every vector. Each element has its own operations, each rounded by itself,
/// so the bits do not depend on the width.
/// </summary>
internal static class ParameterMath
{
    /// <summary>x = x·factor.</summary>
    public static void Scale(Span<float> x, float factor)
    {
        foreach (ref Vector<float> v in Vectors(x))
            v *= factor;
    }

    /// <summary>sum = sum + x.</summary>
    public static void Add(ReadOnlySpan<float> x, Span<float> sum)
    {
        Span<Vector<float>> sums = Vectors(sum);
        ReadOnlySpan<Vector<float>> terms = MemoryMarshal.Cast<float, Vector<float>>(x);
        for (int i = 0; i < sums.Length; i++)
            sums[i] += terms[i];
    }

    /// <summary>The same memory as vectors.</summary>
    public static Span<Vector<float>> Vectors(Span<float> x)
    {
        if (x.Length % Vector<float>.Count != 0)
            throw new ArgumentException($"{x.Length} floats are no whole number of vectors of {Vector<float>.Count}.", nameof(x));
        return MemoryMarshal.Cast<float, Vector<float>>(x);
    }
}
