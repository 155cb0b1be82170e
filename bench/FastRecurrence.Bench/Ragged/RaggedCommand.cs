using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace FastRecurrence.Bench.Ragged;

/// <summary><c>ragged [--steps T] [--rounds N] [--filter TEXT] [--markdown FILE]</c>: throughput of ragged batches beside dense ones, by row steps.</summary>
internal static class RaggedCommand
{
    private static readonly int[] s_hidden = [64, 128, 256, 512], s_batch = [16, 32, 64];

    public static int Run(string[] arguments)
    {
        string Value(string option, string absent) => Array.IndexOf(arguments, option) is >= 0 and int at && at + 1 < arguments.Length ? arguments[at + 1] : absent;
        int T = int.Parse(Value("--steps", "100"), CultureInfo.InvariantCulture), rounds = int.Parse(Value("--rounds", "15"), CultureInfo.InvariantCulture);
        string filter = Value("--filter", "");
        var table = new StringBuilder("| layer | N | row steps | dense, ns a row step | ragged, ns a row step | ragged / dense throughput |\n|---|---:|---:|---:|---:|---:|\n");
        Console.Write(table);
        var ratios = new List<double>();
        foreach (LayerShape shape in s_hidden.SelectMany(H => new[] { LayerShape.Lstm(H, H), LayerShape.Gru(H, H), LayerShape.Elman(H, H) }))
        {
            foreach (int N in s_batch)
            {
                if (!$"{shape}_n{N}".Contains(filter, StringComparison.Ordinal))
                    continue;
                using var point = new RaggedPoint(shape, N, T, seed: 1);
                (double ragged, double dense, double ratio) = point.Measure(rounds, TimeSpan.FromMilliseconds(20));
                ratios.Add(ratio);
                string row = string.Create(CultureInfo.InvariantCulture, $"| {shape} | {N} | {point.RowSteps} | {dense:F0} | {ragged:F0} | {100 * ratio:F1} % |\n");
                table.Append(row);
                Console.Write(row);
            }
        }

        string summary = string.Create(CultureInfo.InvariantCulture, $"\nworst {100 * ratios.Min():F1} %, median {100 * ratios.Order().ElementAt(ratios.Count / 2):F1} %, {ratios.Count(r => r < 0.9)} of {ratios.Count} below 90 %\n");
        Console.Write(summary);
        if (Value("--markdown", "") is { Length: > 0 } file)
        {
            string machine = $"{Environment.ProcessorCount} processors, {RuntimeInformation.RuntimeIdentifier}, {RuntimeInformation.FrameworkDescription}, {Backend.Simd.Name}, one thread";
            File.WriteAllText(file, $"# Ragged batches beside dense ones\n\n{machine}. Lengths uniform in 1..{T.ToString(CultureInfo.InvariantCulture)}, I = H, time-major, forward.\n\n{table}{summary}");
        }

        return 0;
    }
}
