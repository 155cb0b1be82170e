using System.Diagnostics;
using FastRecurrence.Cli.Axes;
using FastRecurrence.Gpu;
using FastRecurrence.Reference;

namespace FastRecurrence.Cli.Timing;

/// <summary>Which of a device's times to take.</summary>
[Flags]
internal enum Transfers
{
    Excluded = 1,
    Included = 2,
    Both = Excluded | Included,
}

/// <summary>Runs one problem on backend after backend. Data and exact result are made once and shared by all.</summary>
internal sealed class PointTimer
{
    private readonly ProblemData _data;
    private readonly int[] _rows;
    private readonly ReferenceResult _exact;
    private readonly float[] _output;

    public PointTimer(ProblemSize problem, int seed = 1)
    {
        _data = new ProblemData(problem, seed);
        // First, middle, last: rows are independent, and judging all of them would take longer than timing them.
        _rows = [.. new[] { 0, problem.BatchSize / 2, problem.BatchSize - 1 }.Distinct()];
        _exact = _data.Exact(_rows);
        _output = new float[_data.OutputCount];
    }

    public Point Measure(Backend backend, StopRule rule, Transfers transfers, CancellationToken cancellation)
    {
        ProblemSize problem = _data.Size;
        long start = Stopwatch.GetTimestamp();
        using RecurrentLayer layer = backend.Prepare(_data.Weights);
        using LayerState state = _data.Start(layer);
        layer.Run(state, problem.SequenceLength, _data.Input, _output);
        double firstCall = Stopwatch.GetElapsedTime(start).TotalSeconds;

        double error = MaxError();
        bool ok = error <= Tolerance.Of(backend, problem.Shape);
        var point = new Point(problem, backend, firstCall, error, ok, EndToEnd: null, Kernels: null);
        if (!ok)
            return point;

        if (layer is GpuLayer device && transfers.HasFlag(Transfers.Excluded))
            point = point with { Kernels = Measurement.Take(repeats => device.MeasureKernels(state, problem.SequenceLength, repeats), rule, cancellation) };
        if (layer is not GpuLayer || transfers.HasFlag(Transfers.Included))
            point = point with { EndToEnd = Measurement.Take(repeats => Run(layer, state, repeats), rule, cancellation) };
        return point;
    }

    private double Run(RecurrentLayer layer, LayerState state, int repeats)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeats; i++)
            layer.Run(state, _data.Size.SequenceLength, _data.Input, _output);
        return Stopwatch.GetElapsedTime(start).TotalSeconds / repeats;
    }

    /// <summary>Relative to magnitudes above 1, as <see cref="Tolerance"/> wants it. A NaN counts as infinitely wrong.</summary>
    private double MaxError()
    {
        int T = _data.Size.SequenceLength, N = _data.Size.BatchSize, H = _data.Size.HiddenSize;
        double worst = 0;
        for (int t = 0; t < T; t++)
        {
            for (int row = 0; row < _rows.Length; row++)
            {
                for (int j = 0; j < H; j++)
                {
                    double error = Tolerance.Error(_exact.Output[(t * _rows.Length + row) * H + j], _output[(t * N + _rows[row]) * H + j]);
                    worst = Math.Max(worst, error);
                }
            }
        }

        return worst;
    }
}
