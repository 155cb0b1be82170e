using System.Runtime.CompilerServices;
using FastRecurrence.Cells;
using FastRecurrence.Lanes;
using FastRecurrence.Packing;

namespace FastRecurrence.Simd;

/// <summary>
/// From a block of preactivations in L1 scratch, <c>[rows][4][lanes]</c>, to h (and c, and the gates if asked): the second
/// half of the fused step. Activations are chosen once a block, not once an element.
/// </summary>
internal static unsafe class Epilogue<V, L>
    where V : struct
    where L : IMemoryLanes<V>
{
    /// <summary>LSTM: one panel of units, <paramref name="rows"/> rows.</summary>
    /// <param name="scratch">Preactivations; overwritten with the gates.</param>
    /// <param name="rows">Rows in the block.</param>
    /// <param name="cell">c of the panel, <c>[rows][lanes]</c>, padded: read and replaced.</param>
    /// <param name="hidden">h, the panel's first unit of the first row.</param>
    /// <param name="stride">H, floats between rows of h.</param>
    /// <param name="units">Units that are not padding; only these are written to h.</param>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Lstm(float* scratch, int rows, float* cell, float* hidden, nint stride, int units)
    {
        for (int row = 0; row < rows; row++)
        {
            V i = L.Load(scratch), f = L.Load(scratch + L.Count), g = L.Load(scratch + 2 * L.Count), o = L.Load(scratch + 3 * L.Count);
            V c = L.Load(cell);
            V h = LstmCell<V, L>.Step(ref i, ref f, ref g, ref o, ref c);
            L.Store(c, cell);
            L.Store(i, scratch);
            L.Store(f, scratch + L.Count);
            L.Store(g, scratch + 2 * L.Count);
            L.Store(o, scratch + 3 * L.Count);
            StoreUnits(h, hidden, units);
            scratch += 4 * L.Count;
            cell += L.Count;
            hidden += stride;
        }
    }

    /// <summary>Elman: activates the block where it lies; <see cref="CopyUnits"/> then moves it to h.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    public static void Elman(float* scratch, int rows, Activation activation)
    {
        float* end = scratch + (nint)rows * PanelLayout.Vectors * L.Count;
        switch (activation)
        {
            case Activation.Sigmoid:
                for (float* p = scratch; p < end; p += L.Count)
                    L.Store(ElmanCell<V, L>.Step(L.Load(p), Activation.Sigmoid), p);
                break;
            case Activation.Tanh:
                for (float* p = scratch; p < end; p += L.Count)
                    L.Store(ElmanCell<V, L>.Step(L.Load(p), Activation.Tanh), p);
                break;
            case Activation.Relu:
                for (float* p = scratch; p < end; p += L.Count)
                    L.Store(ElmanCell<V, L>.Step(L.Load(p), Activation.Relu), p);
                break;
        }
    }

    /// <summary>Copies the first <paramref name="units"/> floats of every row of a block, without its padding.</summary>
    public static void CopyUnits(float* source, nint sourceStride, int rows, float* destination, nint stride, int units)
    {
        for (int row = 0; row < rows; row++)
            new ReadOnlySpan<float>(source + row * sourceStride, units).CopyTo(new Span<float>(destination + row * stride, units));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void StoreUnits(V h, float* destination, int units)
    {
        if (units >= L.Count)
        {
            L.Store(h, destination);
            return;
        }

        float* spill = stackalloc float[L.Count];
        L.Store(h, spill);
        for (int u = 0; u < units; u++)
            destination[u] = spill[u];
    }
}
