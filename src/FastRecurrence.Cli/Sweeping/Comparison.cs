namespace FastRecurrence.Cli.Sweeping;

/// <summary>One point of two runs.</summary>
/// <param name="Id">What the runs call it.</param>
/// <param name="Times"><c>end-to-end</c> or <c>kernels</c>: a device has both.</param>
/// <param name="Verdict">What the launches say.</param>
internal sealed record ComparedPoint(string Id, string Times, Verdict Verdict);

/// <summary>Two runs, point by point, and what stands in the way of comparing them.</summary>
internal sealed record Comparison(
    double ThresholdPercent, IReadOnlyList<ComparedPoint> Points, IReadOnlyList<string> OnlyInBase, IReadOnlyList<string> OnlyInNew,
    IReadOnlyList<string> MachinesApart, IReadOnlyList<string> Differences)
{
    public static Comparison Of(RunFile before, RunFile after, double thresholdPercent)
    {
        string[] apart = [.. MachinesApartOf(before, after, thresholdPercent)];
        var news = after.Points.ToDictionary(p => p.Id);
        var points = new List<ComparedPoint>();
        foreach (PointRecord old in before.Points)
        {
            if (!news.TryGetValue(old.Id, out PointRecord? now))
                continue;
            Add("end-to-end", l => l.EndToEnd);
            Add("kernels", l => l.Kernels);

            void Add(string times, Func<LaunchTimes, TimeRecord?> of)
            {
                double[] b = [.. old.Medians(of)], n = [.. now.Medians(of)];
                if (b.Length > 0 && n.Length > 0)
                    points.Add(new ComparedPoint(old.Id, times, new Verdict(b, n, thresholdPercent, apart.Length == 0)));
            }
        }

        HashSet<string> both = [.. points.Select(p => p.Id)];
        return new Comparison(
            thresholdPercent, points, [.. before.Points.Select(p => p.Id).Where(id => !both.Contains(id))],
            [.. after.Points.Select(p => p.Id).Where(id => !both.Contains(id))], apart, [.. Differ(before, after)]);
    }

    public int Count(VerdictKind kind) => Points.Count(p => p.Verdict.Kind == kind);

    /// <summary>
    /// What tells the two machines apart: what they are, and the FMA peak of a thread that each run measured, since a cloud gives machines of
    /// one name that are not alike. What an older build did not record tells nothing.
    /// </summary>
    private static IEnumerable<string> MachinesApartOf(RunFile before, RunFile after, double thresholdPercent)
    {
        foreach (((string name, string old), (string _, string now)) in before.Machine.Hardware().Zip(after.Machine.Hardware()))
        {
            if (old != now && old.Length > 0 && now.Length > 0)
                yield return $"{name}: {old} / {now}";
        }

        foreach (PeakRecord old in EnvironmentText.Best(before))
        {
            PeakRecord? now = EnvironmentText.Best(after).FirstOrDefault(p => p.Threads == old.Threads);
            if (now is not null && Math.Abs(now.Gflops / old.Gflops - 1) * 100 > thresholdPercent)
                yield return $"FMA peak of {Words.Count(old.Threads, "thread")}: {Digits.Places(old.Gflops, 1)} / {Digits.Places(now.Gflops, 1)} GFLOP/s";
        }
    }

    /// <summary>What the two environments do not share, and what else weakens the comparison.</summary>
    private static IEnumerable<string> Differ(RunFile before, RunFile after)
    {
        foreach (((string name, string old), (string _, string now)) in before.Machine.Identity().Zip(after.Machine.Identity()))
        {
            if (old != now)
                yield return $"{name}: {old} / {now}";
        }

        if ((before.Settings with { Launches = 0 }) != (after.Settings with { Launches = 0 }))
            yield return $"settings: {EnvironmentText.Method(before.Settings)} / {EnvironmentText.Method(after.Settings)}";
        if (before.Partial || after.Partial)
            yield return $"{(before.Partial ? after.Partial ? "both runs are" : "the base run is" : "the new run is")} partial";
    }
}
