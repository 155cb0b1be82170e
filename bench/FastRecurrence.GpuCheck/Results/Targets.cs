namespace FastRecurrence.GpuCheck.Results;

/// <summary>
/// How many times as long as this library PyTorch's <c>nn.LSTM</c> should take on an H100: fp32, in a CUDA graph, I = H, T = 100, data on the device,
/// input GEMM included. What must be reached, and what is aimed at.
/// </summary>
internal static class Targets
{
    /// <summary>The batch sizes, the columns of the table.</summary>
    public static IReadOnlyList<int> Batches { get; } = [1, 8, 32, 128, 512];

    private static readonly Dictionary<int, (double Must, double Aim)[]> s_ratios = new()
    {
        [128] = [(1.9, 2.5), (1.7, 2.0), (1.6, 2.0), (1.5, 1.8), (1.4, 1.8)],
        [256] = [(3.5, 4.4), (3.0, 3.8), (4.0, 5.5), (1.8, 2.3), (1.2, 2.0)],
        [512] = [(3.3, 4.2), (2.8, 3.7), (3.3, 4.3), (1.5, 1.9), (1.15, 1.7)],
        [1024] = [(3.8, 5.0), (3.2, 4.0), (2.2, 2.7), (1.15, 1.7), (1.0, 1.4)],
        [2048] = [(1.35, 5.0), (1.8, 4.5), (1.6, 2.2), (1.1, 1.6), (1.0, 1.3)],
    };

    /// <summary>The sizes that have targets, by H and then by N.</summary>
    public static IEnumerable<(int H, int N)> Sizes => from h in s_ratios.Keys from n in Batches select (h, n);

    /// <summary>What is wanted of a record; null where nothing is.</summary>
    public static (double Must, double Aim)? Of(CheckRecord record) =>
        record is { Cell: nameof(CellKind.Lstm), Format: nameof(WeightFormat.Float32), T: 100, TorchMode: "LSTM fp32 graph", H: int h, N: int n }
        && s_ratios.TryGetValue(h, out (double, double)[]? row) && Batches.ToList().IndexOf(n) is >= 0 and int at ? row[at] : null;

    /// <summary>How a record stands to its target, in a word; empty where it has none or no ratio.</summary>
    public static string Verdict(CheckRecord record) => (Of(record), record.Ratio()) switch
    {
        ((double must, double aim), double ratio) => ratio >= aim ? "aim" : ratio >= must ? "must" : $"SHORT by {Digits.Places(must / ratio, 2)}×",
        _ => "",
    };
}
