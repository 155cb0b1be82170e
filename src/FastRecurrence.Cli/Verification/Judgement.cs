namespace FastRecurrence.Cli.Verification;

/// <summary>What a backend got right and wrong over many problems.</summary>
internal sealed class Judgement(double tolerance)
{
    /// <summary>Below this magnitude a value is the difference of larger ones, and its last place says little.</summary>
    private const double SmallestForUlp = 1.0 / 16;

    public double Tolerance { get; } = tolerance;

    public int Problems { get; private set; }

    public long Values { get; private set; }

    /// <summary>The largest error.</summary>
    public Place? Worst { get; private set; }

    /// <summary>The most ulp of error among values of magnitude 1/16 and more.</summary>
    public Place? WorstUlp { get; private set; }

    /// <summary>The first value beyond the tolerance, in the order of problems, then of steps, rows and units.</summary>
    public Place? FirstDivergence { get; private set; }

    public bool Ok => FirstDivergence is null;

    public void CountProblem() => Problems++;

    public void Add(Place place)
    {
        Values++;
        if (Worst is null || place.Error > Worst.Error)
            Worst = place;
        if (Math.Abs(place.Exact) >= SmallestForUlp && (WorstUlp is null || place.Ulp > WorstUlp.Ulp))
            WorstUlp = place;
        if (FirstDivergence is null && !(place.Error <= Tolerance))
            FirstDivergence = place;
    }
}
