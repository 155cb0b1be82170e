using System.CommandLine;
using System.Diagnostics;
using FastRecurrence.Cli.Sweeping;
using FastRecurrence.Threading;

namespace FastRecurrence.Cli.Commands;

/// <summary>The options that say how a run measures.</summary>
internal sealed class TimingOptions(int launches)
{
    private static readonly string[] s_transfers = ["included", "excluded", "both"];
    private static readonly string[] s_priorities = [.. Enum.GetNames<ProcessPriorityClass>().Select(n => n.ToLowerInvariant())];

    private readonly Option<string> _transfers = CommonOptions.Value(
        "--transfers", "which", "A device's times: included, excluded or both; both by default.", "both", text => OneOf(text, s_transfers));
    private readonly Option<TimeSpan> _minTime = CommonOptions.Value(
        "--min-time", "time", "Sample each point for at least so long; 100ms by default.", "100ms", StopRule.ParseDuration);
    private readonly Option<double> _maxNoise = CommonOptions.Value(
        "--max-noise", "percent", "and until the median's standard error is below this; 0.5 by default.", "0.5", StopRule.ParsePercent);
    private readonly Option<TimeSpan> _timeout = CommonOptions.Value(
        "--timeout", "time", "Give up on either after so long; 400ms by default.", "400ms", StopRule.ParseDuration);
    private readonly Option<int> _launches = CommonOptions.Value(
        "--launches", "number", $"Fresh processes that measure every point; {launches} by default.", $"{launches}",
        text => CommonOptions.WholeNumber(text, 1, 100));
    private readonly Option<int> _seed = CommonOptions.Seed();
    private readonly Option<bool> _pin = new("--pin") { Description = "Bind every thread to a processor of its own (Linux and Windows)." };
    private readonly Option<string> _priority = CommonOptions.Value(
        "--priority", "name", $"Of the launches: {string.Join(", ", s_priorities)}; normal by default.", "normal", text => OneOf(text, s_priorities));

    public void AddTo(Command command)
    {
        foreach (Option option in (Option[])[_transfers, _minTime, _maxNoise, _timeout, _launches, _seed, _pin, _priority])
            command.Add(option);
    }

    /// <exception cref="CommandException">Threads cannot be pinned here.</exception>
    public RunSettings Settings(ParseResult parsed)
    {
        if (parsed.Get(_pin) && !OperatingSystem.IsLinux() && !OperatingSystem.IsWindows())
            throw CommandException.Usage("--pin: threads can be bound to processors on Linux and Windows only.");
        return new RunSettings(
            parsed.Get(_minTime).TotalMilliseconds, parsed.Get(_maxNoise), parsed.Get(_timeout).TotalMilliseconds, parsed.Get(_launches),
            parsed.Get(_transfers), Latency: false, Cold: false, parsed.Get(_seed))
        {
            Pin = parsed.Get(_pin),
            Priority = parsed.Get(_priority),
        };
    }

    private static string OneOf(string text, string[] words) => words.Contains(text.ToLowerInvariant()) ? text.ToLowerInvariant()
        : throw new FormatException($"'{text}' is not {string.Join(", ", words.SkipLast(1))} or {words[^1]}.");
}
