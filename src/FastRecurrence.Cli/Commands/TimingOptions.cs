using System.CommandLine;
using FastRecurrence.Cli.Timing;

namespace FastRecurrence.Cli.Commands;

/// <summary>The options that say when a measurement ends, and which of a device's times it takes.</summary>
internal sealed class TimingOptions(string minTime, string maxNoise, string timeout)
{
    private readonly Option<Transfers> _transfers = CommonOptions.Value(
        "--transfers", "which", "A device's times: included, excluded or both; both by default.", "both", ParseTransfers);
    private readonly Option<TimeSpan> _minTime = CommonOptions.Value(
        "--min-time", "time", $"Sample each point for at least so long; {minTime} by default.", minTime, StopRule.ParseDuration);
    private readonly Option<double> _maxNoise = CommonOptions.Value(
        "--max-noise", "percent", $"and until the median's standard error is below this; {maxNoise} by default.", maxNoise, StopRule.ParsePercent);
    private readonly Option<TimeSpan> _timeout = CommonOptions.Value(
        "--timeout", "time", $"Give up on either after so long; {timeout} by default.", timeout, StopRule.ParseDuration);

    public void AddTo(Command command)
    {
        command.Add(_transfers);
        command.Add(_minTime);
        command.Add(_maxNoise);
        command.Add(_timeout);
    }

    public StopRule Rule(ParseResult parsed) => new(parsed.Get(_minTime), parsed.Get(_maxNoise), parsed.Get(_timeout));

    public Transfers Transfers(ParseResult parsed) => parsed.Get(_transfers);

    private static Transfers ParseTransfers(string text) => text.ToLowerInvariant() switch
    {
        "both" => Timing.Transfers.Both,
        "included" => Timing.Transfers.Included,
        "excluded" => Timing.Transfers.Excluded,
        _ => throw new FormatException($"'{text}' is not included, excluded or both."),
    };
}
