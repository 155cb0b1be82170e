using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using FastRecurrence.Measuring;

namespace FastRecurrence.Bench.Peers.Training;

/// <summary><c>peers --train</c>: training steps of this library beside libtorch's, with its allocator as installed and with a kept heap.</summary>
internal static class TrainingCommand
{
    /// <summary>The engines where none are named.</summary>
    public const string Engines = TrainingSummary.Own + "," + TrainingSummary.Torch + "," + TrainingSummary.Kept;

    /// <summary>Long beside the answer of another process.</summary>
    private const double SampleMicroseconds = 6000;

    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };

    public static int Run(PeerOptions options, string[] arguments)
    {
        TrainingProblem[] problems = [.. Grid(options)];
        if (problems.Length == 0)
            throw new ArgumentException($"No cell matches '{options.Filter}'; cells are named like lstm_t25_n16_i256_h256 2t, or ... 1t ragged.");
        foreach (string unknown in options.Engines.Except(Engines.Split(',')))
            throw new ArgumentException($"'{unknown}' does not train; use {Engines}.");
        TorchProcess[] torches = [.. ((TorchProcess[])[new(TrainingSummary.Torch, null), new(TrainingSummary.Kept, TorchProcess.KeptHeap)])
            .Where(t => options.Engines.Contains(t.Name))];
        using var team = new WorkerTeam(options.Threads.Max(), options.Pin);
        var (peaks, rows, lost) = (new List<double>(), new List<TrainingRow>(), new List<string>());
        var run = new TrainingRun(options.Rounds, SampleMicroseconds);
        (TrainingProblem Problem, ExactRows Rows)? exact = null;
        try
        {
            for (int i = 0; i < problems.Length; i++)
            {
                TrainingProblem problem = problems[i], alone = problem with { Threads = 1 };
                if (exact?.Problem != alone)
                    exact = (alone, alone.Exact());
                peaks.Add(FmaPeak.MeasureGflops());
                try
                {
                    List<TrainingRow> measured = Measure(run, problem, exact.Value.Rows, torches, options, problem.Threads == 1 ? null : team);
                    rows.AddRange(measured);
                    Console.WriteLine($"{i + 1,3}/{problems.Length} {problem,-34} {Line(problem, measured, peaks[^1])}");
                }
                catch (IOException e)
                {
                    lost.Add($"{problem}: {e.Message}");
                    Console.WriteLine($"{i + 1,3}/{problems.Length} {problem,-34} {e.Message}");
                }
            }
        }
        finally
        {
            Array.ForEach(torches, t => t.Dispose());
        }

        TrainingReport report = Report(options, arguments, torches, peaks, rows) with { Lost = lost };
        string summary = TrainingSummary.Write(report);
        Console.WriteLine(summary);
        if (options.Json is not null)
            File.WriteAllText(options.Json, JsonSerializer.Serialize(report, s_json));
        if (options.Markdown is not null)
            File.WriteAllText(options.Markdown, summary);
        return lost.Count == 0 ? 0 : 1;
    }

    /// <summary>Threads innermost, so that what is exact is computed once. Ragged batches beside the packed path of torch, on one thread.</summary>
    private static IEnumerable<TrainingProblem> Grid(PeerOptions options)
    {
        CellKind[] cells = [CellKind.Lstm, CellKind.Gru, CellKind.Elman];
        IEnumerable<TrainingProblem> dense =
            from cell in cells
            from batch in (int[])[1, 16, 64]
            from hidden in options.Quick ? (int[])[32, 128, 512] : [32, 64, 128, 256, 512]
            from steps in options.Quick ? (int[])[25] : [25, 100]
            from threads in options.Threads
            select new TrainingProblem(cell, hidden, batch, steps, threads, IsRagged: false, options.Updates);
        IEnumerable<TrainingProblem> ragged =
            from cell in cells
            from batch in options.Quick ? (int[])[16] : [16, 64]
            from hidden in options.Quick ? (int[])[128] : [64, 128, 256]
            select new TrainingProblem(cell, hidden, batch, options.Quick ? 25 : 100, options.Threads.Min(), IsRagged: true, options.Updates);
        return dense.Concat(ragged).Where(p => options.Filter is null || options.Filter.Split(' ').All(part => Names(p).Contains(part)));
    }

    /// <summary>Words and parts of words: n1 is not n16.</summary>
    private static HashSet<string> Names(TrainingProblem problem) => [.. problem.ToString().Split(' ', '_'), .. problem.ToString().Split(' ')];

    private static List<TrainingRow> Measure(TrainingRun run, TrainingProblem problem, ExactRows exact, TorchProcess[] torches, PeerOptions options, WorkerTeam? team)
    {
        var engines = new List<ITrainingEngine>();
        try
        {
            if (options.Engines.Contains(TrainingSummary.Own))
                engines.Add(new OwnTraining(problem, team));
            engines.AddRange(torches.Select(t => t.Prepare(problem)).OfType<ITrainingEngine>());
            return engines.Count > 0 ? run.Measure(problem, exact, engines, options.Pause(problem.Threads)) : [];
        }
        finally
        {
            engines.ForEach(e => e.Dispose());
        }
    }

    private static string Line(TrainingProblem problem, List<TrainingRow> measured, double peak) => string.Join("  ", measured.Select(r =>
        string.Create(CultureInfo.InvariantCulture, $"{r.Engine} {r.ComparedUs:G4}us"))) + (measured.Count == 0 ? "" : string.Create(CultureInfo.InvariantCulture,
        $"  {problem.Flops / measured[0].ComparedUs / 1e3 / (peak * problem.Threads):P0}"));

    private static TrainingReport Report(PeerOptions options, string[] arguments, TorchProcess[] torches, List<double> peaks, List<TrainingRow> rows)
    {
        string machine = $"{Environment.ProcessorCount} processors, {RuntimeInformation.RuntimeIdentifier}, {RuntimeInformation.FrameworkDescription}, {Backend.Simd.Name}";
        string torch = torches.Select(t => t.Version).FirstOrDefault(v => v is not null) ?? $"absent ({torches.Select(t => t.Absence).FirstOrDefault() ?? "not asked for"})";
        return new TrainingReport(Measurement.MedianOf(peaks), peaks.Max(), TorchEngine.Launch + string.Join(' ', arguments.Skip(1)), machine, options.Pin, torch, rows)
        {
            Step = options.Updates
                ? "A step: forward with a tape, backward to the gradients of x and all weights, and an update by plain gradient descent, on both sides (`--optimizer none` leaves it out)."
                : "A step: forward with a tape, and backward to the gradients of x and all weights; no optimizer on either side.",
            Allocators = torches.ToDictionary(t => t.Name, t => t.Setting),
            Lost = [],
        };
    }
}
