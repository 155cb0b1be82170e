using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace FastRecurrence.Gpu;

/// <summary>What was found of one backend.</summary>
public sealed class BackendCandidate
{
    internal BackendCandidate(Backend backend, double? stepMicroseconds, string? reason) =>
        (Backend, StepMicroseconds, Reason) = (backend, stepMicroseconds, reason);

    /// <summary>The backend.</summary>
    public Backend Backend { get; }

    /// <summary>The fastest time of a step, transfers included; null where it was not timed.</summary>
    public double? StepMicroseconds { get; }

    /// <summary>Why it was not timed; null where it was.</summary>
    public string? Reason { get; }

    /// <summary>Such as <c>simd-512: 8.65 µs a step</c> or <c>cuda:0: the driver's library does not load</c>.</summary>
    public override string ToString() => StepMicroseconds is { } time
        ? string.Create(CultureInfo.InvariantCulture, $"{Backend.Name}: {time:g3} µs a step") : $"{Backend.Name}: {Reason}";
}

/// <summary>
/// The fastest backend of this machine for a layer and a batch, found by timing: the SIMD kernels and every device run the layer with random weights for
/// a moment, from the caller's memory and back to it. It takes some tens of milliseconds for each, on a device also the build of its kernels; so ask once,
/// at the start of a program, and keep the answer.
/// </summary>
public sealed class BackendChoice
{
    private const int FewestCalls = 3;

    private static readonly TimeSpan s_time = TimeSpan.FromMilliseconds(20);

    private BackendChoice(IReadOnlyList<BackendCandidate> candidates)
    {
        Candidates = candidates;
        Best = candidates.Where(c => c.StepMicroseconds is not null).MinBy(c => c.StepMicroseconds)?.Backend
            ?? throw new BackendUnavailableException(Backend.Simd.Name, Backend.Simd.UnavailableReason ?? string.Join("; ", candidates));
    }

    /// <summary>The one whose steps took least.</summary>
    public Backend Best { get; }

    /// <summary>All that were looked at: <see cref="Backend.Simd"/>, then those of <see cref="GpuBackends.All"/>.</summary>
    public IReadOnlyList<BackendCandidate> Candidates { get; }

    /// <summary>Times a layer on this machine's backends. Devices that are this machine's CPU, and ILGPU's emulator, are listed and not timed.</summary>
    /// <param name="shape">The layer.</param>
    /// <param name="batchSize">N, at least 1.</param>
    /// <param name="sequenceLength">T, steps a call: on a device each call has its launches and transfers.</param>
    /// <param name="team">Threads of the SIMD kernels; null for the calling thread alone.</param>
    /// <exception cref="ArgumentOutOfRangeException">N or T is below 1, or T×N×I is more than an array holds.</exception>
    /// <exception cref="BackendUnavailableException">No backend runs the layer.</exception>
    [RequiresDynamicCode("ILGPU compiles kernels at run time, which Native AOT cannot. Use Backend.Simd there.")]
    public static BackendChoice Measure(LayerShape shape, int batchSize, int sequenceLength = 16, WorkerTeam? team = null)
    {
        ArgumentNullException.ThrowIfNull(shape);
        ArgumentOutOfRangeException.ThrowIfLessThan(batchSize, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(sequenceLength, 1);
        int inputs = Extents.Elements("x (T×N×I)", nameof(batchSize), sequenceLength, batchSize, shape.InputSize);
        float[] x = new float[inputs];
        float[] y = new float[Extents.Elements("y (T×N×H)", nameof(batchSize), sequenceLength, batchSize, shape.OutputSize)];
        var random = new Random(1);
        foreach (ref float value in x.AsSpan())
            value = 2 * random.NextSingle() - 1;
        LayerWeights weights = LayerWeights.Random(shape, 1);
        return new BackendChoice([.. GpuBackends.All.Prepend(Backend.Simd).Select(backend => Time(backend, weights, batchSize, sequenceLength, x, y, team))]);
    }

    /// <summary>One candidate a line, the best first.</summary>
    public override string ToString() => string.Join(Environment.NewLine, Candidates.OrderBy(c => c.StepMicroseconds ?? double.PositiveInfinity));

    private static BackendCandidate Time(Backend backend, LayerWeights weights, int N, int T, float[] x, float[] y, WorkerTeam? team)
    {
        string? reason = backend.UnavailableReason ?? backend switch
        {
            GpuBackend { DeviceKind: DeviceKind.Emulator } => "an emulator, which checks kernels and is slow",
            GpuBackend { IsCpuDevice: true } => "this machine's CPU behind a device driver; the SIMD kernels use it better",
            _ => null,
        };
        if (reason is not null)
            return new BackendCandidate(backend, null, reason);
        try
        {
            using RecurrentLayer layer = backend.Prepare(weights);
            using LayerState state = layer.CreateState(N, backend is GpuBackend ? null : team);
            layer.Run(state, T, x, y); // compiles
            double best = double.PositiveInfinity;
            long start = Stopwatch.GetTimestamp();
            for (int calls = 0; calls < FewestCalls || Stopwatch.GetElapsedTime(start) < s_time; calls++)
            {
                long begun = Stopwatch.GetTimestamp();
                layer.Run(state, T, x, y);
                best = Math.Min(best, Stopwatch.GetElapsedTime(begun).TotalMicroseconds / T);
            }

            return new BackendCandidate(backend, best, null);
        }
        catch (Exception e) when (e is NotSupportedException or DeviceException)
        {
            return new BackendCandidate(backend, null, e.Message);
        }
    }
}
