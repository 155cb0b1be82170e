namespace FastRecurrence.Cli.Sweeping;

/// <summary>A run as rows: the same for the terminal, for markdown and for HTML. A column that would say nothing is left out.</summary>
internal static class SweepTable
{
    private sealed record Column(string Heading, Func<PointRecord, PointSummary, string> Cell, Func<RunFile, bool>? Shown = null, bool Left = false);

    private static readonly Column[] s_columns =
    [
        new("problem", (p, _) => p.Problem, Left: true),
        new("backend", (p, _) => p.Backend, Left: true),
        new("thr", (p, _) => p.Device ? "-" : $"{p.Threads}", r => r.Points.Any(p => p.Threads > 1)),
        new("weights", (p, _) => p.Weights, r => r.Points.Any(p => p.Weights != "fp32"), Left: true),
        new("time/step", (_, s) => Microseconds(s.StepMicroseconds) + (s.Missed > 0 ? "!" : "")),
        new("with transfers", (_, s) => Microseconds(s.WithTransfersMicroseconds), r => r.Points.Any(p => p.Device)),
        new("spread", (_, s) => s.Launches == 1 ? "-" : $"{Digits.Places(s.SpreadPercent, 1)}%"),
        new("min", (_, s) => Microseconds(s.MinimumMicroseconds)),
        new("p50", (_, s) => Microseconds(s.P50), r => r.Settings.Latency),
        new("p99", (_, s) => Microseconds(s.P99), r => r.Settings.Latency),
        new("p99.9", (_, s) => Microseconds(s.P999), r => r.Settings.Latency),
        new("cold", (_, s) => Microseconds(s.ColdStepMicroseconds), r => r.Settings.Cold),
        new("seq/s", (p, s) => Digits.Significant(p.Batch / (s.StepMicroseconds * 1e-6 * p.Length), 4)),
        new("GFLOP/s", (_, s) => Digits.Significant(s.Gflops, 3)),
        new("% peak", (_, s) => Percent(s.PeakPercent)),
        new("GB/s", (_, s) => Digits.Significant(s.Gigabytes, 3)),
        new("% roof", (_, s) => s.RoofPercent is null ? "-" : $"{Percent(s.RoofPercent)} {(s.Bound == "fma" ? "fma" : "mem")}"),
        new("first call", (p, s) => $"{Digits.Significant(s.FirstCallMilliseconds, 3)} ms{(p.Launches.Any(l => l.FirstOfItsKind) ? "*" : "")}"),
        new("max error", (p, _) => Digits.Error(p.Verification.MaxError)),
    ];

    public static (IReadOnlyList<TextTable.Column> Columns, IReadOnlyList<string[]> Rows) Of(RunFile run)
    {
        IEnumerable<string> peers = run.Points.Where(p => p.Peer).Select(p => p.Backend).Distinct();
        Column[] columns = [.. s_columns.Where(c => c.Shown is null || c.Shown(run)), .. peers.Select(peer => Over(peer, run))];
        return (
            [.. columns.Select(c => new TextTable.Column(c.Heading, Left: c.Left))],
            [.. run.Points.Select(p => (string[])[.. columns.Select((c, i) => p.Summary is { } s ? c.Cell(p, s) : Missing(p, c, i))])]);
    }

    /// <summary>
    /// A peer's time over the point's own, on the same problem with as many threads: above 1 the point is faster. Behind it the range over all
    /// pairs of launches; a question mark where that range holds 1, or where fewer than three launches a side can have no say.
    /// </summary>
    private static Column Over(string peer, RunFile run)
    {
        var peers = run.Points.Where(p => p.Backend == peer && p.Summary is not null).ToDictionary(p => (p.Problem, p.Threads));
        return new Column($"over {peer}", (p, s) => !p.Peer && !p.Device && peers.TryGetValue((p.Problem, p.Threads), out PointRecord? other)
            ? Ratio(new Verdict(Medians(p), Medians(other), ThresholdPercent: 0)) : "-");
    }

    private static string Ratio(Verdict v)
    {
        bool certain = v.Kind is VerdictKind.Faster or VerdictKind.Slower;
        (double low, double high) = (v.New.Min() / v.Base.Max(), v.New.Max() / v.Base.Min());
        return $"{Digits.Significant(v.NewMedian / v.BaseMedian, 3)}x{(certain ? "" : "?")} {Digits.Significant(low, 3)}..{Digits.Significant(high, 3)}";
    }

    private static double[] Medians(PointRecord point) => [.. point.Medians(l => l.EndToEnd)];

    /// <summary>What the marks of a table mean, those that occur; then what is not in it.</summary>
    public static IEnumerable<string> Notes(RunFile run)
    {
        if (run.Points.Any(p => p.Summary is { Missed: > 0 }))
        {
            RunSettings s = run.Settings;
            yield return $"! in a launch or more the timeout of {s.TimeoutMilliseconds} ms came before {s.MinTimeMilliseconds} ms of samples "
                + $"or {s.MaxNoisePercent} % noise";
        }

        if (run.Points.Any(p => p.Launches.Any(l => l.FirstOfItsKind)))
            yield return "* with just-in-time compilation, on a device with the kernels' build";
        if (run.Points.Any(p => p.Peer && p.Summary is not null))
        {
            yield return "over a peer: its median time over this one's, and the range over launches; ? the launches of the two overlap, "
                + "or are fewer than three a side: nothing is proven";
        }

        foreach (int threads in run.Points.Where(p => !p.Device).Select(p => p.Threads).Distinct().Where(t => t > run.Machine.LogicalProcessors))
            yield return $"{threads} threads on {run.Machine.LogicalProcessors} processors: oversubscribed, they run one after the other";
        foreach (PointRecord wrong in run.Points.Where(p => !p.Verification.Ok))
        {
            Checked found = wrong.Verification;
            yield return $"WRONG {wrong.Id}: error {Digits.Error(found.MaxError)}, tolerance {Digits.Error(found.Tolerance)}; not timed";
        }

        foreach (IGrouping<(string, string), SkippedRecord> skipped in run.Skipped.GroupBy(s => (s.Backend, s.Reason)))
            yield return $"skipped on {skipped.Key.Item1}: {Words.Count(skipped.Count(), "problem")}: {skipped.Key.Item2}";
        foreach (UnavailableEntry absent in run.Unavailable)
            yield return $"{absent.Backend} absent: {absent.Reason}";
    }

    /// <summary>Every number of every point, for spreadsheets.</summary>
    public static IEnumerable<string> Csv(RunFile run)
    {
        foreach ((string name, string value) in EnvironmentText.Of(run))
            yield return $"# {name}: {value.ReplaceLineEndings(" ")}";
        foreach (string note in Notes(run))
            yield return $"# {note.ReplaceLineEndings(" ")}";
        yield return "problem,cell,length,batch,input,hidden,layers,direction,weights,backend,threads,step_us,with_transfers_us,min_us,spread_percent,"
            + "noise_percent,launches,missed,p50_us,p99_us,p999_us,cold_us,sequences_per_second,gflops,peak_percent,gigabytes_per_second,roof_percent,"
            + "bound,first_call_ms,max_error,ok";
        foreach (PointRecord p in run.Points)
        {
            PointSummary? s = p.Summary;
            yield return CsvLine.Of([
                p.Problem, p.Cell, $"{p.Length}", $"{p.Batch}", $"{p.Input}", $"{p.Hidden}", $"{p.Layers}", p.Direction, p.Weights, p.Backend, $"{p.Threads}",
                Number(s?.StepMicroseconds), Number(s?.WithTransfersMicroseconds), Number(s?.MinimumMicroseconds), Number(s?.SpreadPercent),
                Number(s?.NoisePercent), $"{s?.Launches}", $"{s?.Missed}", Number(s?.P50), Number(s?.P99), Number(s?.P999), Number(s?.ColdStepMicroseconds),
                Number(s is null ? null : p.Batch / (s.StepMicroseconds * 1e-6 * p.Length)), Number(s?.Gflops), Number(s?.PeakPercent), Number(s?.Gigabytes),
                Number(s?.RoofPercent), s?.Bound ?? "", Number(s?.FirstCallMilliseconds), Digits.Error(p.Verification.MaxError), p.Verification.Ok ? "1" : "0",
            ]);
        }
    }

    public static string Microseconds(double? value) => value is { } v ? $"{Digits.Significant(v)} us" : "-";

    private static string Percent(double? value) => value is { } v ? $"{Digits.Places(v, 1)}%" : "-";

    private static string Number(double? value) => value is { } v ? v.ToString("G6", System.Globalization.CultureInfo.InvariantCulture) : "";

    private static string Missing(PointRecord point, Column column, int index) =>
        index < 2 ? column.Cell(point, null!)
        : column.Heading == "max error" ? Digits.Error(point.Verification.MaxError)
        : column.Heading == "time/step" && !point.Verification.Ok ? "WRONG" : "-";
}
