using System.CommandLine;

namespace FastRecurrence.Cli.Commands;

/// <summary><c>gradients</c>: how far back the gradients of a loss reach, for cells side by side, from the backward pass of the kernels.</summary>
internal static class GradientsCommand
{
    /// <summary>A norm of 1 has a bar of this length; each sign less is a decade.</summary>
    private const int BarOfOne = 12;

    private const int Largest = 100_000;

    private const int LongestBar = 2 * BarOfOne;

    /// <summary><c>Norms[k]</c> is ‖∂h_T/∂h_(T−k)‖.</summary>
    private sealed record Entry(string Cell, string Backend, int Hidden, int Input, int Length, IReadOnlyList<double> Norms);

    private sealed record Document(IReadOnlyList<Entry> Cells, IReadOnlyList<UnavailableEntry> Unavailable, Machine Machine);

    private sealed record Request(IReadOnlyList<CellName> Cells, int Hidden, int Length, int ForgetBias, int Seed);

    public static Command Create(Session session)
    {
        Option<IReadOnlyList<CellName>> cells = CommonOptions.Cells("elman,gru,lstm");
        Option<string[]> backends = CommonOptions.Backends("simd");
        Option<OutputFormat> output = CommonOptions.Output();
        Option<int> length = Number("--length", "steps", "Steps T", 200);
        length.Aliases.Add("-t");
        length.Aliases.Add("--t");
        Option<int> hidden = Number("--hidden", "units", "Units H, and rows of the batch", 32);
        hidden.Aliases.Add("-H");
        Option<int> forget = Number("--forget-bias", "number", "Added to b of an LSTM's forget gate", 1, atLeast: -100);
        Option<int> seed = Number("--seed", "number", "Of random weights and inputs", 1, atLeast: 0);
        var command = new Command("gradients", "Show how far back gradients reach: the norm of dh_T/dh_t against T - t, for cells side by side.")
        {
            cells, length, hidden, forget, seed, backends, output,
        };
        command.SetAction(parsed => Run(session,
            new Request(parsed.Get(cells), parsed.Get(hidden), parsed.Get(length), parsed.Get(forget), parsed.Get(seed)),
            new BackendSelection(parsed.Get(backends) ?? [], [Backend.Simd]), parsed.Get(output)));
        return command;
    }

    private static Option<int> Number(string name, string helpName, string description, int byDefault, int atLeast = 1) => CommonOptions.Value(
        name, helpName, $"{description}; {byDefault} by default.", $"{byDefault}", text => CommonOptions.WholeNumber(text, atLeast, Largest));

    private static int Run(Session session, Request request, BackendSelection selection, OutputFormat format)
    {
        var entries = new List<Entry>();
        foreach (Backend backend in selection.Ready)
        {
            if (!Backend.All.Contains(backend))
                throw CommandException.Usage($"gradients: {backend.Name} has no backward pass. Use the reference or a SIMD backend.");
            foreach (CellName cell in request.Cells)
            {
                session.Progress($"{cell.Name} on {backend.Name}");
                entries.Add(new Entry(cell.Name, backend.Name, request.Hidden, request.Hidden, request.Length, Norms(cell, backend, request)));
            }
        }

        session.ClearProgress();
        if (format == OutputFormat.Json)
            session.WriteJson(new Document(entries, selection.Unavailable, Machine.Here));
        else
            WriteTable(session, request, entries);
        return selection.Report(session);
    }

    /// <summary>H equal rows, of which row j asks for unit j of h_T: after a backward pass ∂L/∂h_t of row j is row j of ∂h_T/∂h_t, for every t.</summary>
    private static double[] Norms(CellName cell, Backend backend, Request request)
    {
        int H = request.Hidden, T = request.Length;
        LayerWeights random = LayerWeights.Random(cell.Shape(H, H), request.Seed);
        float[] bias = random.Bias.ToArray();
        if (random.Shape.HasCellState)
        {
            foreach (ref float forget in bias.AsSpan(H, H))
                forget += request.ForgetBias;
        }

        using TrainingLayer layer = backend.PrepareForTraining(new LayerWeights(random.Shape, random.InputWeights, random.RecurrentWeights, bias));
        using LayerState state = layer.CreateState(H);
        using TrainingTape tape = layer.CreateTape(T, H);
        float[] x = new float[T * H * H], h = new float[T * H * H], identity = new float[H * H];
        var source = new Random(request.Seed);
        for (int t = 0; t < T; t++)
        {
            Span<float> step = x.AsSpan(t * H * H, H * H);
            for (int k = 0; k < H; k++)
                step[k] = 2 * source.NextSingle() - 1;
            for (int row = 1; row < H; row++)
                step[..H].CopyTo(step[(row * H)..]);
        }

        for (int j = 0; j < H; j++)
            identity[j * H + j] = 1;
        var norms = new double[T + 1];
        layer.Run(state, tape, T, x, h);
        layer.Backward(tape, x, h, default, null, new BackwardOptions { FinalHidden = identity, StateNorms = norms });
        Array.Reverse(norms);
        return norms;
    }

    private static void WriteTable(Session session, Request request, IReadOnlyList<Entry> entries)
    {
        session.WriteLine($"Frobenius norm of dh_T/dh_t, H = I = {request.Hidden}, T = {request.Length}, random weights in ±1/√H, from the backward pass.");
        session.WriteLine($"A bar has a sign for each decade above 1E-{BarOfOne}.");
        session.WriteLine();
        bool several = entries.Select(e => e.Backend).Distinct().Skip(1).Any();
        TextTable.Column[] columns =
            [new("T-t"), .. entries.SelectMany(e => (TextTable.Column[])[new(several ? $"{e.Cell} {e.Backend}" : e.Cell), new("", Left: true)])];
        string[][] rows = [.. Distances(request.Length).Select(k => (string[])
            [$"{k}", .. entries.SelectMany(e => (string[])[Digits.Significant(e.Norms[k], 3), Bar(e.Norms[k])])])];
        foreach (string line in TextTable.Render(columns, rows))
            session.WriteLine(line);
    }

    /// <summary>0, 1, 2, 5, 10, 20, 50, … and T.</summary>
    private static IEnumerable<int> Distances(int T)
    {
        yield return 0;
        for (int decade = 1; decade <= T; decade *= 10)
        {
            foreach (int k in (int[])[decade, 2 * decade, 5 * decade])
            {
                if (k < T)
                    yield return k;
            }
        }

        yield return T;
    }

    private static string Bar(double norm) => !(norm > 0) ? "" : new string('#', (int)Math.Clamp(Math.Ceiling(Math.Log10(norm) + BarOfOne), 0, LongestBar));
}
