using System.Diagnostics;
using System.Globalization;
using FastRecurrence.TestKit.Fuzzing;

namespace FastRecurrence.Cli.Commands;

/// <summary><c>verify --fuzz</c>: damaged files for every reader. A finding comes with the line that repeats it.</summary>
internal static class VerifyFuzz
{
    /// <summary>Inputs between two looks at Ctrl-C: some tens of milliseconds.</summary>
    private const long Portion = 1000;

    private sealed record Finding(string Reader, long Input, string What, string Repeat);

    private sealed record Document(long Inputs, long Accepted, int Seed, long First, IReadOnlyList<Finding> Findings, Machine Machine);

    public static int Run(Session session, Fuzzer fuzzer, long inputs, int seed, long first, OutputFormat format)
    {
        var findings = new List<Finding>();
        long read = 0, accepted = 0, start = Stopwatch.GetTimestamp();
        while (read < inputs && findings.Count == 0)
        {
            session.Progress($"{read} of {inputs} damaged files read");
            long portion = Math.Min(Portion, inputs - read);
            (long done, long taken, IReadOnlyList<FuzzFailure> failures) = fuzzer.Run(portion, seed, first + read, session.Cancellation);
            (read, accepted) = (read + done, accepted + taken);
            findings.AddRange(failures.Select(f => new Finding(f.Reader, f.Input, f.What,
                string.Create(CultureInfo.InvariantCulture, $"fastrecurrence verify --fuzz 1 --seed {f.Seed} --first {f.Input}"))));
        }

        // A cancelled portion ends early and without a word.
        session.Cancellation.ThrowIfCancellationRequested();
        session.ClearProgress();
        if (format == OutputFormat.Json)
        {
            session.WriteJson(new Document(read, accepted, seed, first, findings, Machine.Here));
        }
        else
        {
            foreach (Finding finding in findings)
                session.WriteLine($"{finding.Reader}: {finding.What}; again with: {finding.Repeat}");
            session.WriteLine(string.Create(CultureInfo.InvariantCulture,
                $"{read} damaged files for {string.Join(", ", fuzzer.Readers)} in {Stopwatch.GetElapsedTime(start).TotalSeconds:f1} s, seed {seed}: "
                + $"{accepted} accepted, {read - accepted - findings.Count} refused as documented, {findings.Count} findings"));
        }

        return findings.Count == 0 ? ExitCode.Ok : ExitCode.WrongResult;
    }
}
