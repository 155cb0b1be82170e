using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using FastRecurrence.Lanes;

namespace FastRecurrence.Measuring;

/// <summary>The most fused multiply-adds that threads of this machine do together: the top of every "% of peak". Measured in the run that uses it.</summary>
internal static class FmaPeak
{
    private const int Chains = 12, Rounds = 12;

    /// <summary>A third of a millisecond alone; several threads, which start some microseconds apart, work longer.</summary>
    private const int Iterations = 200_000, IterationsTogether = 2_000_000;

    /// <summary>
    /// GFLOP/s at the widest accelerated vectors, the best of twelve rounds: on a shared machine the peak is what gets through undisturbed. Of
    /// several threads all work counts, over the time from the first one's start to the last one's end: more threads than processors gain nothing.
    /// </summary>
    public static double MeasureGflops(int threads = 1)
    {
        if (Vector512.IsHardwareAccelerated)
            return Best<Vector512<float>, Vector512Lanes>(threads);
        if (Vector256.IsHardwareAccelerated)
            return Best<Vector256<float>, Vector256Lanes>(threads);
        return Vector128.IsHardwareAccelerated ? Best<Vector128<float>, Vector128Lanes>(threads) : Best<float, ScalarLanes>(threads);
    }

    private static double Best<V, L>(int threads)
        where V : struct
        where L : ILanes<V>
    {
        int iterations = threads == 1 ? Iterations : IterationsTogether;
        // The first run compiles, and wakes the wide units.
        double seconds = Together.BestSeconds(threads, Rounds, _ => () => Chain<V, L>(iterations, 1f));
        return 2.0 * Chains * L.Count * iterations * threads / seconds / 1e9;
    }

    /// <summary>Twelve independent chains: more than latency times throughput of any processor so far, few enough for 16 registers.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static V Chain<V, L>(int iterations, float seed)
        where V : struct
        where L : ILanes<V>
    {
        V factor = L.Broadcast(0.999f * seed), term = L.Broadcast(0.001f);
        V a = term, b = term, c = term, d = term, e = term, f = term, g = term, h = term, i = term, j = term, k = term, l = term;
        for (int n = 0; n < iterations; n++)
        {
            a = L.MultiplyAdd(a, factor, term);
            b = L.MultiplyAdd(b, factor, term);
            c = L.MultiplyAdd(c, factor, term);
            d = L.MultiplyAdd(d, factor, term);
            e = L.MultiplyAdd(e, factor, term);
            f = L.MultiplyAdd(f, factor, term);
            g = L.MultiplyAdd(g, factor, term);
            h = L.MultiplyAdd(h, factor, term);
            i = L.MultiplyAdd(i, factor, term);
            j = L.MultiplyAdd(j, factor, term);
            k = L.MultiplyAdd(k, factor, term);
            l = L.MultiplyAdd(l, factor, term);
        }

        // The result is used, so that no chain is removed.
        return L.Add(L.Add(L.Add(L.Add(a, b), L.Add(c, d)), L.Add(L.Add(e, f), L.Add(g, h))), L.Add(L.Add(i, j), L.Add(k, l)));
    }
}
