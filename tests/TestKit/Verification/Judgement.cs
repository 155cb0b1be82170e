namespace FastRecurrence.TestKit.Verification;

/// <summary>What a backend got right and wrong over many problems.</summary>
internal sealed class Judgement
{
    /// <summary>Below this magnitude a value is the difference of larger ones, and its last place says little.</summary>
    private const double SmallestForUlp = 1.0 / 16;

    /// <summary>The largest that applied: it depends on a problem's sizes.</summary>
    public double Tolerance { get; private set; }

    public int Problems { get; private set; }

    public long Values { get; private set; }

    /// <summary>The largest error.</summary>
    public Place? Worst { get; private set; }

    /// <summary>The most ulp of error among values of magnitude 1/16 and more.</summary>
    public Place? WorstUlp { get; private set; }

    /// <summary>The first value beyond the tolerance, in the order of problems, then of steps, rows and units.</summary>
    public Place? FirstDivergence { get; private set; }

    public bool Ok => FirstDivergence is null;

    /// <summary>Takes the values of one problem.</summary>
    public void Add(IEnumerable<Place> problem, double tolerance)
    {
        Problems++;
        Tolerance = Math.Max(Tolerance, tolerance);
        foreach (Place place in problem)
            Add(place, tolerance);
    }

    private void Add(Place place, double tolerance)
    {
        Values++;
        if (Worst is null || place.Error > Worst.Error)
            Worst = place;
        if (Math.Abs(place.Exact) >= SmallestForUlp && (WorstUlp is null || place.Ulp > WorstUlp.Ulp))
            WorstUlp = place;
        if (FirstDivergence is null && !(place.Error <= tolerance))
            FirstDivergence = place;
    }
}
