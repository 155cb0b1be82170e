using System.CommandLine;
using FastRecurrence.Cli.Sweeping;

namespace FastRecurrence.Cli.Commands;

/// <summary><c>crossover</c>: the exercises, then a sweep over batch sizes, then the batch from which a device pays.</summary>
internal static class CrossoverCommand
{
    public static Command Create(Session session)
    {
        var problems = new ProblemOptions(cells: "lstm", batch: "1..256", hidden: "256", input: "same", length: "25");
        var timing = new TimingOptions(launches: 3);
        Option<string[]> backends = CommonOptions.Backends("simd and every OpenCL and CUDA device; without a GPU also each SIMD width");
        Option<IReadOnlyList<int>> threads = CommonOptions.Value<IReadOnlyList<int>>(
            "--threads", "axis", "Threads of the CPU backends, written like --batch, or all; beside a GPU 1,all by default, else 1.", "",
            text => text.Length == 0 ? [] : IntegerAxis.ParseThreads(text));
        var streaming = new Option<bool>("--streaming") { Description = "Also time a call for each step; always beside a GPU." };
        var explain = new Option<bool>("--explain-dispatch") { Description = "Also say which kernels every device runs a batch on, and why." };
        Option<string?> save = CommonOptions.Save();
        Option<OutputFormat> output = CommonOptions.AnyOutput();
        var command = new Command("crossover", "Check every backend, sweep batch sizes, and say from which batch a device pays.");
        problems.AddTo(command);
        foreach (Option option in (Option[])[backends, threads, streaming, explain])
            command.Add(option);
        timing.AddTo(command);
        command.Add(save);
        command.Add(output);
        command.SetAction(parsed =>
        {
            var request = new CrossoverRequest(
                CommandText.Of(parsed), parsed.Get(backends) ?? [], [.. problems.Read(session, parsed).OrderBy(p => p.BatchSize)], parsed.Get(threads),
                parsed.Get(explain));
            RunSettings settings = timing.Settings(parsed) with { Streaming = parsed.Get(streaming) };
            return new CrossoverRun(session, request, parsed.Get(output)).Run(settings, parsed.GetValue(save));
        });
        return command;
    }
}
