namespace FastRecurrence.Cli.Sweeping;

/// <summary>Where numbers come from, in the lines that stand above or below every table of a run.</summary>
internal static class EnvironmentText
{
    public static IEnumerable<(string Name, string Value)> Of(RunFile run)
    {
        Machine m = run.Machine;
        yield return ("command", run.Command);
        string partial = run.Partial ? ", PARTIAL: the run was cut short" : "";
        yield return ("date", $"{run.Started:yyyy-MM-dd HH:mm} UTC, took {Duration.Text(run.Seconds)}{partial}");
        yield return ("machine", string.Join(", ", [m.Processor, $"{m.LogicalProcessors} logical", m.Architecture, .. m.Caches.Select(c => $"{c}")]));
        yield return ("state", $"{m.Frequency ?? "clock unknown"}, governor {m.Governor ?? "unknown"}, load {Loads(run)}");
        yield return ("system", m.OperatingSystem);
        string variables = string.Concat(m.Variables.Select(v => $", {v.Key}={v.Value}"));
        string tiered = m.TieredCompilation ? "on" : "off";
        yield return ("runtime", $"{m.Runtime}, tiered compilation {tiered}, Vector<float> {m.VectorBits} bits, simd = {m.Simd}{variables}");
        yield return ("versions", string.Join(", ", m.Versions.Select(v => $"{v.Key} {Short(v.Value)}")));
        yield return ("commit", m.Commit ?? "unknown");
        foreach (PeakRecord peak in Best(run))
        {
            IEnumerable<string> reads = peak.Bandwidths.Where(b => ReadBandwidth.Footprints.Contains(b.BytesEach))
                .Select(b => $"{Bytes(b.BytesEach)} {Digits.Significant(b.Gigabytes, 3)}");
            yield return ("measured", $"{Words.Count(peak.Threads, "thread")}: FMA peak {Digits.Places(peak.Gflops, 1)} GFLOP/s; "
                + $"reads {string.Join(", ", reads)} GB/s");
        }

        yield return ("method", Method(run.Settings));
    }

    /// <summary>The best of all launches, for each number of threads.</summary>
    public static IReadOnlyList<PeakRecord> Best(RunFile run) =>
    [
        .. from peak in run.Launches.SelectMany(l => l.Peaks)
           group peak by peak.Threads into g
           orderby g.Key
           let bandwidths = g.SelectMany(p => p.Bandwidths).GroupBy(b => b.BytesEach, b => b.Gigabytes).OrderBy(b => b.Key)
           select new PeakRecord(g.Key, g.Max(p => p.Gflops), [.. bandwidths.Select(b => new BandwidthRecord(b.Key, b.Max()))]),
    ];

    public static string Method(RunSettings s) =>
        $"each point checked against the double reference, then timed in {Words.Count(s.Launches, "launch")} (fresh processes, launch outermost): "
        + $"samples of 1 ms or more until {s.MinTimeMilliseconds} ms and {s.MaxNoisePercent} % noise, or {s.TimeoutMilliseconds} ms (!); "
        + $"medians of launches; seed {s.Seed}{(s.Pin ? "; threads bound to processors" : "")}{(s.Priority == "normal" ? "" : $"; priority {s.Priority}")}";

    public static string Bytes(long bytes) => bytes >= 1 << 20 ? $"{bytes >> 20} MB" : $"{bytes >> 10} KB";

    /// <summary>A version without the whole commit behind it, which has a line of its own.</summary>
    private static string Short(string version) => version.Split('+')[0];

    private static string Loads(RunFile run) => run.Launches.Count == 0 || run.Launches[0].Load is null ? "unknown"
        : string.Join(" → ", run.Launches.Select(l => (l.Load ?? "?").Split(' ')[0]).Distinct());
}
