using System.Diagnostics.Metrics;

namespace FastRecurrence.Orleans.Grains;

/// <summary>What a silo counts; see docs/cluster.md.</summary>
internal static class ClusterMetrics
{
    public const string MeterName = "FastRecurrence.Orleans";
    private static readonly Meter s_meter = new(MeterName);

    public static readonly Histogram<double> CheckpointTime =
        s_meter.CreateHistogram<double>("fastrecurrence.checkpoint.duration", "s", "From the start of a checkpoint to the storage's answer.");

    public static readonly Counter<long> CheckpointFailures =
        s_meter.CreateCounter<long>("fastrecurrence.checkpoint.failures", "{checkpoint}", "Checkpoints that the storage did not take; they are tried again.");

    public static readonly Counter<long> Repeated =
        s_meter.CreateCounter<long>("fastrecurrence.frames.repeated", "{frame}", "Frames that came again and were not applied again.");

    public static readonly Counter<long> Lost =
        s_meter.CreateCounter<long>("fastrecurrence.streams.lost", "{stream}", "Calls answered with StreamLostException.");
}
