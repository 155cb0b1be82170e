using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using FastRecurrence.Streams;

namespace FastRecurrence.Bench.Streams;

/// <summary><c>streams</c>: live streams that one core serves in real time, beside a stream at a time and ONNX Runtime, in one process.</summary>
internal sealed class StreamsCommand(bool quick, int[] hidden, string[] engines)
{
    private static readonly TimeSpan s_frame = TimeSpan.FromMilliseconds(32), s_deadline = TimeSpan.FromMilliseconds(10), s_hopeless = TimeSpan.FromMilliseconds(100);
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };

    private readonly TimeSpan _duration = TimeSpan.FromSeconds(quick ? 0.5 : 2);
    private readonly int _probes = quick ? 4 : 6, _attempts = quick ? 2 : 3;

    public static Command Create()
    {
        var quick = new Option<bool>("--quick") { Description = "Shorter runs, and fewer of them." };
        var hidden = new Option<string>("--hidden") { Description = "H = I, separated by commas.", DefaultValueFactory = _ => "64,128,256,512,1024" };
        var engines = new Option<string>("--engines") { Description = "Separated by commas.", DefaultValueFactory = _ => "live-streams,scheduler,one-by-one,onnxruntime" };
        var json = new Option<string?>("--json") { Description = "Write every number to a file." };
        var markdown = new Option<string?>("--markdown") { Description = "Write the table to a file." };
        var command = new Command("streams", "Live streams that one core serves in real time, beside others.") { quick, hidden, engines, json, markdown };
        command.SetAction(parsed =>
        {
            int[] sizes = [.. parsed.GetValue(hidden)!.Split(',').Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
            var run = new StreamsCommand(parsed.GetValue(quick), sizes, parsed.GetValue(engines)!.Split(','));
            string arguments = string.Join(' ', parsed.Tokens.Select(token => token.Value));
            return run.Run($"dotnet run -c Release --project bench/FastRecurrence.Bench -- {arguments}", parsed.GetValue(json), parsed.GetValue(markdown));
        });
        return command;
    }

    private int Run(string line, string? json, string? markdown)
    {
        var rows = new List<StreamsRow>();
        foreach (int H in hidden)
        {
            LayerWeights weights = LayerWeights.Random(LayerShape.Lstm(H, H), 1);
            using var stack = new RecurrentStack(Backend.Simd, StackLayer.Unidirectional(weights));
            foreach (string engine in engines)
            {
                foreach (StreamsRow row in engine == "scheduler" ? WithScheduler(stack, H) : WithEngine(engine, stack, weights))
                {
                    rows.Add(row);
                    Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
                        $"H {row.Hidden,4} {row.Engine,-12} {row.Arrivals,-8} {row.StreamsPerCore,6} streams a core, p99 {row.P99Ms:F2} ms, with 80 % of them {row.P99At80Ms:F2} ms, batch {row.Batch}"));
                }
            }
        }

        string machine = $"{Environment.ProcessorCount} processors, {RuntimeInformation.RuntimeIdentifier}, {RuntimeInformation.FrameworkDescription}, {Backend.Simd.Name}";
        var report = new StreamsReport(line, machine, s_frame.TotalMilliseconds, s_deadline.TotalMilliseconds, _duration.TotalSeconds, _attempts, rows);
        string table = Table(report);
        Console.WriteLine(table);
        if (json is not null)
            File.WriteAllText(json, JsonSerializer.Serialize(report, s_json));
        if (markdown is not null)
            File.WriteAllText(markdown, table);
        return 0;
    }

    private IEnumerable<StreamsRow> WithEngine(string name, RecurrentStack stack, LayerWeights weights)
    {
        // Rates first, of as many streams as a server would have at that rate: their states leave the caches.
        int guess = 256;
        double rate = 0;
        for (int pass = 0; pass < 2; pass++)
        {
            using IStreamEngine probe = Make(name, stack, weights, guess);
            rate = Rate(probe, guess);
            guess = Math.Max(16, (int)(rate * s_frame.TotalSeconds));
        }

        int most = (int)(1.1 * rate * s_frame.TotalSeconds) + 1;
        using IStreamEngine engine = Make(name, stack, weights, most);
        double error = Error(engine, stack, most);
        foreach (string arrivals in (string[])["periodic", "poisson"])
        {
            double P99(int streams, int seed) => Loop(arrivals, streams, seed).P99(engine, _duration / 4, s_hopeless);
            yield return Search(stack.InputSize, name, arrivals, most, engine.MostFrames, error, P99);
        }
    }

    private IEnumerable<StreamsRow> WithScheduler(RecurrentStack stack, int H)
    {
        using LiveStreams streams = stack.CreateLiveStreams();
        var scheduler = new StreamScheduler(streams, new StreamSchedulerOptions { MaxDelay = TimeSpan.Zero, MaxStepTime = s_deadline * 0.4 });
        double rate;
        using (IStreamEngine probe = new LiveStreamsEngine(stack, Inputs(H, 256), scheduler.BatchSize))
            rate = Rate(probe, 256);
        int most = (int)(1.1 * rate * s_frame.TotalSeconds) + 1;
        StreamHandle[] handles = [.. Enumerable.Range(0, most).Select(_ => scheduler.Open())];
        float[][] input = Inputs(H, most), output = Inputs(H, most);
        foreach (string arrivals in (string[])["periodic", "poisson"])
        {
            double P99(int count, int seed) => Loop(arrivals, count, seed).P99(scheduler, handles, input, output, _duration / 4);
            yield return Search(H, "scheduler", arrivals, most, scheduler.BatchSize, 0, P99);
        }

        scheduler.DisposeAsync().AsTask().Wait();
    }

    private OpenLoop Loop(string arrivals, int streams, int seed) =>
        arrivals == "poisson" ? OpenLoop.Poisson(streams, s_frame, _duration, seed) : OpenLoop.Periodic(streams, s_frame, _duration, seed);

    /// <summary>The most streams that keep the deadline, by halving; each try has frames at other moments.</summary>
    private StreamsRow Search(int H, string name, string arrivals, int most, int batch, double error, Func<int, int, double> p99)
    {
        int kept = 0, lost = most;
        double at = 0;
        for (int probe = 0; probe < _probes || (kept == 0 && lost > 1); probe++)
        {
            int streams = probe == 0 ? (int)(0.8 * most) : kept == 0 ? lost / 2 : (kept + lost) / 2;
            double found = Tried(p99, Math.Max(streams, 1), 10 * probe);
            if (found <= s_deadline.TotalSeconds)
                (kept, at) = (streams, found);
            else
                lost = streams;
        }

        double calm = Tried(p99, Math.Max(1, (int)(0.8 * kept)), 1000);
        return new StreamsRow(H, name, arrivals, kept, at * 1e3, calm * 1e3, batch, error);
    }

    /// <summary>A run that fails the deadline is tried again: what disturbs the machine for a moment fails no engine, too many streams fail each time.</summary>
    private double Tried(Func<int, int, double> p99, int streams, int seed)
    {
        double best = double.PositiveInfinity;
        for (int attempt = 0; attempt < _attempts && best > s_deadline.TotalSeconds; attempt++)
            best = Math.Min(best, p99(streams, seed + attempt));
        return best;
    }

    private static IStreamEngine Make(string name, RecurrentStack stack, LayerWeights weights, int streams)
    {
        float[][] input = Inputs(stack.InputSize, streams);
        switch (name)
        {
            case "live-streams":
                using (LiveStreams some = stack.CreateLiveStreams())
                    return new LiveStreamsEngine(stack, input, BatchMeasurement.Measure(some, s_deadline * 0.4));
            case "one-by-one": return new OneByOneEngine(stack, input);
            case "onnxruntime": return new OnnxRuntimeStreamsEngine(weights, input);
            default: throw new ArgumentException($"'{name}' is no engine; use live-streams, scheduler, one-by-one, onnxruntime.");
        }
    }

    private static float[][] Inputs(int I, int streams)
    {
        var random = new Random(1);
        var input = new float[streams][];
        for (int i = 0; i < streams; i++)
        {
            input[i] = new float[I];
            for (int k = 0; k < I; k++)
                input[i][k] = 2 * random.NextSingle() - 1;
        }

        return input;
    }

    /// <summary>Frames a second, with full batches.</summary>
    private double Rate(IStreamEngine engine, int streams)
    {
        int n = Math.Min(engine.MostFrames, streams), first = 0;
        var batch = new int[n];
        double best = 0;
        for (int sample = 0; sample < 5; sample++)
        {
            long frames = 0, start = Stopwatch.GetTimestamp();
            while (Stopwatch.GetElapsedTime(start) < _duration / 20)
            {
                for (int i = 0; i < n; i++)
                    batch[i] = (first + i) % streams;
                first = (first + n) % streams;
                engine.Serve(batch);
                frames += n;
            }

            best = Math.Max(best, frames / Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        return best;
    }

    /// <summary>What wrong results would show as; a wrong engine is not timed.</summary>
    private static double Error(IStreamEngine engine, RecurrentStack stack, int streams)
    {
        int n = Math.Min(engine.MostFrames, streams);
        using var exact = new OneByOneEngine(stack, Inputs(stack.InputSize, n));
        int[] batch = [.. Enumerable.Range(0, n)];
        for (int step = 0; step < 3; step++)
        {
            engine.Serve(batch);
            foreach (int stream in batch)
                exact.Serve([stream]);
        }

        double error = 0;
        for (int stream = 0; stream < n; stream++)
        {
            for (int k = 0; k < stack.OutputSize; k++)
                error = Math.Max(error, Math.Abs(engine.Output(stream)[k] - exact.Output(stream)[k]));
        }

        return error <= 1e-5 ? error : throw new InvalidOperationException($"{engine.Name}: error {error:E1}; a wrong result is not timed.");
    }

    private static string Table(StreamsReport report)
    {
        var text = new StringBuilder(string.Create(CultureInfo.InvariantCulture,
            $"# Live streams a core\n\nLSTM, I = H, a frame every {report.FrameMs} ms, p99 of the answers within {report.DeadlineMs} ms (in one of up to {report.Attempts} runs of {report.SecondsPerRun} s), one thread that serves. {report.Machine}.\n\n"
            + $"`{report.Command}`\n\n| H | engine | arrivals | streams a core | over one-by-one | over onnxruntime | p99 with 80 % of them, ms | batch |\n|-:|-|-|-:|-:|-:|-:|-:|\n"));
        foreach (StreamsRow row in report.Rows)
        {
            string Over(string engine) => report.Rows.FirstOrDefault(other => (other.Hidden, other.Arrivals, other.Engine) == (row.Hidden, row.Arrivals, engine)) is { StreamsPerCore: > 0 } other
                ? string.Create(CultureInfo.InvariantCulture, $"{(double)row.StreamsPerCore / other.StreamsPerCore:F2}") : "";
            text.Append(CultureInfo.InvariantCulture,
                $"| {row.Hidden} | {row.Engine} | {row.Arrivals} | {row.StreamsPerCore} | {Over("one-by-one")} | {Over("onnxruntime")} | {row.P99At80Ms:F2} | {row.Batch} |\n");
        }

        return text.ToString();
    }
}
