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
        new("streaming", (_, s) => Microseconds(s.StreamingMicroseconds), r => r.Settings.Streaming),
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

        bool several = run.Points.Select(p => (p.Cell, p.Hidden, p.Input, p.Length, p.Layers, p.Direction)).Distinct().Skip(1).Any();
        foreach (VerdictEntry verdict in run.Verdicts)
            yield return (several ? $"{verdict.Sweep.Id}: " : "") + CrossoverVerdict.Sentence(verdict);
        foreach (string device in run.Points.Where(p => p.CpuDevice).Select(p => p.Backend).Distinct())
            yield return $"{device} is this machine's CPU behind a device driver: no verdict";
        foreach (IGrouping<(string, string), SkippedRecord> skipped in run.Skipped.GroupBy(s => (s.Backend, s.Reason)))
            yield return $"skipped on {skipped.Key.Item1}: {Words.Count(skipped.Count(), "problem")}: {skipped.Key.Item2}";
        foreach (UnavailableEntry absent in run.Unavailable)
            yield return $"{absent.Backend} absent: {absent.Reason}";
    }

    /// <summary>Every number of every point, and where it comes from; what was skipped has a row with the reason.</summary>
    public static IEnumerable<string> Lines(RunFile run, OutputFormat format) => RowLines.Of(
        run.Points.Select(p => Row(run, p, p.Weights, p.Problem, p.Backend, p.Threads, null))
            .Concat(run.Skipped.Select(s => Row(run, null, s.Weights, s.Problem, s.Backend, s.Threads, s.Reason))), format == OutputFormat.Csv);

    private static object Row(RunFile run, PointRecord? point, string weights, string problem, string backend, int threads, string? skipped)
    {
        (ProblemSize size, PointSummary? s, Machine machine) = (ProblemSize.Parse(problem), point?.Summary, run.Machine);
        PeakRecord? peak = EnvironmentText.Best(run).FirstOrDefault(p => p.Threads == threads);
        return new
        {
            Problem = problem, Cell = size.Cell.Name, Length = size.SequenceLength, Batch = size.BatchSize, Input = size.InputSize, Hidden = size.HiddenSize,
            size.Layers, Direction = DirectionName.Of(size.Direction), Weights = weights, Backend = backend, Threads = threads,
            StepUs = s?.StepMicroseconds, WithTransfersUs = s?.WithTransfersMicroseconds, StreamingUs = s?.StreamingMicroseconds,
            MinUs = s?.MinimumMicroseconds,
            s?.SpreadPercent, s?.NoisePercent, s?.Launches, s?.Missed, P50Us = s?.P50, P99Us = s?.P99, P999Us = s?.P999, ColdUs = s?.ColdStepMicroseconds,
            SequencesPerSecond = s is null ? (double?)null : size.BatchSize / (s.StepMicroseconds * 1e-6 * size.SequenceLength), s?.Gflops, s?.PeakPercent,
            GigabytesPerSecond = s?.Gigabytes, s?.RoofPercent, s?.Bound, FirstCallMs = s?.FirstCallMilliseconds, point?.Verification.MaxError,
            point?.Verification.Ok, Skipped = skipped, run.Started, run.Partial, run.Command, machine.Processor, machine.Signature,
            machine.LogicalProcessors, PeakGflops = peak?.Gflops, machine.OperatingSystem, machine.Runtime, machine.TieredCompilation, machine.Simd,
            machine.Commit, run.Settings.Seed,
        };
    }

    public static string Microseconds(double? value) => value is { } v ? $"{Digits.Significant(v)} us" : "-";

    private static string Percent(double? value) => value is { } v ? $"{Digits.Places(v, 1)}%" : "-";

    private static string Missing(PointRecord point, Column column, int index) =>
        index < 2 ? column.Cell(point, null!)
        : column.Heading == "max error" ? Digits.Error(point.Verification.MaxError)
        : column.Heading == "time/step" && !point.Verification.Ok ? "WRONG" : "-";
}
