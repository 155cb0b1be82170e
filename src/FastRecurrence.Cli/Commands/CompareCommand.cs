using System.CommandLine;
using System.Text.Json.Serialization;
using FastRecurrence.Cli.Sweeping;

namespace FastRecurrence.Cli.Commands;

/// <summary><c>compare</c>: two saved runs, a verdict for each point, an exit code for CI.</summary>
internal static class CompareCommand
{
    public const double Threshold = 3;
    public static readonly TextTable.Column[] Columns =
    [
        new("point", Left: true), new("times", Left: true), new("base"), new("base launches", Left: true), new("new"), new("new launches", Left: true),
        new("change"), new("verdict", Left: true),
    ];

    private sealed record Entry([property: JsonIgnore] ComparedPoint Point)
    {
        private Verdict Said => Point.Verdict;

        public string Id => Point.Id;
        public string Times => Point.Times;
        public double BaseMicroseconds => Said.BaseMedian;
        public double NewMicroseconds => Said.NewMedian;
        public double ChangePercent => Said.ChangePercent;
        public string Verdict => Word(Said.Kind);
        public IReadOnlyList<double> BaseLaunches => Said.Base;
        public IReadOnlyList<double> NewLaunches => Said.New;
    }

    private sealed record Document(
        string Base, string New, double ThresholdPercent, [property: JsonIgnore] Comparison Compared, IReadOnlyList<Entry> Points,
        Machine BaseMachine, Machine NewMachine)
    {
        public int Faster => Compared.Count(VerdictKind.Faster);
        public int Slower => Compared.Count(VerdictKind.Slower);
        public int Same => Compared.Count(VerdictKind.Same);
        public int Ambiguous => Compared.Count(VerdictKind.Ambiguous);
        public int DifferentMachine => Compared.Count(VerdictKind.DifferentMachine);
        public IReadOnlyList<string> OnlyInBase => Compared.OnlyInBase;
        public IReadOnlyList<string> OnlyInNew => Compared.OnlyInNew;
        public IReadOnlyList<string> MachinesApart => Compared.MachinesApart;
        public IReadOnlyList<string> EnvironmentDifferences => Compared.Differences;
    }

    /// <summary>A run and the file that it comes from.</summary>
    private sealed record NamedRun(string Path, RunFile Run)
    {
        public static NamedRun Load(string path) => new(path, RunFile.Load(path));
    }

    public static Command Create(Session session)
    {
        var baseFile = new Argument<string>("base.json") { Description = "A run that 'sweep --save' kept." };
        var newFile = new Argument<string>("new.json") { Description = "The run to compare with it." };
        Option<double> threshold = CommonOptions.Value(
            "--threshold", "percent", $"A smaller difference is no difference; {Threshold} by default.", $"{Threshold}", StopRule.ParsePercent);
        var strict = new Option<bool>("--strict") { Description = "Exit with 5 when a verdict is AMBIGUOUS and none is SLOWER." };
        var changed = new Option<bool>("--changed") { Description = "Leave out points that are the SAME." };
        Option<OutputFormat> output = CommonOptions.AnyOutput();
        var command = new Command("compare", "Say of each point of two runs whether it became faster or slower.")
        {
            baseFile, newFile, threshold, strict, changed, output,
        };
        command.SetAction(parsed =>
        {
            NamedRun before = NamedRun.Load(parsed.GetRequiredValue(baseFile)), after = NamedRun.Load(parsed.GetRequiredValue(newFile));
            var comparison = Comparison.Of(before.Run, after.Run, parsed.Get(threshold));
            if (comparison.Points.Count == 0)
                throw new CommandException(ExitCode.Failure, $"{before.Path} and {after.Path} have no point in common");
            ComparedPoint[] shown = [.. comparison.Points.Where(p => !parsed.Get(changed) || p.Verdict.Kind != VerdictKind.Same)];
            Write(session, comparison, shown, before, after, parsed.Get(output));
            return comparison.Count(VerdictKind.Slower) > 0 ? ExitCode.Slower
                : parsed.Get(strict) && comparison.Count(VerdictKind.Ambiguous) > 0 ? ExitCode.Ambiguous
                : ExitCode.Ok;
        });
        return command;
    }

    private static void Write(Session session, Comparison comparison, ComparedPoint[] shown, NamedRun before, NamedRun after, OutputFormat format)
    {
        switch (format)
        {
            case OutputFormat.Json:
                session.WriteJson(new Document(
                    before.Path, after.Path, comparison.ThresholdPercent, comparison, [.. shown.Select(p => new Entry(p))],
                    before.Run.Machine, after.Run.Machine));
                return;
            case OutputFormat.Csv or OutputFormat.JsonLines:
                session.WriteLines(RowLines.Of(shown.Select(p => new
                {
                    p.Id, p.Times, BaseUs = p.Verdict.BaseMedian, NewUs = p.Verdict.NewMedian, p.Verdict.ChangePercent, Verdict = Word(p.Verdict.Kind),
                    BaseLaunches = p.Verdict.Base.Count, NewLaunches = p.Verdict.New.Count, comparison.ThresholdPercent, Base = before.Path, New = after.Path,
                }), format == OutputFormat.Csv));
                return;
            default:
                session.WriteLines(TextTable.Render(Columns, [.. shown.Select(Row)]));
                session.WriteLine();
                session.WriteLines(Notes(comparison).Select(line => format == OutputFormat.Markdown ? $"- {line}" : line));
                return;
        }
    }

    public static string[] Row(ComparedPoint p)
    {
        Verdict v = p.Verdict;
        string change = $"{(v.ChangePercent > 0 ? "+" : "")}{Digits.Places(v.ChangePercent, 1)}%";
        return [p.Id, p.Times, SweepTable.Microseconds(v.BaseMedian), Range(v.Base), SweepTable.Microseconds(v.NewMedian), Range(v.New), change, Word(v.Kind)];
    }

    private static string Range(IReadOnlyList<double> launches) =>
        $"{launches.Count}: {Digits.Significant(launches.Min())}..{Digits.Significant(launches.Max())}";

    public static IEnumerable<string> Notes(Comparison comparison)
    {
        int Count(VerdictKind kind) => comparison.Count(kind);
        if (comparison.MachinesApart.Count > 0)
        {
            yield return "DIFFERENT MACHINE: the runs are not of one machine, so no time says anything of the program: "
                + string.Join("; ", comparison.MachinesApart);
        }

        yield return $"{Count(VerdictKind.Faster)} faster, {Count(VerdictKind.Slower)} slower, {Count(VerdictKind.Same)} same, "
            + $"{Count(VerdictKind.Ambiguous)} ambiguous";
        (int m, int n) = (comparison.Points.Min(p => p.Verdict.Base.Count), comparison.Points.Min(p => p.Verdict.New.Count));
        double limit = comparison.ThresholdPercent;
        yield return $"FASTER, SLOWER: the medians differ by {limit} % or more and no launch of one side lies among the other's; with {m} and {n} launches "
            + $"luck alone does the second in {Digits.Significant(Verdict.LuckPercent(m, n), 2)} % of points. SAME: less than {limit} %";
        if (Math.Min(m, n) < Verdict.FewestLaunches)
            yield return $"fewer than {Verdict.FewestLaunches} launches a side give no FASTER or SLOWER";
        if (comparison.OnlyInBase.Count > 0)
            yield return $"only in the base: {string.Join(", ", comparison.OnlyInBase)}";
        if (comparison.OnlyInNew.Count > 0)
            yield return $"only in the new run: {string.Join(", ", comparison.OnlyInNew)}";
        yield return comparison.Differences.Count == 0 ? "environments and settings: identical" : $"DIFFERENT {string.Join("; ", comparison.Differences)}";
    }

    private static string Word(VerdictKind kind) => kind == VerdictKind.DifferentMachine ? "DIFFERENT MACHINE" : kind.ToString().ToUpperInvariant();
}
