using System.Numerics;

namespace FastRecurrence.Import;

/// <summary>The moves that lead from one framework's memory to another's: blocks of rows, transposition, sums.</summary>
internal static class GateBlocks
{
    /// <summary><c>to[k] = from[order[k]]</c>, each block the same length.</summary>
    public static T[] Permute<T>(ReadOnlySpan<T> from, ReadOnlySpan<int> order)
    {
        var to = new T[from.Length];
        int block = from.Length / order.Length;
        for (int k = 0; k < order.Length; k++)
            from.Slice(order[k] * block, block).CopyTo(to.AsSpan(k * block));
        return to;
    }

    /// <summary>The order that undoes <paramref name="order"/>.</summary>
    public static int[] Inverse(ReadOnlySpan<int> order)
    {
        var inverse = new int[order.Length];
        for (int k = 0; k < order.Length; k++)
            inverse[order[k]] = k;
        return inverse;
    }

    /// <summary><c>[rows, columns]</c> to <c>[columns, rows]</c>.</summary>
    public static T[] Transpose<T>(ReadOnlySpan<T> from, int rows, int columns)
    {
        var to = new T[from.Length];
        for (int r = 0; r < rows; r++)
        {
            for (int c = 0; c < columns; c++)
                to[c * rows + r] = from[r * columns + c];
        }

        return to;
    }

    /// <summary>Sums of biases that are only ever added: in double, rounded once.</summary>
    public static T[] Sum<T>(ReadOnlySpan<T> a, ReadOnlySpan<T> b)
        where T : struct, IFloatingPointIeee754<T>
    {
        var sum = new T[a.Length];
        for (int i = 0; i < sum.Length; i++)
            sum[i] = T.CreateTruncating(double.CreateTruncating(a[i]) + double.CreateTruncating(b[i]));
        return sum;
    }
}
