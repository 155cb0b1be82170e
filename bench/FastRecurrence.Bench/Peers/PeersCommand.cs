using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using FastRecurrence.Measuring;

namespace FastRecurrence.Bench.Peers;

/// <summary><c>peers</c>: this library beside others over the grid, in one process, and what the ratios come to.</summary>
internal static class PeersCommand
{
    private static readonly JsonSerializerOptions s_json = new() { WriteIndented = true };

    public static int Run(PeerOptions options, string[] arguments)
    {
        var peaks = new List<double>();
        var rows = new List<PeerRow>();
        using var team = new WorkerTeam(2, options.Pin);
        PeerProblem[] problems = [.. options.Grid()];
        if (problems.Length == 0)
            throw new ArgumentException($"No cell matches '{options.Filter}'; cells are named like lstm_t50_n16_i256_h256 2t.");
        var run = new PeerRun(options.Rounds, 2);
        for (int i = 0; i < problems.Length; i++)
        {
            PeerProblem problem = problems[i];
            peaks.Add(FmaPeak.MeasureGflops());
            List<IEngine> engines = [.. options.Engines.Select(name => Create(name, problem, problem.Threads == 1 ? null : team)).OfType<IEngine>()];
            List<PeerRow> measured = run.Measure(problem, engines, options.Pause(problem.Threads));
            engines.ForEach(e => e.Dispose());
            rows.AddRange(measured);
            Console.WriteLine($"{i + 1,3}/{problems.Length} {problem,-30} " + string.Join("  ", measured.Select(r =>
                string.Create(CultureInfo.InvariantCulture, $"{r.Engine} {r.MedianUs:G4}us"))) + string.Create(CultureInfo.InvariantCulture,
                $"  {problem.Flops / measured[0].MedianUs / 1e3 / (peaks[^1] * problem.Threads):P0}"));
        }

        string machine = $"{Environment.ProcessorCount} processors, {RuntimeInformation.RuntimeIdentifier}, {RuntimeInformation.FrameworkDescription}, {Backend.Simd.Name}";
        var report = new PeerReport(Measurement.MedianOf(peaks), peaks.Max(), TorchEngine.Launch + string.Join(' ', arguments.Skip(1)), machine, options.Pin, TorchEngine.Absence is null ? "measured" : $"estimated from torch-ratios.csv: {TorchEngine.Absence}", rows);
        string summary = PeerSummary.Write(report);
        Console.WriteLine(summary);
        if (options.Json is not null)
            File.WriteAllText(options.Json, JsonSerializer.Serialize(report, s_json));
        if (options.Markdown is not null)
            File.WriteAllText(options.Markdown, summary);
        return 0;
    }

    private static IEngine? Create(string name, PeerProblem problem, WorkerTeam? team) => name switch
    {
        "fastrecurrence" => new OwnEngine(name, Backend.Simd, problem, team),
        "fastrecurrence-vector" => new OwnEngine(name, Backend.All.Single(b => b.Name == "simd-vector"), problem, team),
        "fastrecurrence-bf16" when problem.Batch > 1 || problem.Hidden < 128 => null, // narrow weights serve a batch of one
        "fastrecurrence-bf16" => new OwnEngine(name, Backend.Simd, problem, team, WeightFormat.Bfloat16),
        "fastrecurrence-int8" when problem.Batch > 1 || problem.Hidden < 128 => null,
        "fastrecurrence-int8" => new OwnEngine(name, Backend.Simd, problem, team, WeightFormat.Int8),
        "onnxruntime" => new OnnxRuntimeEngine(problem),
        "torch" => TorchEngine.TryCreate(problem),
        _ => throw new ArgumentException($"'{name}' is no engine; use fastrecurrence, fastrecurrence-vector, fastrecurrence-bf16, fastrecurrence-int8, onnxruntime, torch."),
    };
}
