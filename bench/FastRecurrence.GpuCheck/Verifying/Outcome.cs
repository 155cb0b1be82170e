using System.Runtime.InteropServices;
using FastRecurrence.GpuCheck.Results;

namespace FastRecurrence.GpuCheck.Verifying;

/// <summary>What became of the problems of one kernel.</summary>
internal sealed class Outcome
{
    public int Problems, Unrepeated, Strayed, Differing, Unfit;
    public long Fallbacks, Shared;
    public double Worst;

    /// <summary>Where the first mistake was; null while there is none.</summary>
    public string? First;

    /// <summary>Every number against the exact one, relative where that is beyond 1.</summary>
    public void Compare(string problem, float[] exact, float[] actual, double limit)
    {
        for (int i = 0; i < exact.Length; i++)
            Add(problem, i, Math.Abs((double)exact[i] - actual[i]) / Math.Max(1, Math.Abs(exact[i])), limit);
    }

    /// <summary>One error; NaN is beyond every limit.</summary>
    public void Add(string problem, int index, double error, double limit)
    {
        if (!(error <= limit))
            First ??= $"{problem} [{index}]";
        Worst = double.IsNaN(error) ? double.PositiveInfinity : Math.Max(Worst, error);
    }

    /// <summary>A mistake that is counted.</summary>
    public void Note(ref int count, string problem)
    {
        count++;
        First ??= problem;
    }

    /// <summary>What it comes to.</summary>
    /// <param name="limit">What the worst error may be.</param>
    /// <param name="wasCut">Whether there were more problems than time: none is no verdict then, and else a mistake.</param>
    public VerificationResult Result(double limit, bool wasCut)
    {
        bool isGood = Worst <= limit && Unrepeated == 0 && Strayed == 0 && Differing == 0;
        return new(Problems, Worst, limit, Unrepeated, Strayed, Problems > 0 ? isGood : wasCut ? null : false) { First = First };
    }
}

/// <summary>Numbers compared bit for bit.</summary>
internal static class Bits
{
    public static bool AreSame(ReadOnlySpan<float> a, ReadOnlySpan<float> b) => MemoryMarshal.AsBytes(a).SequenceEqual(MemoryMarshal.AsBytes(b));
}
