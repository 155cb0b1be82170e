using System.Globalization;

namespace FastRecurrence.Bench.Peers;

/// <summary>The command line of <see cref="PeersCommand"/>.</summary>
internal sealed record PeerOptions(bool Quick, int Rounds, string? Filter, string[] Engines, int[] Threads, bool Pin, string? Json, string? Markdown, int PauseMilliseconds)
{
    public static PeerOptions Parse(string[] arguments)
    {
        var options = new PeerOptions(false, 0, null, ["fastrecurrence", "fastrecurrence-vector", "fastrecurrence-bf16", "onnxruntime", "torch"], [1, 2], false, null, null, 0);
        for (int i = 0; i < arguments.Length; i++)
        {
            string Value() => ++i < arguments.Length ? arguments[i] : throw new ArgumentException($"{arguments[^1]} needs a value.");
            options = arguments[i] switch
            {
                "--quick" => options with { Quick = true },
                "--pin" => options with { Pin = true },
                "--rounds" => options with { Rounds = int.Parse(Value(), CultureInfo.InvariantCulture) },
                "--filter" => options with { Filter = Value() },
                "--engines" => options with { Engines = Value().Split(',') },
                "--threads" => options with { Threads = [.. Value().Split(',').Select(t => int.Parse(t, CultureInfo.InvariantCulture))] },
                "--pause" => options with { PauseMilliseconds = int.Parse(Value(), CultureInfo.InvariantCulture) },
                "--json" => options with { Json = Value() },
                "--markdown" => options with { Markdown = Value() },
                _ => throw new ArgumentException($"'{arguments[i]}' is no option of peers; use --quick, --rounds, --filter, --engines, --threads, --pin, --pause, --json, --markdown."),
            };
        }

        return options with { Rounds = options.Rounds > 0 ? options.Rounds : options.Quick ? 5 : 9 };
    }

    /// <summary>Rest before a sample: ONNX Runtime's second thread spins for some 35 ms after a call, and a team beside it waits for whole time slices.</summary>
    public TimeSpan Pause(PeerProblem problem) => TimeSpan.FromMilliseconds(PauseMilliseconds > 0 ? PauseMilliseconds : problem.Threads > 1 ? 60 : 25);

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
