namespace FastRecurrence.Measuring;

/// <summary>What a comparison says of one point.</summary>
internal enum VerdictKind
{
    Faster,
    Slower,
    Same,
    Ambiguous,

    /// <summary>The runs come from different machines: what changed is not the program alone.</summary>
    DifferentMachine,
}

/// <summary>The medians of one point's launches on two sides, held against each other.</summary>
/// <param name="Base">Microseconds per step, one for each launch.</param>
/// <param name="New">The same of the other side.</param>
/// <param name="ThresholdPercent">Below this a difference is no difference.</param>
/// <param name="SameMachine">Whether both sides ran on machines that cannot be told apart.</param>
internal sealed record Verdict(IReadOnlyList<double> Base, IReadOnlyList<double> New, double ThresholdPercent, bool SameMachine = true)
{
    /// <summary>Fewer launches than these a side separate too often by luck.</summary>
    public const int FewestLaunches = 3;

    public double BaseMedian { get; } = Measurement.MedianOf(Base);

    public double NewMedian { get; } = Measurement.MedianOf(New);

    /// <summary>Negative where the new side is faster.</summary>
    public double ChangePercent => 100 * (NewMedian / BaseMedian - 1);

    /// <summary>
    /// FASTER and SLOWER need medians that differ by the threshold, launches of the two sides that do not overlap, and three
    /// launches a side. The unit is the launch: samples inside one are correlated, and tests over them find differences
    /// between a program and itself. On different machines there is no verdict at all.
    /// </summary>
    public VerdictKind Kind =>
        !SameMachine ? VerdictKind.DifferentMachine
        : Math.Abs(ChangePercent) < ThresholdPercent ? VerdictKind.Same
        : Math.Min(Base.Count, New.Count) < FewestLaunches ? VerdictKind.Ambiguous
        : New.Max() < Base.Min() ? VerdictKind.Faster
        : New.Min() > Base.Max() ? VerdictKind.Slower
        : VerdictKind.Ambiguous;

    /// <summary>How often two sides of so many launches of one program do not overlap by luck alone: 2·m!·n!/(m+n)!.</summary>
    public static double LuckPercent(int m, int n)
    {
        double ways = 1;
        for (int i = 1; i <= n; i++)
            ways = ways * (m + i) / i;
        return 100 * 2 / ways;
    }
}
