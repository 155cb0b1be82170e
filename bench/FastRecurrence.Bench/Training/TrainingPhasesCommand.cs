using System.CommandLine;
using System.Globalization;
using System.Text;
using FastRecurrence.Measuring;

namespace FastRecurrence.Bench.Training;

/// <summary><c>training-phases</c>: how long a training step takes, what share of the machine's peak that is, and which phase takes how much of it.</summary>
internal static class TrainingPhasesCommand
{
    private static readonly int[] s_hidden = [32, 64, 128, 256, 512], s_batch = [1, 16, 64], s_steps = [25, 100], s_threads = [1, 2];

    public static Command Create()
    {
        var filter = new Option<string>("--filter") { Description = "Only lines whose name has this, such as lstm_i64_h64_n16_t25.", DefaultValueFactory = _ => "" };
        var threads = new Option<int[]>("--threads") { Description = "Numbers of threads.", DefaultValueFactory = _ => s_threads, AllowMultipleArgumentsPerToken = true };
        var seconds = new Option<double>("--seconds") { Description = "Time of a line, in seconds; three rounds at least.", DefaultValueFactory = _ => 0.4 };
        var markdown = new Option<string?>("--markdown") { Description = "Write the table to a file." };
        var command = new Command("training-phases", "A training step of LSTM, GRU and Elman layers by phases, in ms and in percent of the FMA peak.") { filter, threads, seconds, markdown };
        command.SetAction(parsed => Run(parsed.GetValue(filter)!, parsed.GetValue(threads)!, parsed.GetValue(seconds), parsed.GetValue(markdown)));
        return command;
    }

    private static int Run(string filter, int[] threads, double seconds, string? markdown)
    {
        var text = new StringBuilder();
        void Write(string line)
        {
            Console.Write(line);
            text.Append(line);
        }

        int lines = 0;
        foreach (int count in threads)
        {
            double peak = FmaPeak.MeasureGflops(count);
            Write(string.Create(CultureInfo.InvariantCulture, $"\n## {count} {(count == 1 ? "thread" : "threads")}, peak {peak:F0} GFLOP/s\n\n"));
            Write("| layer, batch, steps | step, ms | % of peak | forward, % of peak | without a tape | back: steps | dX | dW dR db | update, % of the step |\n|---|---:|---:|---:|---:|---:|---:|---:|---:|\n");
            using WorkerTeam? team = count == 1 ? null : new WorkerTeam(count);
            foreach (LayerShape shape in Shapes())
            {
                foreach ((int N, int T) in s_batch.SelectMany(N => s_steps.Select(T => (N, T))))
                {
                    string name = string.Create(CultureInfo.InvariantCulture, $"{shape}_n{N}_t{T}");
                    if (!name.Contains(filter, StringComparison.Ordinal))
                        continue;
                    using var point = new TrainingPoint(shape, N, T, team);
                    Write(Line(name, point, point.Measure(seconds, rounds: 400), peak * 1e9));
                    lines++;
                }
            }
        }

        if (lines == 0)
            throw new InvalidOperationException($"No line matches '{filter}'; they are named like lstm_i64_h64_n16_t25.");
        if (markdown is { Length: > 0 } file)
        {
            const string About = "I = H, float32, dense, time-major. A step: a run with a tape, a backward pass that gives dX, dW, dR and db, SGD, packing of the new weights. "
                + "Medians of the rounds.\nPhases of the backward pass are differences of passes that are asked for more and more.";
            File.WriteAllText(file, $"# A training step by phases\n\n{Machine.Here.Summary}\n\n{About}\n{text}");
        }

        return 0;
    }

    private static IEnumerable<LayerShape> Shapes() =>
        s_hidden.Select(H => LayerShape.Lstm(H, H)).Concat(s_hidden.Select(H => LayerShape.Gru(H, H))).Concat(s_hidden.Select(H => LayerShape.Elman(H, H)));

    private static string Line(string name, TrainingPoint point, TrainingTimes times, double peak)
    {
        double input = 2.0 * point.Shape.InputWeightCount * point.N * point.T, recurrent = 2.0 * point.Shape.RecurrentWeightCount * point.N * point.T;
        string Share(double flops, double seconds) => (100 * flops / seconds / peak).ToString("F0", CultureInfo.InvariantCulture);
        return string.Create(CultureInfo.InvariantCulture, $"| {name} | {1e3 * times.Whole:G4} | {Share(point.Flops, times.Whole)} | {Share(point.ForwardFlops, times.Forward)} ")
            + $"| {Share(point.ForwardFlops, times.Untaped)} | {Share(recurrent, times.Steps)} | {Share(input, times.StepsAndInput - times.Steps)} "
            + $"| {Share(point.ForwardFlops, times.Backward - times.StepsAndInput)} | {Share(peak * times.Update, times.Whole)} |\n";
    }
}
