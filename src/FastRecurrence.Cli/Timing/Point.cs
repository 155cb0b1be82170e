using FastRecurrence.Gpu;

namespace FastRecurrence.Cli.Timing;

/// <summary>One problem on one backend: checked first, then timed. Times are seconds of a whole sequence of T steps.</summary>
/// <param name="Problem">What was computed.</param>
/// <param name="Backend">On what.</param>
/// <param name="FirstCall">Seconds of preparing and the first run: compilation, packing or upload included.</param>
/// <param name="MaxError">The largest error against the double reference; see <see cref="PointTimer"/> for the rows looked at.</param>
/// <param name="Ok">Whether that error is within tolerance; a wrong kernel is never timed.</param>
/// <param name="EndToEnd">From the caller's memory to the caller's memory: on a device with both transfers. Null when wrong or not wanted.</param>
/// <param name="Kernels">A device's kernels alone, data already there; null on the CPU, where nothing is transferred.</param>
internal sealed record Point(ProblemSize Problem, Backend Backend, double FirstCall, double MaxError, bool Ok, Measurement? EndToEnd, Measurement? Kernels)
{
    /// <summary>Threads that worked on it; 1 on a device.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Seconds of a call for one step: on a device x goes there and h comes back. Null without <c>--streaming</c>.</summary>
    public Measurement? Streaming { get; init; }

    /// <summary>The backend, and the threads where there are several: <c>simd-512 2t</c>.</summary>
    public string Who => Threads == 1 ? Backend.Name : $"{Backend.Name} {Threads}t";

    /// <summary>The time without transfers where there are any, else the only one.</summary>
    public Measurement? Best => Kernels ?? EndToEnd;

    public double StepMicroseconds(Measurement time) => time.Median / Problem.SequenceLength * 1e6;

    /// <summary>The share of the FMA peak, one thread's times the threads; null on devices, whose peak is another.</summary>
    public double? PeakPercent(double peakGflops) => Backend is GpuBackend || EndToEnd is null ? null : 100 * Gflops(EndToEnd) / (peakGflops * Threads);

    public double Gflops(Measurement time) => Problem.FlopsPerStep * Problem.SequenceLength / time.Median / 1e9;
}
