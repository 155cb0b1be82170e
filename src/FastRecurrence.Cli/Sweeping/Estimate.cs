namespace FastRecurrence.Cli.Sweeping;

/// <summary>How long a plan takes, guessed from its sizes and a short look at the peak: for <c>--dry-run</c> and nothing else.</summary>
internal sealed class Estimate(RunSettings settings, double peakGflops)
{
    /// <summary>
    /// Kernels reach about half of the peak; the reference about a gigaflop a second; a process starts and measures its machine in under a second.
    /// </summary>
    private const double Efficiency = 0.5, ReferenceGflops = 1, SecondsALaunch = 0.8, SecondsAPoint = 0.02, SecondsAWeight = 2e-8;

    /// <summary>Seconds if every point is quiet at once, and if every one takes until the timeout.</summary>
    public (double Quiet, double Noisy) Seconds(IReadOnlyList<PlannedPoint> plan)
    {
        double quiet = settings.Launches * SecondsALaunch, noisy = quiet;
        foreach (IGrouping<string, PlannedPoint> problem in plan.GroupBy(p => p.Problem))
        {
            ProblemSize size = ProblemSize.Parse(problem.Key);
            double weights = size.WeightBytes / 4, data = weights * SecondsAWeight;
            double check = Math.Min(4e8, 3 * size.FlopsPerStep / size.BatchSize * size.SequenceLength) / (ReferenceGflops * 1e9);
            quiet += settings.Launches * data + check;
            noisy += settings.Launches * data + check;
            foreach (PlannedPoint point in problem)
            {
                double call = size.FlopsPerStep * size.SequenceLength / (point.Backend == "reference" ? ReferenceGflops * 1e9 : peakGflops * 1e9 * Efficiency);
                double timeout = settings.TimeoutMilliseconds / 1e3;
                double fixedCosts = SecondsAPoint + weights * 4e-9 + 2 * call
                    + (settings.Latency ? Math.Min(1e4 * call, Math.Max(1, timeout)) : 0) + (settings.Cold ? timeout : 0);
                quiet += settings.Launches * (fixedCosts + Math.Max(3 * call, settings.MinTimeMilliseconds / 1e3));
                noisy += settings.Launches * (fixedCosts + Math.Max(call, Math.Max(settings.TimeoutMilliseconds, settings.MinTimeMilliseconds) / 1e3));
            }
        }

        return (quiet, Math.Max(quiet, noisy));
    }
}
