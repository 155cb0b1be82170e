using System.CommandLine;
using FastRecurrence.Cli.Axes;
using FastRecurrence.Cli.Exercises;
using FastRecurrence.Cli.Output;
using FastRecurrence.Cli.Timing;

namespace FastRecurrence.Cli.Commands;

/// <summary><c>crossover</c>: the exercises, then a sweep over batch sizes, then the batch from which a device pays.</summary>
internal static class CrossoverCommand
{
    public static Command Create(Session session)
    {
        Option<IReadOnlyList<CellName>> cells = CommonOptions.Cells("lstm");
        Option<IReadOnlyList<int>> batch = CommonOptions.Batch("1..256"), hidden = CommonOptions.Hidden("256"), length = CommonOptions.Length("25");
        Option<IReadOnlyList<int?>> input = CommonOptions.Input("same");
        Option<string[]> backends = CommonOptions.Backends("simd and every OpenCL and CUDA device; without a device of its own also each SIMD width");
        Option<Transfers> transfers = CommonOptions.Value("--transfers", "which", "A device's times: included, excluded or both; both by default.", "both", ParseTransfers);
        Option<TimeSpan> minTime = CommonOptions.Value("--min-time", "time", "Sample each point for at least so long; 100ms by default.", "100ms", StopRule.ParseDuration);
        Option<double> maxNoise = CommonOptions.Value("--max-noise", "percent", "and until the median's standard error is below this; 0.5 by default.", "0.5", StopRule.ParsePercent);
        Option<TimeSpan> timeout = CommonOptions.Value("--timeout", "time", "Give up on either after so long; 1s by default.", "1s", StopRule.ParseDuration);
        Option<OutputFormat> output = CommonOptions.Output();
        var command = new Command("crossover", "Check every backend, sweep batch sizes, and say from which batch a device pays.")
        {
            cells, batch, hidden, input, length, backends, transfers, minTime, maxNoise, timeout, output,
        };
        command.SetAction(parsed => new CrossoverRun(
            session,
            parsed.GetValue(backends) ?? [],
            [.. ProblemSize.Combine(
                parsed.GetRequiredValue(cells), parsed.GetRequiredValue(length), [.. parsed.GetRequiredValue(batch).Order()], parsed.GetRequiredValue(input), parsed.GetRequiredValue(hidden))],
            parsed.GetValue(transfers),
            new StopRule(parsed.GetValue(minTime), parsed.GetValue(maxNoise), parsed.GetValue(timeout)),
            parsed.GetValue(output)).Run());
        return command;
    }

    private static Transfers ParseTransfers(string text) => text.ToLowerInvariant() switch
    {
        "both" => Transfers.Both,
        "included" => Transfers.Included,
        "excluded" => Transfers.Excluded,
        _ => throw new FormatException($"'{text}' is not included, excluded or both."),
    };
}
