using System.Diagnostics;
using FastRecurrence.Measuring;

namespace FastRecurrence.Bench.Training;

/// <summary>One training step of one layer, and its phases. What a backward pass is asked for tells its phases apart: they follow one another.</summary>
internal sealed class TrainingPoint : IDisposable
{
    private readonly TrainingLayer _layer;
    private readonly LayerState _state;
    private readonly TrainingTape _tape;
    private readonly LayerGradients _gradients;
    private readonly Sgd _optimizer = new(1e-6);
    private readonly float[] _x, _y, _dy, _dx;

    public TrainingPoint(LayerShape shape, int batchSize, int steps, WorkerTeam? team)
    {
        (Shape, N, T) = (shape, batchSize, steps);
        var random = new Random(1);
        _layer = Backend.Simd.PrepareForTraining(LayerWeights.Random(shape, seed: 1));
        (_state, _tape, _gradients) = (_layer.CreateState(N, team), _layer.CreateTape(T, N, team), _layer.CreateGradients());
        float[] Values(int width, float scale)
        {
            var values = new float[T * N * width];
            foreach (ref float value in values.AsSpan())
                value = scale * (2 * random.NextSingle() - 1);
            return values;
        }

        (_x, _y, _dy, _dx) = (Values(shape.InputSize, 1), new float[T * N * shape.HiddenSize], Values(shape.HiddenSize, 0.1f), Values(shape.InputSize, 0));
    }

    public LayerShape Shape { get; }

    public int N { get; }

    public int T { get; }

    /// <summary>Multiplications and additions of a whole step: each product of the forward pass, and twice as many of the backward pass.</summary>
    public double Flops => 3 * ForwardFlops;

    /// <summary>Those of x·W and h·R.</summary>
    public double ForwardFlops => 2.0 * (Shape.InputWeightCount + Shape.RecurrentWeightCount) * N * T;

    /// <summary>Rounds until the time is spent, each of the step as a whole and of backward passes that are asked for less.</summary>
    public TrainingTimes Measure(double seconds, int rounds)
    {
        var samples = new List<TrainingTimes>();
        long start = Stopwatch.GetTimestamp();
        Round();
        Round();
        while (samples.Count < 3 || (samples.Count < rounds && Stopwatch.GetElapsedTime(start).TotalSeconds < seconds))
            samples.Add(Round());
        double Median(Func<TrainingTimes, double> of) => Measurement.MedianOf(samples.Select(of));
        return new TrainingTimes(Median(s => s.Untaped), Median(s => s.Forward), Median(s => s.Steps), Median(s => s.StepsAndInput),
            Median(s => s.Backward), Median(s => s.Update), Median(s => s.Whole));
    }

    public void Dispose()
    {
        _tape.Dispose();
        _state.Dispose();
        _layer.Dispose();
    }

    private TrainingTimes Round()
    {
        long at = Stopwatch.GetTimestamp();
        double Lap()
        {
            long now = Stopwatch.GetTimestamp();
            double seconds = Stopwatch.GetElapsedTime(at, now).TotalSeconds;
            at = now;
            return seconds;
        }

        _layer.Layer.Run(_state, T, _x, _y);
        double untaped = Lap();
        Forward();
        Lap();
        _layer.Backward(_tape, _x, _y, _dy, null);
        double steps = Lap();
        Forward();
        Lap();
        _layer.Backward(_tape, _x, _y, _dy, null, new BackwardOptions { Input = _dx });
        double stepsAndInput = Lap();
        Forward();
        double forward = Lap();
        _layer.Backward(_tape, _x, _y, _dy, _gradients, new BackwardOptions { Input = _dx });
        double backward = Lap();
        _optimizer.Step(_layer, _gradients);
        _gradients.Clear();
        double update = Lap();
        return new TrainingTimes(untaped, forward, steps, stepsAndInput, backward, update, forward + backward + update);
    }

    private void Forward()
    {
        _state.Reset();
        _layer.Run(_state, _tape, T, _x, _y);
    }
}

/// <summary>Medians in seconds.</summary>
/// <param name="Untaped">A run without a tape.</param>
/// <param name="Forward">A run with one.</param>
/// <param name="Steps">A backward pass that is asked for nothing but the steps.</param>
/// <param name="StepsAndInput">One that is asked for ∂L/∂x as well.</param>
/// <param name="Backward">One that is asked for everything.</param>
/// <param name="Update">SGD, and the packing of the new weights.</param>
/// <param name="Whole">Forward, backward and update.</param>
internal sealed record TrainingTimes(double Untaped, double Forward, double Steps, double StepsAndInput, double Backward, double Update, double Whole);
