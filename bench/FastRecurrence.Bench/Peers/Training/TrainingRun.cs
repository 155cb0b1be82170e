using FastRecurrence.Measuring;
using FastRecurrence.TestKit;

namespace FastRecurrence.Bench.Peers.Training;

/// <summary>
/// Times the engines of one problem: outputs and gradients checked first, then samples in turns, with a pause before each so that the threads of the engine
/// before have gone to sleep.
/// </summary>
internal sealed class TrainingRun(int rounds, double sampleMicroseconds)
{
    private const double LongerThanWaking = 100_000; // microseconds

    /// <summary>A wrong gradient differs by a thousand times as much.</summary>
    private const double AllowedDifference = 2e-5;

    public List<TrainingRow> Measure(TrainingProblem problem, ExactRows exact, IReadOnlyList<ITrainingEngine> engines, TimeSpan pause)
    {
        StepResults? first = null;
        var checks = new List<(double Error, double Difference)>();
        foreach (ITrainingEngine engine in engines)
        {
            StepResults results = engine.Results();
            first ??= results;
            (double output, double inputGradient) = exact.Errors(results);
            double error = Math.Max(output, inputGradient), difference = first.Difference(results);
            if (!(output <= Tolerance.PeerFloor && inputGradient <= AllowedDifference && difference <= AllowedDifference))
            {
                throw new InvalidOperationException(FormattableString.Invariant(
                    $"{engine.Name} on {problem}: error of y {output:E1}, of its input's gradient {inputGradient:E1}, gradients of weights {difference:E1} ")
                    + $"from {engines[0].Name}'s; a wrong result is not timed.");
            }

            checks.Add((error, difference));
        }

        double[] once = [.. engines.Select(Warm)];
        List<StepTimes>[] samples = [.. engines.Select(_ => new List<StepTimes>())];
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < engines.Count; i++)
            {
                Thread.Sleep(pause);
                if (once[i] < LongerThanWaking)
                    engines[i].Time(1); // wakes what slept, and fetches its memory into the caches
                samples[i].Add(engines[i].Time((int)Math.Clamp(sampleMicroseconds / once[i], 1, 10_000)));
            }
        }

        return [.. engines.Select((engine, i) => Row(problem, engine.Name, samples[i], checks[i]))];
    }

    private static TrainingRow Row(TrainingProblem problem, string engine, List<StepTimes> samples, (double Error, double Difference) check)
    {
        double Median(Func<StepTimes, double> part) => Measurement.MedianOf(samples.Select(part));
        return new TrainingRow(problem.CellName, problem.Hidden, problem.Hidden, problem.Batch, problem.Steps, problem.Threads, engine,
            Median(s => s.Wall), samples.Min(s => s.Wall), check.Error)
        {
            IsRagged = problem.IsRagged,
            CpuMedianUs = Median(s => s.Cpu),
            CpuMinUs = samples.Min(s => s.Cpu),
            ForwardUs = Median(s => s.Forward),
            BackwardUs = Median(s => s.Backward),
            UpdateUs = Median(s => s.Update),
            GradientDifference = check.Difference,
            Flops = problem.Flops,
        };
    }

    /// <summary>Microseconds of a step, found by steps that also warm up.</summary>
    private double Warm(ITrainingEngine engine)
    {
        engine.Time(1);
        double once = engine.Time(1).Wall;
        return once >= sampleMicroseconds / 8 ? once : engine.Time((int)Math.Clamp(sampleMicroseconds / 4 / once, 2, 1000)).Wall;
    }
}
