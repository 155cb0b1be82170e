using System.CommandLine;
using FastRecurrence.Cli.Comparing;
using FastRecurrence.Cli.Output;
using FastRecurrence.Cli.Sweeping;

namespace FastRecurrence.Cli.Commands;

/// <summary><c>compare</c>: two saved runs, a verdict for each point, an exit code for CI.</summary>
internal static class CompareCommand
{
    private sealed record Entry(
        string Id, string Times, double BaseMicroseconds, double NewMicroseconds, double ChangePercent, string Verdict, IReadOnlyList<double> BaseLaunches, IReadOnlyList<double> NewLaunches);

    private sealed record Document(
        string Base, string New, double ThresholdPercent, int Faster, int Slower, int Same, int Ambiguous, int DifferentMachine, IReadOnlyList<Entry> Points,
        IReadOnlyList<string> OnlyInBase, IReadOnlyList<string> OnlyInNew, IReadOnlyList<string> MachinesApart, IReadOnlyList<string> EnvironmentDifferences, Machine BaseMachine, Machine NewMachine);

    public static Command Create(Session session)
    {
        var baseFile = new Argument<string>("base.json") { Description = "A run that 'sweep --save' kept." };
        var newFile = new Argument<string>("new.json") { Description = "The run to judge against it." };
        Option<double> threshold = CommonOptions.Value("--threshold", "percent", "A smaller difference is no difference; 3 by default.", "3", StopRule.ParsePercent);
        var strict = new Option<bool>("--strict") { Description = "Exit with 5 when a verdict is AMBIGUOUS and none is SLOWER." };
        var changed = new Option<bool>("--changed") { Description = "Leave out points that are the SAME." };
        Option<OutputFormat> output = CommonOptions.AnyOutput();
        var command = new Command("compare", "Say of each point of two runs whether it became faster or slower.") { baseFile, newFile, threshold, strict, changed, output };
        command.SetAction(parsed =>
        {
            (string before, string after) = (parsed.GetRequiredValue(baseFile), parsed.GetRequiredValue(newFile));
            RunFile old = RunFile.Load(before), now = RunFile.Load(after);
            double limit = parsed.Get(threshold);
            Comparison comparison = Comparison.Of(old, now, limit);
            if (comparison.Points.Count == 0)
                throw new CommandException(ExitCode.Failure, $"{before} and {after} have no point in common");
            Write(session, comparison, before, after, old, now, limit, parsed.Get(changed), parsed.Get(output));
            return comparison.Count(VerdictKind.Slower) > 0 ? ExitCode.Slower
                : parsed.Get(strict) && comparison.Count(VerdictKind.Ambiguous) > 0 ? ExitCode.Ambiguous
                : ExitCode.Ok;
        });
        return command;
    }

    private static void Write(Session session, Comparison comparison, string before, string after, RunFile old, RunFile now, double limit, bool changedOnly, OutputFormat format)
    {
        ComparedPoint[] shown = [.. comparison.Points.Where(p => !changedOnly || p.Verdict.Kind != VerdictKind.Same)];
        switch (format)
        {
            case OutputFormat.Json:
                session.WriteJson(new Document(
                    before, after, limit, comparison.Count(VerdictKind.Faster), comparison.Count(VerdictKind.Slower), comparison.Count(VerdictKind.Same), comparison.Count(VerdictKind.Ambiguous), comparison.Count(VerdictKind.DifferentMachine),
                    [.. shown.Select(p => new Entry(p.Id, p.Times, p.Verdict.BaseMedian, p.Verdict.NewMedian, p.Verdict.ChangePercent, Word(p.Verdict.Kind), p.Verdict.Base, p.Verdict.New))],
                    comparison.OnlyInBase, comparison.OnlyInNew, comparison.MachinesApart, comparison.Differences, old.Machine, now.Machine));
                return;
            case OutputFormat.Csv:
                session.WriteLine($"# fastrecurrence compare {before} {after}, threshold {limit} %");
                session.WriteLine("id,times,base_us,new_us,change_percent,verdict,base_launches,new_launches");
                foreach (ComparedPoint p in shown)
                    session.WriteLine(CsvLine.Of([p.Id, p.Times, Digits.Significant(p.Verdict.BaseMedian, 6), Digits.Significant(p.Verdict.NewMedian, 6), Digits.Places(p.Verdict.ChangePercent, 2), Word(p.Verdict.Kind), $"{p.Verdict.Base.Count}", $"{p.Verdict.New.Count}"]));
                return;
            default:
                foreach (string line in TextTable.Render(
                    [new("point", Left: true), new("times", Left: true), new("base"), new("base launches", Left: true), new("new"), new("new launches", Left: true), new("change"), new("verdict", Left: true)],
                    [.. shown.Select(Row)]))
                    session.WriteLine(line);
                session.WriteLine();
                foreach (string line in Notes(comparison, limit))
                    session.WriteLine(format == OutputFormat.Markdown ? $"- {line}" : line);
                return;
        }
    }

    private static string[] Row(ComparedPoint p)
    {
        Verdict v = p.Verdict;
        return [p.Id, p.Times, SweepTable.Microseconds(v.BaseMedian), Range(v.Base), SweepTable.Microseconds(v.NewMedian), Range(v.New), $"{(v.ChangePercent > 0 ? "+" : "")}{Digits.Places(v.ChangePercent, 1)}%", Word(v.Kind)];
    }

    private static string Range(IReadOnlyList<double> launches) => $"{launches.Count}: {Digits.Significant(launches.Min())}..{Digits.Significant(launches.Max())}";

    private static IEnumerable<string> Notes(Comparison comparison, double limit)
    {
        if (comparison.MachinesApart.Count > 0)
            yield return $"DIFFERENT MACHINE: the runs are not of one machine, so no time says anything of the program: {string.Join("; ", comparison.MachinesApart)}";
        yield return $"{comparison.Count(VerdictKind.Faster)} faster, {comparison.Count(VerdictKind.Slower)} slower, {comparison.Count(VerdictKind.Same)} same, {comparison.Count(VerdictKind.Ambiguous)} ambiguous";
        (int m, int n) = (comparison.Points.Min(p => p.Verdict.Base.Count), comparison.Points.Min(p => p.Verdict.New.Count));
        yield return $"FASTER, SLOWER: the medians differ by {limit} % or more and no launch of one side lies among the other's; with {m} and {n} launches luck alone does the second in {Digits.Significant(Verdict.LuckPercent(m, n), 2)} % of points. SAME: less than {limit} %";
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
