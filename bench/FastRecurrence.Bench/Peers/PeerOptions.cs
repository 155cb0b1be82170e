using System.CommandLine;
using FastRecurrence.Bench.Peers.Training;

namespace FastRecurrence.Bench.Peers;

/// <summary>The options of <see cref="PeersCommand"/>.</summary>
internal sealed record PeerOptions(bool Quick, int Rounds, string? Filter, string[] Engines, int[] Threads, bool Pin, string? Json, string? Markdown, int PauseMilliseconds)
{
    private const string InferenceEngines = "fastrecurrence,fastrecurrence-vector,fastrecurrence-bf16,onnxruntime,torch";

    /// <summary>Training steps instead of inference.</summary>
    public bool Train { get; init; }

    /// <summary>Whether a training step ends with an optimizer's update.</summary>
    public bool Updates { get; init; }

    /// <summary>The command, whose options make the record.</summary>
    public static Command Command(Func<PeerOptions, int> run)
    {
        var quick = new Option<bool>("--quick") { Description = "Fewer sizes and rounds." };
        var rounds = new Option<int>("--rounds") { Description = "Samples of each engine; 9, or 5 with --quick, where none is given." };
        var filter = new Option<string?>("--filter") { Description = "Only cells whose name has every word, such as 'lstm n16 2t'." };
        var train = new Option<bool>("--train") { Description = "Training steps beside libtorch, which runs in processes of its own." };
        var optimizer = new Option<string>("--optimizer") { Description = "With --train: sgd, or none for forward and backward alone.", DefaultValueFactory = _ => "sgd" };
        optimizer.AcceptOnlyFromAmong("sgd", "none");
        var engines = new Option<string?>("--engines") { Description = $"Separated by commas; {InferenceEngines}, or with --train {TrainingCommand.Engines}, where none are given." };
        var threads = new Option<string>("--threads") { Description = "Numbers separated by commas.", DefaultValueFactory = _ => "1,2" };
        threads.Validators.Add(result =>
        {
            if (!result.GetValueOrDefault<string>().Split(',').All(t => int.TryParse(t, out int n) && n is >= 1 and <= WorkerTeam.MaxWorkers))
                result.AddError($"--threads: numbers from 1 to {WorkerTeam.MaxWorkers} are wanted, such as 1,2.");
        });
        var pin = new Option<bool>("--pin") { Description = "Bind workers to processors." };
        var json = new Option<string?>("--json") { Description = "Write every number to a file." };
        var markdown = new Option<string?>("--markdown") { Description = "Write the summary to a file." };
        var pause = new Option<int>("--pause") { Description = "Milliseconds of rest before a sample; 25 with one thread and 60 with more where none is given." };
        var command = new Command("peers", "This library beside ONNX Runtime and PyTorch over a grid of sizes.")
        {
            quick, rounds, filter, engines, threads, pin, json, markdown, pause, train, optimizer,
        };
        command.SetAction(parsed =>
        {
            bool isQuick = parsed.GetValue(quick), trains = parsed.GetValue(train);
            string names = parsed.GetValue(engines) ?? (trains ? TrainingCommand.Engines : InferenceEngines);
            return run(new PeerOptions(isQuick, parsed.GetValue(rounds) is > 0 and int given ? given : isQuick ? 5 : 9, parsed.GetValue(filter), names.Split(','),
                [.. parsed.GetValue(threads)!.Split(',').Select(int.Parse)], parsed.GetValue(pin), parsed.GetValue(json), parsed.GetValue(markdown), parsed.GetValue(pause))
            {
                Train = trains,
                Updates = parsed.GetValue(optimizer) == "sgd",
            });
        });
        return command;
    }

    /// <summary>Rest before a sample: ONNX Runtime's second thread spins for some 35 ms after a call, and a team beside it waits for whole time slices.</summary>
    public TimeSpan Pause(int threads) => TimeSpan.FromMilliseconds(PauseMilliseconds > 0 ? PauseMilliseconds : threads > 1 ? 60 : 25);

    /// <summary>Both cells, H = I, batch, length, threads.</summary>
    public IEnumerable<PeerProblem> Grid() =>
        from threads in Threads
        from cell in (CellKind[])[CellKind.Lstm, CellKind.Elman]
        from steps in (int[])[50, 1]
        from hidden in Quick ? (int[])[64, 256, 1024] : [64, 128, 256, 512, 1024]
        from batch in Quick ? (int[])[1, 16, 64] : [1, 4, 16, 64, 256]
        let problem = new PeerProblem(cell, hidden, batch, steps, threads)
        where Filter is null || Filter.Split(' ').All(part => problem.ToString().Contains(part, StringComparison.Ordinal))
        select problem;
}
