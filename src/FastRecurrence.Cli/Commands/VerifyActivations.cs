using System.Text.Json.Serialization;
using FastRecurrence.TestKit.Verification;

namespace FastRecurrence.Cli.Commands;

/// <summary><c>verify --activations</c>: sigmoid and tanh over all floats against double, on all processors.</summary>
internal static class VerifyActivations
{
    /// <summary>Floats between two looks at Ctrl-C.</summary>
    private const long Portion = 1 << 20;

    /// <summary>The functions, with the ulp that each may be off.</summary>
    private static readonly (ScannedFunction Function, string Name, double Limit)[] s_functions =
        [(ScannedFunction.Sigmoid, "sigmoid", 2), (ScannedFunction.Tanh, "tanh", 3)];

    private sealed record Entry(string Backend, string Function, [property: JsonIgnore] ScanResult Found, double Limit)
    {
        public long Values => Found.Values;
        public double WorstUlp => Found.WorstUlp;
        public double WorstAt => Found.WorstAt;
        public long Wrong => Found.Wrong;
        public double? WrongAt => Found.Wrong == 0 ? null : Found.WrongAt;
        public bool Ok => Found.WorstUlp <= Limit && Found.Wrong == 0;
    }

    private sealed record Document(IReadOnlyList<Entry> Results, long Every, IReadOnlyList<UnavailableEntry> Unavailable, Machine Machine);

    public static int Run(Session session, IReadOnlyList<string> names, long every, OutputFormat format)
    {
        var selection = new BackendSelection(names, [Backend.Simd]);
        if (selection.Ready.FirstOrDefault(b => ActivationScan.Of(b.Name) is null) is { } other)
        {
            throw CommandException.Usage(
                $"--activations looks at the SIMD widths; '{other.Name}' is none of scalar, simd, simd-128, simd-256, simd-512, simd-vector.");
        }

        var table = new TextTable(
            new("backend", 11, Left: true), new("function", Left: true), new("floats", 10), new("worst ulp"), new("at", 15), new("limit"), new("wrong"),
            new("verdict", Left: true));
        if (format == OutputFormat.Table)
            session.WriteLines(table.Head());
        var entries = new List<Entry>();
        foreach (Backend backend in selection.Ready)
        {
            foreach ((ScannedFunction function, string name, double limit) in s_functions)
            {
                var entry = new Entry(backend.Name, name, Scan(session, backend, function, every), limit);
                entries.Add(entry);
                if (format == OutputFormat.Table)
                    Write(session, table, entry);
            }
        }

        session.ClearProgress();
        if (format == OutputFormat.Json)
            session.WriteJson(new Document(entries, every, selection.Unavailable, Machine.Here));
        else
            session.WriteLine("ulp: units in the last place of the exact result, where that is at least 2^-126. " +
                "Wrong: NaN from a number, a number from NaN, beyond the limits.");
        return entries.Exists(e => !e.Ok) ? ExitCode.WrongResult : selection.Report(session);
    }

    /// <summary>The result does not depend on the threads: portions are joined in their order.</summary>
    private static ScanResult Scan(Session session, Backend backend, ScannedFunction function, long every)
    {
        long count = ((1L << 32) + every - 1) / every;
        int portions = (int)((count + Portion - 1) / Portion), atOnce = 4 * Environment.ProcessorCount;
        ActivationScan scan = ActivationScan.Of(backend.Name)!;
        var all = new ScanResult(0, 0, 0, 0, float.NaN);
        for (int first = 0; first < portions; first += atOnce)
        {
            session.Progress($"{function.ToString().ToLowerInvariant()} on {backend.Name}, {100L * first / portions} %");
            var results = new ScanResult[Math.Min(atOnce, portions - first)];
            int begun = first;
            Parallel.For(0, results.Length, i => results[i] = scan.Run(function, every, (begun + i) * Portion, Math.Min(count, (begun + i + 1) * Portion)));
            all = results.Aggregate(all, (a, b) => a.And(b));
        }

        return all;
    }

    private static void Write(Session session, TextTable table, Entry entry)
    {
        session.WriteLine(table.Row(
            entry.Backend, entry.Function, $"{entry.Values}", Digits.Places(entry.WorstUlp), Digits.Computed(entry.WorstAt), Digits.Places(entry.Limit, 0),
            $"{entry.Wrong}", entry.Ok ? "ok" : "WRONG"));
        if (entry.WrongAt is { } at)
            session.WriteLine($"{entry.Backend} {entry.Function} is first wrong at {Digits.Computed(at)}");
    }
}
