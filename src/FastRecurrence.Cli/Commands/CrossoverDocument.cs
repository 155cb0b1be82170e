using FastRecurrence.Cli.Output;
using FastRecurrence.Cli.Timing;

namespace FastRecurrence.Cli.Commands;

/// <summary>What <c>crossover -o json</c> writes.</summary>
internal sealed record CrossoverDocument(
    IReadOnlyList<ScoreEntry> Exercises, double PeakGflopsPerThread, IReadOnlyList<PointEntry> Points, IReadOnlyList<VerdictEntry> Verdicts,
    IReadOnlyList<UnavailableEntry> Unavailable, double MinTimeMilliseconds, double MaxNoisePercent, double TimeoutMilliseconds, Machine Machine);

/// <summary>How many exercises a backend got right.</summary>
internal sealed record ScoreEntry(string Backend, int Right, int Of);

/// <summary>A measured duration per step.</summary>
internal sealed record TimeEntry(double StepMicroseconds, double NoisePercent, int Samples, double Gflops, string? Missed)
{
    public static TimeEntry? Of(Point point, Measurement? time) => time is null ? null
        : new TimeEntry(point.StepMicroseconds(time), double.IsFinite(time.NoisePercent) ? time.NoisePercent : -1, time.Samples, point.Gflops(time), time.Missed);
}

/// <summary>One problem on one backend. <c>withoutTransfers</c> is null on the CPU, where nothing is transferred.</summary>
internal sealed record PointEntry(
    string Problem, string Cell, int Hidden, int Input, int Length, int Batch, string Backend, bool CpuDevice,
    TimeEntry? EndToEnd, TimeEntry? WithoutTransfers, double? PeakPercent, double FirstCallMilliseconds, double MaxError, bool Ok)
{
    public static PointEntry Of(Point p, double peak) => new(
        p.Problem.Id, p.Problem.Cell.Name, p.Problem.HiddenSize, p.Problem.InputSize, p.Problem.SequenceLength, p.Problem.BatchSize, p.Backend.Name, BackendList.IsCpuDevice(p.Backend),
        TimeEntry.Of(p, p.EndToEnd), TimeEntry.Of(p, p.Kernels), p.PeakPercent(peak), 1e3 * p.FirstCall, p.MaxError, p.Ok);
}

/// <summary>From which batch a device pays; <c>batch</c> is null when it does not within the sweep.</summary>
internal sealed record VerdictEntry(
    string Cell, int Hidden, int Input, int Length, string Cpu, string Device, string Transfers,
    int? Batch, int? SlowerAt, int FirstBatch, double FirstRatio, int LastBatch, double LastRatio, bool Certain)
{
    public VerdictEntry(string cell, int hidden, int input, int length, string cpu, string device, string transfers, int firstBatch, int lastBatch, Crossover found)
        : this(cell, hidden, input, length, cpu, device, transfers, found.Batch, found.SlowerAt, firstBatch, found.FirstRatio, lastBatch, found.LastRatio, found.Certain)
    {
    }
}
