using System.CommandLine;
using System.Globalization;
using FastRecurrence.Cli.Peers;
using FastRecurrence.Cli.Sweeping;

namespace FastRecurrence.Cli.Commands;

/// <summary><c>sweep</c>: every combination, checked, then timed in several fresh processes.</summary>
internal sealed class SweepCommand
{
    private static readonly string[] s_widths = ["scalar", "128", "256", "512", "vector"];

    private readonly ProblemOptions _problems = new(cells: "lstm", batch: "1..64", hidden: "256", input: "same", length: "25");
    private readonly TimingOptions _timing = new(launches: 5);
    private readonly Option<string[]> _backends = CommonOptions.Backends("simd");
    private readonly Option<IReadOnlyList<string>> _widths = CommonOptions.Value(
        "--width", "names", $"SIMD widths in place of simd, separated by commas: {string.Join(", ", s_widths)}.", "", ParseWidths);
    private readonly Option<IReadOnlyList<int>> _threads = CommonOptions.Value(
        "--threads", "axis", "Threads of a CPU backend, written like --batch; all for the machine's processors; 1 by default.", "1", IntegerAxis.ParseThreads);
    private readonly Option<IReadOnlyList<WeightType>> _weights = CommonOptions.Value(
        "--weights", "names", $"How weights are kept, separated by commas: {string.Join(", ", WeightType.All.Select(w => w.Name))}; fp32 by default.", "fp32",
        WeightType.ParseList);
    private readonly Option<IReadOnlyList<string>> _peers = CommonOptions.Value(
        "--peers", "names", "Other libraries in the same run, from the optional assembly FastRecurrence.Peers: onnxruntime.", "", ParsePeers);
    private readonly Option<bool> _latency = new("--latency") { Description = "Also time calls one by one: p50, p99 (from 1,000 calls), p99.9 (from 10,000)." };
    private readonly Option<bool> _cold = new("--cold") { Description = "Also time calls that find nothing in any cache." };
    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Print the plan and how long it takes, and measure nothing." };
    private readonly Option<string?> _save = CommonOptions.Save();
    private readonly Option<string?> _against = new("--against")
    {
        Description = "Another build of this tool, its dll or executable, measured in turn with this one; its run goes to --save-base.",
        HelpName = "tool",
    };

    private readonly Option<string?> _saveBase = new("--save-base") { Description = "Keep the other build's run.", HelpName = "file.json" };
    private readonly Option<OutputFormat> _output = CommonOptions.AnyOutput();

    public static Command Create(Session session)
    {
        var options = new SweepCommand();
        var command = new Command("sweep", "Time every combination of the axes, each checked first, in several fresh processes.");
        options._problems.AddTo(command);
        foreach (Option option in (Option[])[options._backends, options._widths, options._threads, options._weights, options._peers])
            command.Add(option);
        options._timing.AddTo(command);
        foreach (Option option in (Option[])[
            options._latency, options._cold, options._dryRun, options._save, options._against,
            options._saveBase, options._output])
            command.Add(option);
        command.SetAction(parsed => options.Run(session, parsed));
        return command;
    }

    private int Run(Session session, ParseResult parsed)
    {
        IReadOnlyList<ProblemSize> problems = _problems.Read(session, parsed);
        var selection = new BackendSelection(Names(parsed), [Backend.Simd]);
        Backend[] timed = [.. BackendList.WithoutEmulator(selection.Ready, Names(parsed))];
        IReadOnlyList<string> peers = [.. parsed.Get(_peers).Select(name => PeerAssembly.Find(name).Name)];
        IEnumerable<PlannedPoint> PointsOf(ProblemSize problem) => [..
            from backend in timed
            from threads in Runners.TakesThreads(backend) ? parsed.Get(_threads) : [1]
            from weights in parsed.Get(_weights)
            select new PlannedPoint(problem.Id, backend.Name, threads, weights.Name),
            .. from peer in peers from threads in parsed.Get(_threads) select new PlannedPoint(problem.Id, peer, threads, "fp32")];
        PlannedPoint[] plan = [.. problems.SelectMany(PointsOf)];
        RunSettings settings = _timing.Settings(parsed) with { Latency = parsed.Get(_latency), Cold = parsed.Get(_cold) };
        if (plan.Length == 0)
            return selection.Report(session);
        if (parsed.Get(_dryRun))
            return ShowPlan(session, plan, settings, parsed.GetValue(_against) is null ? 1 : 2, selection);
        return Measure(session, parsed, plan, settings, selection);
    }

    private int Measure(Session session, ParseResult parsed, PlannedPoint[] plan, RunSettings settings, BackendSelection selection)
    {
        string? against = parsed.GetValue(_against), saveBase = parsed.GetValue(_saveBase);
        if (against is null != saveBase is null)
            throw CommandException.Usage("--against and --save-base go together: the other build, and the file for its run.");
        if (against is not null && !File.Exists(against))
            throw new CommandException(ExitCode.Failure, $"--against: there is no file {against}");

        string command = CommandText.Of(parsed);
        using SaveFile? file = SaveFile.For(parsed.GetValue(_save), plan.Length, settings), baseFile = SaveFile.For(saveBase, plan.Length, settings);
        RunBuilder Builder() => new(command, settings, plan, selection.Unavailable);
        var own = new Side("this build", LaunchProcess.Self, Builder(), file);
        Side[] sides = against is null ? [own] : [new Side("the other build", new LaunchProcess(Path.GetFullPath(against)), Builder(), baseFile), own];
        return SweepRun.Measure(session, settings, sides, selection, run => SweepOutput.Write(session, run, parsed.Get(_output)));
    }

    private static int ShowPlan(Session session, PlannedPoint[] plan, RunSettings settings, int sides, BackendSelection selection)
    {
        (double quiet, double noisy) = new Estimate(settings, FmaPeak.MeasureGflops()).Seconds(plan);
        session.ClearProgress();
        foreach (PlannedPoint point in plan)
            session.WriteLine(point.Id);
        foreach (UnavailableEntry absent in selection.Unavailable)
            session.WriteLine($"{absent.Backend} absent: {absent.Reason}");
        string builds = sides == 2 ? " of two builds" : "";
        session.WriteLine(
            $"{Words.Count(plan.Length, "point")} in {Words.Count(settings.Launches, "launch")}{builds}: about {Duration.Text(sides * quiet)} if all is quiet, "
            + $"{Duration.Text(sides * noisy)} if every point takes until its timeout");
        return selection.Report(session);
    }

    /// <summary>The names of backends, SIMD widths in place of simd.</summary>
    private string[] Names(ParseResult parsed)
    {
        string[] names = parsed.Get(_backends) ?? [];
        IReadOnlyList<string> widths = parsed.Get(_widths);
        return widths.Count == 0 ? names : [.. names.Where(n => !string.Equals(n, "simd", StringComparison.OrdinalIgnoreCase)), .. widths];
    }

    private static IReadOnlyList<string> ParseWidths(string text) => text.Length == 0 ? [] :
    [
        .. text.Split(',', StringSplitOptions.TrimEntries).Select(w => !s_widths.Contains(w)
            ? throw new FormatException($"'{w}' is not a width. Use {string.Join(", ", s_widths)}.")
            : w == "scalar" ? w : $"simd-{w}").Distinct(),
    ];

    private static IReadOnlyList<string> ParsePeers(string text) => text.Length == 0 ? [] : [.. text.Split(',', StringSplitOptions.TrimEntries).Distinct()];
}
