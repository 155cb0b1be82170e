using System.Globalization;

namespace FastRecurrence.Bench.Peers;

/// <summary>
/// PyTorch's time as a multiple of ONNX Runtime's, from a measured run (<c>peers.json</c>), for runs without it: TorchSharp's native
/// library needs a newer C++ runtime than Debian 12 has. Rows that use it are estimates and marked so.
/// </summary>
internal static class TorchRatios
{
    private static readonly Dictionary<string, double> s_ratios = Read();

    /// <summary>The ratio, or null where none was measured.</summary>
    public static double? Of(PeerRow row) =>
        s_ratios.TryGetValue(Key(row.Cell, row.Hidden, row.Batch, row.Steps, row.Threads), out double ratio) ? ratio : null;

    private static Dictionary<string, double> Read()
    {
        using Stream stream = typeof(TorchRatios).Assembly.GetManifestResourceStream("torch-ratios.csv")!;
        using var reader = new StreamReader(stream);
        var ratios = new Dictionary<string, double>();
        while (reader.ReadLine() is { } line)
        {
            string[] parts = line.Split(',');
            if (parts.Length == 6 && double.TryParse(parts[5], CultureInfo.InvariantCulture, out double ratio))
                ratios[string.Join(',', parts[..5])] = ratio;
        }

        return ratios;
    }

    private static string Key(string cell, int hidden, int batch, int steps, int threads) =>
        string.Create(CultureInfo.InvariantCulture, $"{cell},{hidden},{batch},{steps},{threads}");
}
