namespace FastRecurrence.TestKit.Verification;

/// <summary>What a backend got right and wrong over many problems.</summary>
internal sealed class VerifiedCell
{
    /// <summary>Below this magnitude a value is the difference of larger ones, and its last place says little.</summary>
    private const double SmallestForUlp = 1.0 / 16;

    /// <summary>The largest that applied: it depends on a problem's sizes.</summary>
    public double Tolerance { get; private set; }

    public int Problems { get; private set; }

    public long Values { get; private set; }

    /// <summary>The largest error.</summary>
    public OutputLocation? Worst { get; private set; }

    /// <summary>The most ulp of error among values of magnitude 1/16 and more.</summary>
    public OutputLocation? WorstUlp { get; private set; }

    /// <summary>The first value beyond the tolerance, in the order of problems, then of steps, rows and units.</summary>
    public OutputLocation? FirstDivergence { get; private set; }

    public bool Ok => FirstDivergence is null;

    /// <summary>Takes the values of one problem.</summary>
    public void Add(IEnumerable<OutputLocation> problem, double tolerance)
    {
        Problems++;
        Tolerance = Math.Max(Tolerance, tolerance);
        foreach (OutputLocation location in problem)
            Add(location, tolerance);
    }

    private void Add(OutputLocation location, double tolerance)
    {
        Values++;
        if (Worst is null || location.Error > Worst.Error)
            Worst = location;
        if (Math.Abs(location.Exact) >= SmallestForUlp && (WorstUlp is null || location.Ulp > WorstUlp.Ulp))
            WorstUlp = location;
        if (FirstDivergence is null && !(location.Error <= tolerance))
            FirstDivergence = location;
    }
}
