namespace FastRecurrence.TestKit.Problems;

/// <summary>
/// Lists of problems that others publish, under their names. DeepBench times the recurrent work alone (its library skips the input product) and its
/// vanilla cell has a ReLU, hence I = 0 and <c>elman-relu</c>; its GRU is run here with tanh, as its CUDA code does.
/// </summary>
internal sealed record Preset(string Name, string Source, IReadOnlyList<ProblemSize> Problems)
{
    private static readonly CellName s_lstm = CellName.Find("lstm"), s_gru = CellName.Find("gru"), s_relu = CellName.Find("elman-relu");

    public static IReadOnlyList<Preset> All { get; } =
    [
        new("deepbench-train", "DeepBench, training sizes",
        [
            .. Recurrent(s_relu, [1760, 2048, 2560], [16, 32, 64, 128], [50]),
            .. Recurrent(s_lstm, [512, 1024, 2048, 4096], [16, 32, 64, 128], [25]),
            .. Recurrent(s_lstm, [1536], [8, 16, 32], [50]),
            .. Recurrent(s_lstm, [256], [16, 32, 64], [150]),
            .. Recurrent(s_gru, [1536, 2048, 2560], [32], [187, 375, 750, 1500]),
            .. Recurrent(s_gru, [2816], [32], [187, 375, 750]),
            .. Recurrent(s_gru, [512], [32], [1]),
            .. Recurrent(s_gru, [1024], [32, 64], [1500]),
        ]),
        new("deepbench-server", "DeepBench, inference on servers",
        [
            .. Recurrent(s_lstm, [512, 1024, 2048], [1, 2, 4], [25]),
            .. Recurrent(s_lstm, [1536], [1, 2, 4], [50]),
            .. Recurrent(s_lstm, [256], [1, 2, 4], [150]),
            .. Recurrent(s_gru, [1536, 2048, 2560, 2816], [1, 2, 4], [187, 375, 750, 1500]),
            .. Recurrent(s_gru, [512], [1, 2, 4], [1]),
            .. Recurrent(s_gru, [1024], [1, 2, 4], [1500]),
        ]),
        new("deepbench-device", "DeepBench, inference on devices",
            [.. Recurrent(s_relu, [32], [1], [672]), .. Recurrent(s_relu, [64], [1], [96]), .. Recurrent(s_lstm, [256], [1], [150])]),
        new("ds2", "oneDNN's DeepSpeech 2 shapes, two rows", [.. Layers(s_relu, [(1760, 1760)], [2], [50, 100, 200])]),
        new("gnmt", "oneDNN's GNMT shapes, two rows",
        [
            .. Layers(s_lstm, [(256, 256)], [2], [10, 20, 30, 40, 50, 60, 70, 101], LayerDirection.Bidirectional),
            .. Layers(s_lstm, [(512, 512)], [2], [10, 20, 30, 40, 50, 60, 70, 101]),
            .. Layers(s_lstm, [(768, 512), (1024, 512)], [2], [1]),
        ]),
        new("rnnt", "oneDNN's RNN-T shapes",
        [
            .. Layers(s_lstm, [(240, 1024), (1024, 1024)], [896], [256]),
            .. Layers(s_lstm, [(2048, 1024), (1024, 1024)], [896], [128]),
            .. Layers(s_lstm, [(320, 320)], [896], [1]),
        ]),
        new("audio", "one voice, one sample or a block of 64 at a time",
        [
            .. from cell in (CellName[])[s_lstm, s_gru]
               from H in (int[])[8, 16, 32, 64]
               from T in (int[])[1, 64]
               select new ProblemSize(cell, T, 1, 1, H),
        ]),
    ];

    /// <summary>Reads names separated by commas.</summary>
    /// <exception cref="FormatException">A name is unknown.</exception>
    public static IReadOnlyList<Preset> ParseList(string text) => [.. text.Split(',', StringSplitOptions.TrimEntries).Select(Find).Distinct()];

    private static Preset Find(string name) =>
        All.FirstOrDefault(p => string.Equals(p.Name, name, StringComparison.OrdinalIgnoreCase))
        ?? throw new FormatException(
            $"'{name}' is not a preset.{Suggestion.For(name, All.Select(p => p.Name))} Use {string.Join(", ", All.Select(p => p.Name))}.");

    private static IEnumerable<ProblemSize> Recurrent(CellName cell, int[] hidden, int[] batches, int[] lengths) =>
        from H in hidden from T in lengths from N in batches select new ProblemSize(cell, T, N, 0, H);

    private static IEnumerable<ProblemSize> Layers(CellName cell, (int Input, int Hidden)[] sizes, int[] batches, int[] lengths, LayerDirection direction = LayerDirection.Forward) =>
        from size in sizes from T in lengths from N in batches select new ProblemSize(cell, T, N, size.Input, size.Hidden, 1, direction);
}
