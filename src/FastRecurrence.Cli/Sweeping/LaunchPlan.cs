namespace FastRecurrence.Cli.Sweeping;

/// <summary>What a launch, a fresh process, is told on its stdin.</summary>
internal sealed record LaunchPlan(string Schema, int Launch, RunSettings Settings, IReadOnlyList<PlannedPoint> Points)
{
    public const string CurrentSchema = "fastrecurrence-launch/1";
}

/// <summary>One thing to measure.</summary>
/// <param name="Problem">Its id.</param>
/// <param name="Backend">A backend's name, or a peer's.</param>
/// <param name="Threads">1 where the backend takes no team.</param>
/// <param name="Weights"><c>fp32</c>.</param>
/// <param name="Verified">What an earlier launch found; the same bits are then right without asking the reference again.</param>
internal sealed record PlannedPoint(string Problem, string Backend, int Threads, string Weights, Checked? Verified = null)
{
    /// <summary>Such as <c>lstm_t50_n16_i256_h256 simd-512 1t fp32</c>: what <c>compare</c> matches points by.</summary>
    public string Id => $"{Problem} {Backend} {Threads}t {Weights}";
}

/// <summary>What a launch says on its stdout, one line each: what the machine can do, or a point.</summary>
internal sealed record LaunchMessage(IReadOnlyList<PeakRecord>? Peaks = null, PointMessage? Point = null);

/// <summary>One point of a plan: its times, or why there are none.</summary>
/// <param name="Index">Its index in the plan.</param>
/// <param name="Skipped">Why it was not measured; null when it was.</param>
/// <param name="Failed">Whether that is a failure (a device broke) and not a limit (the backend does not run such a layer).</param>
/// <param name="Verification">What checking found; null when skipped.</param>
/// <param name="Times">Null when skipped or wrong.</param>
internal sealed record PointMessage(int Index, Checked? Verification, LaunchTimes? Times, string? Skipped, bool Failed);
