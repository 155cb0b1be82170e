using System.Runtime.CompilerServices;
using FastRecurrence.Lanes;

namespace FastRecurrence.Cpu;

/// <summary>The user's rows end after their last unit; the panels' do not. Only this type sees the difference.</summary>
internal static unsafe class PartialVector<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    /// <summary>Writes the first <paramref name="units"/> lanes, at most all.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(V value, float* destination, int units)
    {
        if (units >= L.Count)
            L.Store(value, destination);
        else
            StorePart(value, destination, units);
    }

    /// <summary>Reads the first <paramref name="units"/> lanes, at most all; the others are 0.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Load(float* source, int units) => units >= L.Count ? L.Load(source) : LoadPart(source, units);

    /// <summary>Copies the first <paramref name="units"/> floats of every row of a block.</summary>
    public static void CopyRows(float* source, nint sourceStride, int rows, in RowView destination, int units)
    {
        for (int row = 0; row < rows; row++)
            new ReadOnlySpan<float>(source + row * sourceStride, units).CopyTo(new Span<float>(destination[row], units));
    }

    /// <summary>Copies the first <paramref name="units"/> floats of every row of a view.</summary>
    public static void CopyRows(in RowView source, int rows, in RowView destination, int units)
    {
        for (int row = 0; row < rows; row++)
            new ReadOnlySpan<float>(source[row], units).CopyTo(new Span<float>(destination[row], units));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void StorePart(V value, float* destination, int units)
    {
        float* whole = stackalloc float[L.Count];
        L.Store(value, whole);
        for (int u = 0; u < units; u++)
            destination[u] = whole[u];
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static V LoadPart(float* source, int units)
    {
        float* whole = stackalloc float[L.Count];
        for (int u = 0; u < L.Count; u++)
            whole[u] = u < units ? source[u] : 0f;
        return L.Load(whole);
    }
}
