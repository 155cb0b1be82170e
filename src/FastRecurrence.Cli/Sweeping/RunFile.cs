using System.Text.Json;
using FastRecurrence.Cli.Output;
using FastRecurrence.TestKit.Stacks;

namespace FastRecurrence.Cli.Sweeping;

/// <summary>What <c>sweep --save</c> keeps and <c>sweep -o json</c> writes; <c>compare</c> and <c>report</c> read it.</summary>
/// <param name="Schema">Name and version of this layout; a reader refuses another.</param>
/// <param name="Partial">Whether the run was cut short: some points then have fewer launches than the settings say, or none.</param>
/// <param name="Command">As one would type it again.</param>
/// <param name="Started">In UTC.</param>
/// <param name="Seconds">How long the run took.</param>
/// <param name="Machine">Where it ran.</param>
/// <param name="Settings">How it measured.</param>
/// <param name="Launches">Its processes.</param>
/// <param name="Points">What was measured, in the order of the plan.</param>
/// <param name="Skipped">What was not, and why.</param>
/// <param name="Unavailable">Backends that were asked for and are absent.</param>
internal sealed record RunFile(
    string Schema, bool Partial, string Command, DateTimeOffset Started, double Seconds, Machine Machine, RunSettings Settings,
    IReadOnlyList<LaunchRecord> Launches, IReadOnlyList<PointRecord> Points, IReadOnlyList<SkippedRecord> Skipped, IReadOnlyList<UnavailableEntry> Unavailable)
{
    public const string CurrentSchema = "fastrecurrence-run/1";

    /// <summary>Reads a file.</summary>
    /// <exception cref="CommandException">It cannot be read, or is no run file of this version.</exception>
    public static RunFile Load(string path)
    {
        try
        {
            string text = File.ReadAllText(path);
            using (JsonDocument document = JsonDocument.Parse(text))
            {
                string? schema = document.RootElement.ValueKind == JsonValueKind.Object && document.RootElement.TryGetProperty("schema", out JsonElement s) ? s.ToString() : null;
                if (schema != CurrentSchema)
                    throw new CommandException(ExitCode.Failure, $"{path} is not a run file: its schema is {(schema is null ? "absent" : $"'{schema}'")}, expected '{CurrentSchema}'. 'sweep --save' writes one.");
            }

            return JsonOutput.Deserialize<RunFile>(text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException(ExitCode.Failure, $"cannot read {path}: {e.Message}", e);
        }
        catch (JsonException e)
        {
            throw new CommandException(ExitCode.Failure, $"{path} is not a run file of this version: {(e.Path is null ? "it is no JSON document" : $"{e.Path} is not as it should be")}", e);
        }
    }
}

/// <summary>How a run measured.</summary>
/// <param name="Transfers"><c>included</c>, <c>excluded</c> or <c>both</c>.</param>
/// <param name="MinTimeMilliseconds">Of samples, at least.</param>
/// <param name="MaxNoisePercent">Standard error of a launch's median, at most.</param>
/// <param name="TimeoutMilliseconds">Gives up on both.</param>
/// <param name="Launches">Fresh processes.</param>
/// <param name="Latency">Whether single calls were timed.</param>
/// <param name="Cold">Whether calls with cold caches were timed.</param>
/// <param name="Seed">Of all random numbers.</param>
internal sealed record RunSettings(
    double MinTimeMilliseconds, double MaxNoisePercent, double TimeoutMilliseconds, int Launches, string Transfers, bool Latency, bool Cold, int Seed)
{
    public StopRule Rule() => new(TimeSpan.FromMilliseconds(MinTimeMilliseconds), MaxNoisePercent, TimeSpan.FromMilliseconds(TimeoutMilliseconds));
}

/// <summary>One process of a run: when it began, the system's load then, and what the machine could do meanwhile, for each number of threads.</summary>
internal sealed record LaunchRecord(int Launch, DateTimeOffset Started, string? Load, IReadOnlyList<PeakRecord> Peaks);

/// <summary>FMA peak, and read bandwidth by the bytes that each thread reads, of so many threads together.</summary>
internal sealed record PeakRecord(int Threads, double Gflops, IReadOnlyList<BandwidthRecord> Bandwidths);

internal sealed record BandwidthRecord(int BytesEach, double Gigabytes);

/// <summary>What was not measured, and why.</summary>
internal sealed record SkippedRecord(string Problem, string Backend, int Threads, string Weights, string Reason);

/// <summary>One problem on one backend with so many threads; times are per step of the whole stack.</summary>
internal sealed record PointRecord(
    string Id, string Problem, string Cell, int Length, int Batch, int Input, int Hidden, int Layers, string Direction, string Weights, string Backend, int Threads,
    bool Device, bool CpuDevice, bool Peer, double FlopsPerStep, double BytesPerStep, double RecurrentBytes, double TransferBytes,
    Checked Verification, IReadOnlyList<LaunchTimes> Launches, PointSummary? Summary);

/// <summary>What one launch measured at one point.</summary>
/// <param name="FirstOfItsKind">Whether no problem of this cell ran on this backend in this process before: its first call then contains just-in-time compilation, and on a device the kernels' build.</param>
/// <param name="PrepareMilliseconds">Packing or upload.</param>
/// <param name="FirstCallMilliseconds">The first run of all steps.</param>
/// <param name="ColdStepMicroseconds">Nothing in any cache before the call; null unless asked for.</param>
/// <param name="Launch">Its number, from 1.</param>
/// <param name="EndToEnd">From the caller's memory to the caller's; null when not asked for.</param>
/// <param name="Kernels">On a device without transfers; null on a CPU.</param>
/// <param name="Latency">Null unless asked for.</param>
internal sealed record LaunchTimes(
    int Launch, bool FirstOfItsKind, double PrepareMilliseconds, double FirstCallMilliseconds, TimeRecord? EndToEnd, TimeRecord? Kernels,
    double? ColdStepMicroseconds, LatencyRecord? Latency);

/// <summary>Samples of a duration, per step, in microseconds.</summary>
/// <param name="Missed">The stop rule that was not met before the timeout, or null.</param>
/// <param name="Median">Of the samples.</param>
/// <param name="Minimum">The fastest sample.</param>
/// <param name="NoisePercent">The standard error of the median; −1 when there are too few samples to tell.</param>
/// <param name="WarmUpMilliseconds">Spent before the first sample that counts.</param>
/// <param name="Samples">In the order in which they were taken.</param>
internal sealed record TimeRecord(
    double Median, double Minimum, double NoisePercent, string? Missed, double WarmUpMilliseconds, IReadOnlyList<double> Samples)
{
    public static TimeRecord Of(Measurement m, int steps) => new(
        Rounded(m.Median / steps), Rounded(m.Minimum / steps), double.IsFinite(m.NoisePercent) ? Math.Round(m.NoisePercent, 4) : -1, m.Missed,
        Math.Round(1e3 * m.WarmUp, 3), [.. m.Times.Select(t => Rounded(t / steps))]);

    /// <summary>Microseconds with seven digits: more than any clock gives.</summary>
    public static double Rounded(double seconds) => double.Parse((1e6 * seconds).ToString("G7", System.Globalization.CultureInfo.InvariantCulture), System.Globalization.CultureInfo.InvariantCulture);
}

/// <summary>Single calls, per step, in microseconds; see <see cref="Latency"/>.</summary>
internal sealed record LatencyRecord(int Calls, double P50, double? P99, double? P999, double Max, double TimerMicroseconds, long AllocatedBytes, int Collections, IReadOnlyList<double> Curve)
{
    public static LatencyRecord Of(Latency l, int steps) => new(
        l.Calls, TimeRecord.Rounded(l.P50 / steps), l.P99 is { } p99 ? TimeRecord.Rounded(p99 / steps) : null, l.P999 is { } p999 ? TimeRecord.Rounded(p999 / steps) : null, TimeRecord.Rounded(l.Max / steps), TimeRecord.Rounded(l.Timer), l.AllocatedBytes, l.Collections,
        [.. l.Curve.Select(t => TimeRecord.Rounded(t / steps))]);
}
