using System.Text.Json.Serialization;
using FastRecurrence.TestKit.Cases;

namespace FastRecurrence.Cli.Commands;

/// <summary><c>verify --cases</c>: every case of a folder on every backend, against the file's numbers and the double reference.</summary>
internal sealed class VerifyCases(Session session, string folder, IReadOnlyList<string> names, OutputFormat format)
{
    private const string OnlyWhenNamed = "runs only when named: a second and more for each case";

    private readonly TextTable _table = new(
        new("case", 44, Left: true), new("backend", 11, Left: true), new("from reference"), new("from file"), new("tolerance"), new("verdict", Left: true));

    // The names are snake case here, unlike the tool's other documents: other programs read this one.
    private sealed record CaseEntry(
        string Case, string Backend, [property: JsonPropertyName("max_error")] double? MaxError,
        [property: JsonPropertyName("reference_error")] double? ReferenceError, double Tolerance, bool Ok, string? Reason)
    {
        public CaseEntry(CaseResult r)
            : this(r.Case, r.Backend, r.MaxError, r.ReferenceError, r.Tolerance, r.Ok, r.Reason)
        {
        }
    }

    private sealed record Document(IReadOnlyList<CaseEntry> Cases, IReadOnlyList<SkippedCase> Skipped);

    /// <returns>The exit code.</returns>
    public int Run()
    {
        bool named(Backend b) => names.Contains(b.Name, StringComparer.OrdinalIgnoreCase);
        var selection = new BackendSelection(names, BackendList.All);
        IReadOnlyList<ConformanceCase> cases = Read();
        if (format == OutputFormat.Table)
            session.WriteLines(_table.Head());
        var results = new List<CaseResult>();
        var skipped = new List<SkippedCase>();
        for (int i = 0; i < cases.Count; i++)
        {
            ConformanceCase item = cases[i];
            var exact = new Lazy<ExactOutputs>(item.Exact);
            foreach (Backend backend in selection.Backends)
            {
                session.Progress($"{item.Name} on {backend.Name}, {i + 1} of {cases.Count}");
                string? absence = BackendList.IsEmulator(backend) && !named(backend) ? OnlyWhenNamed : selection.ReasonOf(backend);
                if (absence is null)
                    selection.Let(backend, () => Take(CaseRunner.Run(item, backend, exact), results));
                absence ??= selection.ReasonOf(backend);
                if (absence is not null)
                    skipped.Add(new SkippedCase(item.Name, backend.Name, absence));
            }
        }

        session.ClearProgress();
        if (format == OutputFormat.Json)
            session.WriteJson(new Document([.. results.Select(r => new CaseEntry(r))], skipped));
        else
            WriteSummary(selection, results, skipped);

        int absent = selection.Report(session);
        if (results.Exists(r => !r.Ok))
            return ExitCode.WrongResult;
        if (absent == ExitCode.Ok && results.Count == 0)
            throw new CommandException(ExitCode.Failure, "no case ran.");
        return absent;
    }

    private IReadOnlyList<ConformanceCase> Read()
    {
        if (!Directory.Exists(folder))
        {
            throw new CommandException(
                ExitCode.Failure, File.Exists(folder) ? $"'{folder}' is a file; --cases takes a folder of case files." : $"there is no folder '{folder}'.");
        }

        IReadOnlyList<ConformanceCase> cases;
        try
        {
            cases = CaseFolder.Read(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new CommandException(ExitCode.Failure, $"cannot read '{folder}': {e.Message}", e);
        }

        return cases.Count > 0 ? cases : throw new CommandException(
            ExitCode.Failure, $"no case in '{folder}': cases are .json and .safetensors files, and folders with a model.onnx and its test_data_set_0.");
    }

    private void Take(CaseResult result, List<CaseResult> results)
    {
        results.Add(result);
        if (format != OutputFormat.Table)
            return;
        static string Error(double? error) => error is { } known ? Digits.Error(known) : "-";
        session.WriteLine(_table.Row(
            result.Case, result.Backend, Error(result.ReferenceError), Error(result.MaxError), Digits.Error(result.Tolerance),
            !result.Ok ? "FAIL" : result.MaxError is null ? "refused" : "ok"));
        if (!result.Ok)
            session.WriteLine($"{result.Case} on {result.Backend}: {result.Reason}");
    }

    private void WriteSummary(BackendSelection selection, List<CaseResult> results, List<SkippedCase> skipped)
    {
        session.WriteLine();
        foreach (Backend backend in selection.Backends)
        {
            CaseResult[] own = [.. results.Where(r => r.Backend == backend.Name)];
            if (own.Length > 0)
            {
                string reference = Digits.Error(own.Max(r => r.ReferenceError) ?? 0), files = Digits.Error(own.Max(r => r.MaxError) ?? 0);
                session.WriteLine(
                    $"{backend.Name,-12} {own.Count(r => r.Ok)}/{own.Length}   worst error {reference} from the reference, {files} from the files");
            }

            foreach (IGrouping<string, SkippedCase> reason in skipped.Where(s => s.Backend == backend.Name).GroupBy(s => s.Reason))
                session.WriteLine($"{backend.Name,-12} skipped {reason.Count()}: {reason.Key}");
        }

        session.WriteLine("Errors from the reference are absolute, relative beyond magnitude 1, and may be what the case's own rounding explains; " +
            "those from the file are absolute, and the tolerance is theirs.");
    }
}
