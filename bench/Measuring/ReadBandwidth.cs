using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using FastRecurrence.Lanes;

namespace FastRecurrence.Measuring;

/// <summary>How fast threads read memory again and again, by the size of what each reads: the sloping side of the roofline, measured in the run that uses it.</summary>
internal static unsafe class ReadBandwidth
{
    private const int Rounds = 4, MostOwn = 16;
    private const double BytesARound = 24e6;

    /// <summary>From well inside a first-level cache to well beyond a last one, on today's processors.</summary>
    public static IReadOnlyList<int> Footprints { get; } = [16 << 10, 32 << 10, 64 << 10, 256 << 10, 512 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20];

    /// <summary>What the loop reads at once, in bytes: a footprint is a multiple of it.</summary>
    private const int Grain = 512;

    /// <summary>The footprints above and those of the given sizes, ascending; the given ones only while they are few.</summary>
    public static IReadOnlyList<int> With(IEnumerable<double> bytesEach)
    {
        int[] own = [.. bytesEach.Where(b => b > Footprints[0] && b < 1 << 28).Select(b => (int)(Math.Ceiling(b / Grain) * Grain)).Distinct()];
        return own.Length > MostOwn ? Footprints : [.. Footprints.Union(own).Order()];
    }

    /// <summary>
    /// GB/s of all threads together when each reads its own <paramref name="bytesEach"/>, a multiple of 512; the best of four rounds, each
    /// from the first thread's start to the last one's end.
    /// </summary>
    public static double MeasureGigabytes(int threads, int bytesEach)
    {
        long floats = bytesEach / sizeof(float);
        int passes = Math.Max(1, (int)(BytesARound / bytesEach));
        var memories = new nint[threads];
        try
        {
            double seconds = Together.BestSeconds(threads, Rounds, thread =>
            {
                // Its own thread writes it first, so that it lies near.
                var memory = (float*)NativeMemory.AlignedAlloc((nuint)bytesEach, 64);
                memories[thread] = (nint)memory;
                new Span<float>(memory, (int)floats).Fill(1);
                return () => Read(memory, floats, passes);
            });
            return (double)bytesEach * passes * threads / seconds / 1e9;
        }
        finally
        {
            foreach (nint memory in memories)
                NativeMemory.AlignedFree((void*)memory);
        }
    }

    private static void Read(float* memory, long floats, int passes)
    {
        if (Vector512.IsHardwareAccelerated)
            Sum<Vector512<float>, Vector512Lanes>(memory, floats, passes);
        else if (Vector256.IsHardwareAccelerated)
            Sum<Vector256<float>, Vector256Lanes>(memory, floats, passes);
        else
            Sum<Vector128<float>, Vector128Lanes>(memory, floats, passes);
    }

    /// <summary>Eight chains of additions: loads are what it waits for. The result is used, so that no load is removed.</summary>
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.AggressiveOptimization)]
    private static V Sum<V, L>(float* memory, long floats, int passes)
        where V : struct
        where L : IMemoryLanes<V>
    {
        V a = L.Broadcast(0), b = a, c = a, d = a, e = a, f = a, g = a, h = a;
        int n = L.Count;
        for (int pass = 0; pass < passes; pass++)
        {
            for (float* p = memory, end = memory + floats; p < end; p += 8 * n)
            {
                a = L.Add(a, L.Load(p));
                b = L.Add(b, L.Load(p + n));
                c = L.Add(c, L.Load(p + 2 * n));
                d = L.Add(d, L.Load(p + 3 * n));
                e = L.Add(e, L.Load(p + 4 * n));
                f = L.Add(f, L.Load(p + 5 * n));
                g = L.Add(g, L.Load(p + 6 * n));
                h = L.Add(h, L.Load(p + 7 * n));
            }
        }

        return L.Add(L.Add(L.Add(a, b), L.Add(c, d)), L.Add(L.Add(e, f), L.Add(g, h)));
    }
}
