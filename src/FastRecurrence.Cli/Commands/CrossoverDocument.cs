using FastRecurrence.Cli.Output;
using FastRecurrence.Cli.Timing;

namespace FastRecurrence.Cli.Commands;

/// <summary>What <c>crossover -o json</c> writes.</summary>
internal sealed record CrossoverDocument(
    IReadOnlyList<ScoreEntry> Exercises, double PeakGflopsPerThread, IReadOnlyList<PointEntry> Points, IReadOnlyList<VerdictEntry> Verdicts,
    IReadOnlyList<string> Skipped, IReadOnlyList<UnavailableEntry> Unavailable, double MinTimeMilliseconds, double MaxNoisePercent, double TimeoutMilliseconds, Machine Machine);

/// <summary>How many exercises a backend got right.</summary>
internal sealed record ScoreEntry(string Backend, int Right, int Of);

/// <summary>A measured duration per step.</summary>
internal sealed record TimeEntry(double StepMicroseconds, double NoisePercent, int Samples, double Gflops, string? Missed)
{
    public static TimeEntry? Of(Point point, Measurement? time) => Of(point, time, point.Problem.SequenceLength);

    /// <summary>Of a time that is one step's, not a sequence's.</summary>
    public static TimeEntry? OfStep(Point point, Measurement? time) => Of(point, time, 1);

    private static TimeEntry? Of(Point point, Measurement? time, int steps) => time is null ? null : new TimeEntry(
        time.Median / steps * 1e6, double.IsFinite(time.NoisePercent) ? time.NoisePercent : -1, time.Samples, point.Problem.FlopsPerStep * steps / time.Median / 1e9, time.Missed);
}

/// <summary>One problem on one backend. <c>withoutTransfers</c> and <c>dispatch</c> are null on the CPU, where nothing is transferred and no kernel chosen by a model.</summary>
internal sealed record PointEntry(
    string Problem, string Cell, int Hidden, int Input, int Length, int Batch, string Backend, bool CpuDevice,
    int Threads, TimeEntry? EndToEnd, TimeEntry? WithoutTransfers, TimeEntry? Streaming, double? PeakPercent, double FirstCallMilliseconds, double MaxError, bool Ok, string? Dispatch)
{
    public static PointEntry Of(Point p, double peak) => new(
        p.Problem.Id, p.Problem.Cell.Name, p.Problem.HiddenSize, p.Problem.InputSize, p.Problem.SequenceLength, p.Problem.BatchSize, p.Backend.Name, BackendList.IsCpuDevice(p.Backend),
        p.Threads, TimeEntry.Of(p, p.EndToEnd), TimeEntry.Of(p, p.Kernels), TimeEntry.OfStep(p, p.Streaming), p.PeakPercent(peak), 1e3 * p.FirstCall, p.MaxError, p.Ok, DispatchOf(p));

    /// <summary>Which kernels a device ran the problem's first layer on, and why; null on the CPU.</summary>
    public static string? DispatchOf(Point p) => (p.Backend as Gpu.GpuBackend)?.Explain(p.Problem.Shape, p.Problem.BatchSize);
}

/// <summary>
/// From which batch a device pays; <c>batch</c> is null when it does not within the sweep. <c>transfers</c> is excluded, included or streaming (a call
/// for each step).
/// </summary>
internal sealed record VerdictEntry(
    string Cell, int Hidden, int Input, int Length, string Cpu, string Device, string Transfers,
    int? Batch, int? SlowerAt, double? Estimate, int? Earliest, int? Latest, int FirstBatch, double FirstRatio, int LastBatch, double LastRatio, bool Certain)
{
    public VerdictEntry(string cell, int hidden, int input, int length, string cpu, string device, string transfers, int firstBatch, int lastBatch, Crossover found)
        : this(cell, hidden, input, length, cpu, device, transfers, found.Batch, found.SlowerAt, found.Estimate, found.Earliest, found.Latest, firstBatch, found.FirstRatio, lastBatch, found.LastRatio, found.Certain)
    {
    }
}
