using System.Runtime.CompilerServices;
using ILGPU;

namespace FastRecurrence.Gpu.Kernels;

/// <summary>
/// W or R in the order in which the lanes of a warp take it for tensor cores: <c>[k / 16][column / 8][lane][4]</c>, lane 4g + t with k's 4t to 4t + 3 of
/// column g. k's and columns are filled up with zeros to whole panels of 16 × 32.
/// </summary>
internal static class TensorFragments
{
    /// <summary>Fragments of a group of <see cref="Pack"/>, one a warp.</summary>
    public const int PackedAtOnce = 8;

    /// <summary>Fragments of 8 columns beside each other.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int Across(int columns4) => ((columns4 + 7) >> 3) << 2;

    /// <summary>Panels of 16 k's below each other.</summary>
    public static int Panels(int depth) => (depth + TensorGemmLoop.Depth - 1) / TensorGemmLoop.Depth;

    /// <summary>Float4s of a matrix in this order.</summary>
    public static long Length(int depth, int columns4) => (long)Panels(depth) * Across(columns4) * TensorGemmLoop.Lanes;

    /// <summary>
    /// The kernel that brings a matrix into the order. Grid: groups of fragments × panels; group: <see cref="TensorGemmLoop.Lanes"/> ×
    /// <see cref="PackedAtOnce"/> threads.
    /// </summary>
    public static void Pack(FragmentArguments a)
    {
        int lane = Group.IdxX, fragment = Grid.IdxX * PackedAtOnce + Group.IdxY, panel = Grid.IdxY, across = Across(a.Columns4);
        int k = panel * TensorGemmLoop.Depth + ((lane & 3) << 2), column = (fragment << 3) + (lane >> 2);
        if (fragment >= across)
            return;
        Float4 four = Float4.Zero;
        (four.X, four.Y) = (Element(a, k, column), Element(a, k + 1, column));
        (four.Z, four.W) = (Element(a, k + 2, column), Element(a, k + 3, column));
        a.Fragments[(panel * across + fragment) * TensorGemmLoop.Lanes + lane] = four;
    }

    private static float Element(FragmentArguments a, int k, int column)
    {
        float value = 0f;
        if (k < a.Depth && column < a.Columns4 << 2)
            value = a.Matrix[k * (a.Columns4 << 2) + column];
        return value;
    }
}

/// <summary>What <see cref="TensorFragments.Pack"/> is launched with.</summary>
internal struct FragmentArguments
{
    /// <summary><c>[Depth, 4·Columns4]</c>.</summary>
    public ArrayView<float> Matrix;

    /// <summary>Where the order goes.</summary>
    public ArrayView<Float4> Fragments;

    /// <summary>The sizes.</summary>
    public int Depth, Columns4;
}

/// <summary>Two neighbouring columns of a row.</summary>
internal struct Float2
{
    public float X, Y;
}
