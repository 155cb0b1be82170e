using System.Diagnostics;
using FastRecurrence.Measuring;
using FastRecurrence.TestKit;

namespace FastRecurrence.Bench.Peers;

/// <summary>
/// Times the engines of one problem: outputs checked first, then round-robin samples of at least two milliseconds, with a
/// pause before each so that the spinning threads of the engine before have gone to sleep.
/// </summary>
internal sealed class PeerRun(int rounds, double sampleMilliseconds)
{
    public List<PeerRow> Measure(PeerProblem problem, IReadOnlyList<IEngine> engines, TimeSpan pause)
    {
        double[] errors = [.. engines.Select(e => problem.Error(e.FirstOutput()))];
        for (int i = 0; i < engines.Count; i++)
        {
            if (!(errors[i] <= Allowed(engines[i].Name)))
                throw new InvalidOperationException($"{engines[i].Name} on {problem}: error {errors[i]:E1}; a wrong result is not timed.");
        }

        int[] calls = [.. engines.Select(Calibrate)];
        var samples = engines.Select(_ => new double[rounds]).ToArray();
        for (int round = 0; round < rounds; round++)
        {
            for (int i = 0; i < engines.Count; i++)
            {
                Thread.Sleep(pause);
                engines[i].Run(); // wakes what slept
                long start = Stopwatch.GetTimestamp();
                for (int call = 0; call < calls[i]; call++)
                    engines[i].Run();
                samples[i][round] = Stopwatch.GetElapsedTime(start).TotalMicroseconds / calls[i];
            }
        }

        return [.. engines.Select((e, i) => new PeerRow(problem.Cell == CellKind.Lstm ? "lstm" : "rnn", problem.Hidden, problem.Hidden, problem.Batch, problem.Steps,
            problem.Threads, e.Name, Measurement.MedianOf(samples[i]), samples[i].Min(), errors[i]))];
    }

    private static double Allowed(string engine) => Tolerance.PeerFloor + engine switch
    {
        "fastrecurrence-bf16" => Tolerance.OfFormat(WeightFormat.Bfloat16),
        "fastrecurrence-int8" => Tolerance.OfFormat(WeightFormat.Int8),
        _ => 0,
    };

    /// <summary>Calls that fill a sample, three times in a row: a call that wakes threads takes as long as many.</summary>
    private int Calibrate(IEngine engine)
    {
        const double LongerThanWaking = 10; // samples
        int calls = 1, filled = 0;
        while (filled < 3)
        {
            long start = Stopwatch.GetTimestamp();
            for (int call = 0; call < calls; call++)
                engine.Run();
            double samplesTaken = Stopwatch.GetElapsedTime(start).TotalMilliseconds / sampleMilliseconds;
            if (samplesTaken >= LongerThanWaking)
                return calls;
            filled = samplesTaken >= 1 ? filled + 1 : 0;
            if (filled == 0)
                calls *= 2;
        }

        return calls;
    }
}
