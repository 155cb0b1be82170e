using System.Text.Json.Serialization;
using FastRecurrence.Cli.Timing;

namespace FastRecurrence.Cli.Commands;

/// <summary>What <c>crossover -o json</c> writes.</summary>
internal sealed record CrossoverDocument(
    IReadOnlyList<ScoreEntry> Exercises, double PeakGflopsPerThread, IReadOnlyList<PointEntry> Points, IReadOnlyList<VerdictEntry> Verdicts,
    IReadOnlyList<string> Skipped, IReadOnlyList<UnavailableEntry> Unavailable, [property: JsonIgnore] StopRule Rule, Machine Machine)
{
    public double MinTimeMilliseconds => Rule.MinTime.TotalMilliseconds;
    public double MaxNoisePercent => Rule.MaxNoisePercent;
    public double TimeoutMilliseconds => Rule.Timeout.TotalMilliseconds;
}

/// <summary>How many exercises a backend got right.</summary>
internal sealed record ScoreEntry(string Backend, int Right, int Of);

/// <summary>A measured duration per step.</summary>
internal sealed record TimeEntry(double StepMicroseconds, double NoisePercent, int Samples, double Gflops, string? Missed)
{
    public static TimeEntry? Of(Point point, Measurement? time) => Of(point, time, point.Problem.SequenceLength);

    /// <summary>Of a time that is one step's, not a sequence's.</summary>
    public static TimeEntry? OfStep(Point point, Measurement? time) => Of(point, time, 1);

    private static TimeEntry? Of(Point point, Measurement? time, int steps) => time is null ? null : new TimeEntry(
        time.Median / steps * 1e6, double.IsFinite(time.NoisePercent) ? time.NoisePercent : -1, time.Samples,
        point.Problem.FlopsPerStep * steps / time.Median / 1e9, time.Missed);
}

/// <summary>
/// One problem on one backend. <c>withoutTransfers</c> and <c>dispatch</c> are null on the CPU, where nothing is transferred and no kernel chosen by a model.
/// </summary>
/// <param name="Timed">What was measured.</param>
/// <param name="Peak">GFLOP/s of a thread.</param>
internal sealed record PointEntry([property: JsonIgnore] Point Timed, [property: JsonIgnore] double Peak)
{
    public string Problem => Timed.Problem.Id;
    public string Cell => Timed.Problem.Cell.Name;
    public int Hidden => Timed.Problem.HiddenSize;
    public int Input => Timed.Problem.InputSize;
    public int Length => Timed.Problem.SequenceLength;
    public int Batch => Timed.Problem.BatchSize;
    public string Backend => Timed.Backend.Name;
    public bool CpuDevice => BackendList.IsCpuDevice(Timed.Backend);
    public int Threads => Timed.Threads;
    public TimeEntry? EndToEnd => TimeEntry.Of(Timed, Timed.EndToEnd);
    public TimeEntry? WithoutTransfers => TimeEntry.Of(Timed, Timed.Kernels);
    public TimeEntry? Streaming => TimeEntry.OfStep(Timed, Timed.Streaming);
    public double? PeakPercent => Timed.PeakPercent(Peak);
    public double FirstCallMilliseconds => 1e3 * Timed.FirstCall;
    public double MaxError => Timed.MaxError;
    public bool Ok => Timed.Ok;
    public string? Dispatch => DispatchOf(Timed);

    /// <summary>Which kernels a device ran the problem's first layer on, and why; null on the CPU.</summary>
    public static string? DispatchOf(Point p) => (p.Backend as Gpu.GpuBackend)?.Explain(p.Problem.Shape, p.Problem.BatchSize);
}

/// <summary>
/// From which batch a device pays; <c>batch</c> is null when it does not within the sweep. <c>transfers</c> is excluded, included or streaming (a call
/// for each step).
/// </summary>
/// <param name="Sweep">The problem of the smallest batch.</param>
/// <param name="Found">Where the times cross.</param>
/// <param name="Cpu">The fastest backends on the CPU, as the table calls them.</param>
/// <param name="Device">The device's backend.</param>
/// <param name="Transfers">Which times.</param>
/// <param name="LastBatch">The largest batch.</param>
internal sealed record VerdictEntry(
    [property: JsonIgnore] ProblemSize Sweep, [property: JsonIgnore] Crossover Found, string Cpu, string Device, string Transfers, int LastBatch)
{
    public string Cell => Sweep.Cell.Name;
    public int Hidden => Sweep.HiddenSize;
    public int Input => Sweep.InputSize;
    public int Length => Sweep.SequenceLength;
    public int? Batch => Found.Batch;
    public int? SlowerAt => Found.SlowerAt;
    public double? Estimate => Found.Estimate;
    public int? Earliest => Found.Earliest;
    public int? Latest => Found.Latest;
    public int FirstBatch => Sweep.BatchSize;
    public double FirstRatio => Found.FirstRatio;
    public double LastRatio => Found.LastRatio;
    public bool Certain => Found.Certain;
}
