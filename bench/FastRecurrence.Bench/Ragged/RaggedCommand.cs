using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using FastRecurrence.Measuring;

namespace FastRecurrence.Bench.Ragged;

/// <summary><c>ragged</c>: throughput of ragged batches beside dense ones, by row steps.</summary>
internal static class RaggedCommand
{
    private static readonly int[] s_hidden = [64, 128, 256, 512], s_batch = [16, 32, 64];

    public static Command Create()
    {
        var steps = new Option<int>("--steps") { Description = "T.", DefaultValueFactory = _ => 100 };
        var rounds = new Option<int>("--rounds") { Description = "Samples of each.", DefaultValueFactory = _ => 15 };
        var filter = new Option<string>("--filter") { Description = "Only layers whose name has this, such as lstm_i64.", DefaultValueFactory = _ => "" };
        var markdown = new Option<string?>("--markdown") { Description = "Write the table to a file." };
        var command = new Command("ragged", "Throughput of ragged batches beside dense ones, by row steps.") { steps, rounds, filter, markdown };
        command.SetAction(parsed => Run(parsed.GetValue(steps), parsed.GetValue(rounds), parsed.GetValue(filter)!, parsed.GetValue(markdown)));
        return command;
    }

    private static int Run(int T, int rounds, string filter, string? markdown)
    {
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

        if (ratios.Count == 0)
            throw new InvalidOperationException($"No layer matches '{filter}'; they are named like lstm_i64_h64_n16.");
        string summary = string.Create(CultureInfo.InvariantCulture, $"\nworst {100 * ratios.Min():F1} %, median {100 * Measurement.MedianOf(ratios):F1} %, {ratios.Count(r => r < 0.9)} of {ratios.Count} below 90 %\n");
        Console.Write(summary);
        if (markdown is { Length: > 0 } file)
        {
            string machine = $"{Environment.ProcessorCount} processors, {RuntimeInformation.RuntimeIdentifier}, {RuntimeInformation.FrameworkDescription}, {Backend.Simd.Name}, one thread";
            File.WriteAllText(file, $"# Ragged batches beside dense ones\n\n{machine}. Lengths uniform in 1..{T.ToString(CultureInfo.InvariantCulture)}, I = H, time-major, forward.\n\n{table}{summary}");
        }

        return 0;
    }
}
