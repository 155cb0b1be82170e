using System.CommandLine;
using System.Text.Json.Serialization;
using FastRecurrence.TestKit.Verification;

namespace FastRecurrence.Cli.Commands;

/// <summary><c>verify</c>: random problems of awkward sizes on every backend against the double reference.</summary>
internal static class VerifyCommand
{
    /// <summary>What the emulator takes a fraction of a second for; larger problems are left to the others.</summary>
    private const double EmulatorFlops = 20_000;

    private sealed record Entry(string Backend, string Cell, [property: JsonIgnore] VerifiedCell Found)
    {
        public int Problems => Found.Problems;
        public long Values => Found.Values;
        public double Tolerance => Found.Tolerance;
        public bool Ok => Found.Ok;
        public OutputLocation? Worst => Found.Worst;
        public OutputLocation? WorstUlp => Found.WorstUlp;
        public OutputLocation? FirstDivergence => Found.FirstDivergence;
    }

    private sealed record SkippedEntry(string Backend, string Cell, string Reason);

    private sealed record Document(
        IReadOnlyList<Entry> Results, IReadOnlyList<SkippedEntry> Skipped, IReadOnlyList<UnavailableEntry> Unavailable, int Seed, Machine Machine);

    public static Command Create(Session session)
    {
        string cells = string.Join(',', CellName.All.Select(c => c.Name));
        var axes = new ProblemOptions(cells, batch: "1,3,17", hidden: "1,2,5,8,17,33,65", input: "0,3,19", length: "1,7");
        Option<string[]> backends = CommonOptions.Backends("every one that is available");
        Option<int> seed = CommonOptions.Seed();
        Option<OutputFormat> output = CommonOptions.Output();
        var command = new Command("verify", "Hold every backend against the double reference, over random problems of awkward sizes, or over case files; "
            + "hold readers and activations to their promises.");
        axes.AddTo(command);
        foreach (Option option in (Option[])[backends, seed, output])
            command.Add(option);
        var modes = new VerifyModes(session, backends, seed, output);
        modes.AddTo(command);
        command.SetAction(parsed =>
        {
            if (modes.Run(parsed) is { } code)
                return code;
            var selection = new BackendSelection(parsed.Get(backends) ?? [], [.. BackendList.All.Where(b => b != Backend.Reference)]);
            ProblemSize[] problems = [.. axes.Read(session, parsed)];
            return Run(session, selection, problems, parsed.Get(seed), parsed.Get(output));
        });
        return command;
    }

    private static int Run(Session session, BackendSelection selection, ProblemSize[] problems, int seed, OutputFormat format)
    {
        var table = new TextTable(
            new("backend", 11, Left: true), new("cell", 13, Left: true), new("problems"), new("worst error"), new("ulp", 5), new("where", 46, Left: true),
            new("tolerance"), new("verdict", Left: true));
        if (format == OutputFormat.Table)
            session.WriteLines(table.Head());
        var entries = new List<Entry>();
        var skipped = new List<SkippedEntry>();
        foreach (IGrouping<CellName, ProblemSize> cell in problems.GroupBy(p => p.Cell))
        {
            var found = selection.Ready.ToDictionary(b => b, _ => new VerifiedCell());
            int done = 0;
            foreach (ProblemSize problem in cell)
            {
                session.Progress($"{problem.Id}, {++done} of {cell.Count()}");
                ICase exact = ICase.Of(problem, seed);
                foreach (Backend backend in selection.Ready)
                {
                    if (!BackendList.IsEmulator(backend) || problem.FlopsPerStep * problem.SequenceLength <= EmulatorFlops)
                        selection.Let(backend, () => Verify(exact, backend, found[backend], cell.Key.Name, skipped));
                }
            }

            foreach (Backend backend in selection.Ready)
            {
                if (found[backend].Problems == 0)
                    continue; // skipped, or all too large for the emulator
                var entry = new Entry(backend.Name, cell.Key.Name, found[backend]);
                entries.Add(entry);
                if (format == OutputFormat.Table)
                    WriteEntry(session, table, entry);
            }
        }

        session.ClearProgress();
        if (format == OutputFormat.Json)
        {
            session.WriteJson(new Document(entries, skipped, selection.Unavailable, seed, Machine.Here));
        }
        else
        {
            foreach (SkippedEntry skip in skipped)
                session.WriteLine($"{skip.Backend} skipped {skip.Cell}: {skip.Reason}");
            foreach (UnavailableEntry absent in selection.Unavailable)
                session.WriteLine($"{absent.Backend} absent: {absent.Reason}");
            session.WriteLine("Errors are absolute, relative beyond magnitude 1; ulp counts values of magnitude 1/16 and more. "
                + "The tolerance follows from the rounding of each problem's own sums.");
        }

        return entries.Any(e => !e.Ok) ? ExitCode.WrongResult : selection.Report(session);
    }

    private static void Verify(ICase exact, Backend backend, VerifiedCell found, string cell, List<SkippedEntry> skipped)
    {
        try
        {
            exact.Verify(backend, found);
        }
        catch (NotSupportedException e)
        {
            if (!skipped.Exists(s => s.Backend == backend.Name && s.Cell == cell))
                skipped.Add(new SkippedEntry(backend.Name, cell, e.Message));
        }
    }

    private static void WriteEntry(Session session, TextTable table, Entry entry)
    {
        session.WriteLine(table.Row(
            entry.Backend, entry.Cell, $"{entry.Problems}", Digits.Error(entry.Worst?.Error ?? 0), Digits.Places(entry.WorstUlp?.Ulp ?? 0, 1),
            $"{entry.Worst}", Digits.Error(entry.Tolerance), entry.Ok ? "ok" : "WRONG"));
        if (entry.FirstDivergence is { } first)
            session.WriteLine($"{entry.Backend} diverges first at {first}: {Digits.Computed(first.Actual)}, exact {Digits.Exact(first.Exact)}");
    }
}
