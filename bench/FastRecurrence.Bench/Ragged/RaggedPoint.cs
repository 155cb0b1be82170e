using System.Diagnostics;
using FastRecurrence.Measuring;
using FastRecurrence.TestKit.Problems;

namespace FastRecurrence.Bench.Ragged;

/// <summary>
/// A ragged batch beside a dense one of the same layer and rows, alternately, so that drift meets both. The ragged one has
/// lengths uniform in 1..T and so about half the row steps; each is counted by row steps a second.
/// </summary>
internal sealed class RaggedPoint : IDisposable
{
    private readonly RecurrentLayer _layer;
    private readonly LayerState _ragged, _dense;
    private readonly float[] _x, _y;
    private readonly int[] _lengths;
    private readonly int _T, _denseSteps;

    public RaggedPoint(LayerShape shape, int N, int T, int seed)
    {
        (Shape, BatchSize, _T) = (shape, N, T);
        var random = new Random(seed);
        _lengths = [.. Enumerable.Range(0, N).Select(_ => 1 + random.Next(T))];
        RowSteps = _lengths.Sum();
        // An equal number of row steps, to the nearest whole step.
        _denseSteps = (int)Math.Round(RowSteps / (double)N);
        _layer = Backend.Simd.Prepare(LayerWeights.Random(shape, seed));
        (_ragged, _dense) = (_layer.CreateState(N), _layer.CreateState(N));
        _x = Problem.Uniform(random, T * N * shape.InputSize);
        _y = new float[T * N * shape.OutputSize];
    }

    public LayerShape Shape { get; }

    public int BatchSize { get; }

    /// <summary>Steps of all rows of the ragged batch together.</summary>
    public long RowSteps { get; }

    /// <summary>Median nanoseconds of a row step, ragged and dense, and the median of the rounds' own ratios.</summary>
    public (double Ragged, double Dense, double Ratio) Measure(int rounds, TimeSpan sample)
    {
        RunRagged();
        RunDense();
        int repeats = Math.Max(1, (int)(sample.TotalSeconds / Time(RunRagged, 1)));
        double[] ragged = new double[rounds], dense = new double[rounds], ratio = new double[rounds];
        for (int i = 0; i < rounds; i++)
        {
            // The first of a pair changes from round to round.
            if (i % 2 == 0)
                ragged[i] = Time(RunRagged, repeats);
            dense[i] = Time(RunDense, repeats);
            if (i % 2 == 1)
                ragged[i] = Time(RunRagged, repeats);
            ragged[i] *= 1e9 / RowSteps;
            dense[i] *= 1e9 / ((double)_denseSteps * BatchSize);
            ratio[i] = dense[i] / ragged[i];
        }

        return (Measurement.MedianOf(ragged), Measurement.MedianOf(dense), Measurement.MedianOf(ratio));
    }

    public void Dispose()
    {
        _ragged.Dispose();
        _dense.Dispose();
        _layer.Dispose();
    }

    private void RunRagged() => _layer.Run(_ragged, _T, _x, _y, new SequenceOptions { Lengths = _lengths });

    private void RunDense()
    {
        int rows = _denseSteps * BatchSize;
        _layer.Run(_dense, _denseSteps, _x.AsSpan(0, rows * Shape.InputSize), _y.AsSpan(0, rows * Shape.OutputSize));
    }

    private static double Time(Action run, int repeats)
    {
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < repeats; i++)
            run();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / repeats;
    }
}
