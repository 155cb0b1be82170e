using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace FastRecurrence.Cli.Sweeping;

/// <summary>What <c>sweep --save</c> keeps and <c>sweep -o json</c> writes; <c>compare</c> and <c>report</c> read it.</summary>
internal sealed record RunFile
{
    public const string CurrentSchema = "fastrecurrence-run/1";

    /// <summary>Name and version of this layout; a reader refuses another.</summary>
    public string Schema { get; init; } = CurrentSchema;

    /// <summary>Whether the run was cut short: some points then have fewer launches than the settings say, or none.</summary>
    public bool Partial { get; init; }

    /// <summary>As one would type it again.</summary>
    public required string Command { get; init; }

    /// <summary>In UTC.</summary>
    public required DateTimeOffset Started { get; init; }

    /// <summary>How long the run took.</summary>
    public required double Seconds { get; init; }

    /// <summary>Where it ran.</summary>
    public required Machine Machine { get; init; }

    /// <summary>How it measured.</summary>
    public required RunSettings Settings { get; init; }

    /// <summary>Its processes.</summary>
    public required IReadOnlyList<LaunchRecord> Launches { get; init; }

    /// <summary>What was measured, in the order of the plan.</summary>
    public required IReadOnlyList<PointRecord> Points { get; init; }

    /// <summary>What was not, and why.</summary>
    public IReadOnlyList<SkippedRecord> Skipped { get; init; } = [];

    /// <summary>Backends that were named and are absent.</summary>
    public IReadOnlyList<UnavailableEntry> Unavailable { get; init; } = [];

    /// <summary>From which batch every device pays; empty without a device that is no CPU.</summary>
    public IReadOnlyList<VerdictEntry> Verdicts => CrossoverVerdict.Of(Points);

    /// <summary>How many exercises every backend got right; null but in a run of <c>crossover</c>.</summary>
    public IReadOnlyList<ScoreEntry>? Exercises { get; init; }

    /// <summary>Reads a file.</summary>
    /// <exception cref="CommandException">It cannot be read, or is no run file of this version.</exception>
    public static RunFile Load(string path)
    {
        try
        {
            string text = File.ReadAllText(path);
            using (JsonDocument document = JsonDocument.Parse(text))
            {
                JsonElement root = document.RootElement;
                string? schema = root.ValueKind == JsonValueKind.Object && root.TryGetProperty("schema", out JsonElement s) ? s.ToString() : null;
                string found = schema is null ? "absent" : $"'{schema}'";
                if (schema != CurrentSchema)
                {
                    throw new CommandException(
                        ExitCode.Failure, $"{path} is not a run file: its schema is {found}, expected '{CurrentSchema}'. 'sweep --save' writes one.");
                }
            }

            return JsonOutput.Deserialize<RunFile>(text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new CommandException(ExitCode.Failure, $"cannot read {path}: {e.Message}", e);
        }
        catch (JsonException e)
        {
            string what = e.Path is null ? "it is no JSON document" : $"{e.Path} is not as it should be";
            throw new CommandException(ExitCode.Failure, $"{path} is not a run file of this version: {what}", e);
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
    /// <summary>Whether calls of one step were timed too.</summary>
    public bool Streaming { get; init; }

    /// <summary>Whether every thread was bound to a processor.</summary>
    public bool Pin { get; init; }

    /// <summary>Of the launches.</summary>
    public string Priority { get; init; } = "normal";

    public StopRule Rule() => new(TimeSpan.FromMilliseconds(MinTimeMilliseconds), MaxNoisePercent, TimeSpan.FromMilliseconds(TimeoutMilliseconds));
}

/// <summary>How many exercises a backend got right.</summary>
internal sealed record ScoreEntry(string Backend, int Right, int Of);

/// <summary>One process of a run: when it began, the system's load then, and what the machine could do meanwhile, for each number of threads.</summary>
internal sealed record LaunchRecord(int Launch, DateTimeOffset Started, string? Load, IReadOnlyList<PeakRecord> Peaks);

/// <summary>FMA peak, and read bandwidth by the bytes that each thread reads, of so many threads together.</summary>
internal sealed record PeakRecord(int Threads, double Gflops, IReadOnlyList<BandwidthRecord> Bandwidths);

internal sealed record BandwidthRecord(int BytesEach, double Gigabytes);

/// <summary>What was not measured, and why.</summary>
internal sealed record SkippedRecord(string Problem, string Backend, int Threads, string Weights, string Reason);

/// <summary>One problem on one backend with so many threads; times are per step of the whole stack.</summary>
internal sealed record PointRecord
{
    /// <summary>What <c>compare</c> matches points by.</summary>
    public required string Id { get; init; }

    /// <summary>The problem's id; the sizes after it come from it.</summary>
    public required string Problem { get; init; }
    public string Cell => Size.Cell.Name;
    public int Length => Size.SequenceLength;
    public int Batch => Size.BatchSize;
    public int Input => Size.InputSize;
    public int Hidden => Size.HiddenSize;
    public int Layers => Size.Layers;
    public string Direction => DirectionName.Of(Size.Direction);
    public required string Weights { get; init; }

    /// <summary>A backend's name, or a peer's.</summary>
    public required string Backend { get; init; }
    public required int Threads { get; init; }
    public bool Device { get; init; }
    public bool CpuDevice { get; init; }
    public bool Peer { get; init; }
    public required double FlopsPerStep { get; init; }
    public required double BytesPerStep { get; init; }
    public required double RecurrentBytes { get; init; }
    public required double TransferBytes { get; init; }
    public required Checked Verification { get; init; }
    public required IReadOnlyList<LaunchTimes> Launches { get; init; }

    /// <summary>What the launches say together; null when none measured the point.</summary>
    public PointSummary? Summary { get; init; }

    /// <summary>Which kernels a device ran the problem's first layer on, and why; null but in a run of <c>crossover</c>.</summary>
    public string? Dispatch { get; init; }

    /// <summary>Such as <c>simd-512 2t bf16</c>.</summary>
    [JsonIgnore]
    public string Who => $"{Backend}{(Threads == 1 ? "" : $" {Threads}t")}{(Weights == "fp32" ? "" : $" {Weights}")}";

    private ProblemSize Size => ProblemSize.Parse(Problem);

    /// <summary>The median of every launch that took such a time, in µs per step.</summary>
    public IEnumerable<double> Medians(Func<LaunchTimes, TimeRecord?> of) => Launches.Select(of).OfType<TimeRecord>().Select(t => t.Median);
}

/// <summary>What one launch measured at one point.</summary>
/// <param name="FirstOfItsKind">
/// Whether no problem of this cell ran on this backend in this process before: its first call then contains just-in-time compilation, and on a device
/// the kernels' build.
/// </param>
/// <param name="PrepareMilliseconds">Packing or upload.</param>
/// <param name="FirstCallMilliseconds">The first run of all steps.</param>
/// <param name="ColdStepMicroseconds">Nothing in any cache before the call; null without <c>--cold</c>.</param>
/// <param name="Launch">Its number, from 1.</param>
/// <param name="EndToEnd">From the caller's memory to the caller's; null with <c>--transfers excluded</c>.</param>
/// <param name="Kernels">On a device without transfers; null on a CPU.</param>
/// <param name="Latency">Null without <c>--latency</c>.</param>
internal sealed record LaunchTimes(
    int Launch, bool FirstOfItsKind, double PrepareMilliseconds, double FirstCallMilliseconds, TimeRecord? EndToEnd, TimeRecord? Kernels,
    double? ColdStepMicroseconds, LatencyRecord? Latency)
{
    /// <summary>A call for each step: on a device x goes there and h comes back. Null where it was not timed.</summary>
    public TimeRecord? Streaming { get; init; }
}

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
    public static double Rounded(double seconds) => double.Parse((1e6 * seconds).ToString("G7", s_culture), s_culture);

    private static readonly CultureInfo s_culture = CultureInfo.InvariantCulture;
}

/// <summary>Single calls, per step, in microseconds; see <see cref="Latency"/>.</summary>
internal sealed record LatencyRecord
{
    public required int Calls { get; init; }
    public required double P50 { get; init; }
    public double? P99 { get; init; }
    public double? P999 { get; init; }
    public required double Max { get; init; }
    public required double TimerMicroseconds { get; init; }
    public required long AllocatedBytes { get; init; }
    public required int Collections { get; init; }
    public required IReadOnlyList<double> Curve { get; init; }

    public static LatencyRecord Of(Latency l, int steps)
    {
        double Step(double seconds) => TimeRecord.Rounded(seconds / steps);
        return new LatencyRecord
        {
            Calls = l.Calls,
            P50 = Step(l.P50),
            P99 = l.P99 is { } p99 ? Step(p99) : null,
            P999 = l.P999 is { } p999 ? Step(p999) : null,
            Max = Step(l.Max),
            TimerMicroseconds = TimeRecord.Rounded(l.Timer),
            AllocatedBytes = l.AllocatedBytes,
            Collections = l.Collections,
            Curve = [.. l.Curve.Select(Step)],
        };
    }
}
