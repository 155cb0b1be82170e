using OxyPlot.Axes;

namespace FastRecurrence.Cli.Reporting;

/// <summary>A logarithmic axis whose ticks people expect: powers of two for sizes, round decimal numbers for the rest.</summary>
internal sealed class SizeAxis : LogarithmicAxis
{
    private const int MostLabels = 9;

    public override void GetTickValues(out IList<double> majorLabelValues, out IList<double> majorTickValues, out IList<double> minorTickValues)
    {
        majorTickValues = Base == 2 ? Powers(2) : Decimals();
        majorLabelValues = majorTickValues;
        minorTickValues = Base == 2 ? [] : Multiples([1, 2, 3, 4, 5, 6, 7, 8, 9]);
    }

    /// <summary>Every power, or every second, fourth … where there are too many.</summary>
    private List<double> Powers(double radix)
    {
        int low = (int)Math.Ceiling(Math.Log(ActualMinimum, radix) - 1e-9), high = (int)Math.Floor(Math.Log(ActualMaximum, radix) + 1e-9);
        int step = 1;
        while ((high - low) / step >= MostLabels)
            step *= 2;
        return [.. Enumerable.Range(0, Math.Max(0, (high - low) / step + 1)).Select(i => Math.Pow(radix, low + i * step))];
    }

    /// <summary>The densest of four patterns that still has few enough labels.</summary>
    private List<double> Decimals()
    {
        foreach (double[] pattern in (double[][])[[1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8], [1, 1.5, 2, 3, 5, 7], [1, 2, 5], [1, 3]])
        {
            List<double> ticks = Multiples(pattern);
            if (ticks.Count <= MostLabels)
                return ticks;
        }

        return Powers(10);
    }

    private List<double> Multiples(double[] pattern)
    {
        int low = (int)Math.Floor(Math.Log10(ActualMinimum)), high = (int)Math.Ceiling(Math.Log10(ActualMaximum));
        IEnumerable<double> all = from power in Enumerable.Range(low, high - low + 1) from digit in pattern select digit * Math.Pow(10, power);
        return [.. all.Where(v => v >= ActualMinimum && v <= ActualMaximum)];
    }
}
