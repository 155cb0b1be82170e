namespace FastRecurrence.GpuCheck;

/// <summary>What became of the problems of one row of a report.</summary>
internal class Outcome
{
    public int Problems, Unrepeated, Strayed;
    public long Fallbacks;
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
}
