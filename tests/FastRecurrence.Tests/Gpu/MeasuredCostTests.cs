using System.Globalization;
using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;

namespace FastRecurrence.Tests.Gpu;

/// <summary>The costs by which kernels are chosen, held against what an H100 took: <c>bench/results/h100/gpu-check.md</c>.</summary>
public sealed class MeasuredCostTests
{
    private static readonly string[] s_families = ["tile", "slice", "group", "grid"];

    private static readonly Row[] s_rows = Read();

    [Fact]
    public void Every_measured_row_is_within_half_and_twice_of_its_cost()
    {
        Assert.InRange(s_rows.Length, 40, 60);
        string[] wrong = [.. from row in s_rows
            from measured in row.Microseconds
            let cost = KernelFamily.All.Single(f => f.ShortName == measured.Key).Variants(row.Problem).Min(v => v.Microseconds)
            where cost < 0.5 * measured.Value || cost > 2 * measured.Value
            select $"{row.Problem.Shape} {row.Problem.Format} N={row.Problem.BatchSize} {measured.Key}: {measured.Value:0.00} µs measured, {cost:0.00} µs by the cost"];
        Assert.True(wrong.Length == 0, string.Join('\n', wrong));
    }

    [Fact]
    public void What_is_chosen_takes_at_most_a_seventh_more_than_the_best_that_was_measured()
    {
        foreach (Row row in s_rows)
        {
            KernelChoice choice = KernelChoice.For(row.Problem);
            Assert.True(row.Microseconds.TryGetValue(choice.Family.ShortName, out double taken), $"{row.Problem}: {choice} was not measured");
            Assert.True(taken <= 1.15 * row.Microseconds.Values.Min(), $"{row.Problem}: {choice} took {taken:0.00} µs, the best {row.Microseconds.Values.Min():0.00} µs");
        }
    }

    /// <summary>The tables of single layers; the input GEMM's own time is taken off, since costs are of the recurrence alone.</summary>
    private static Row[] Read()
    {
        var rows = new List<Row>();
        string? cell = null;
        WeightFormat format = default;
        foreach (string line in File.ReadLines(Path.Combine(AppContext.BaseDirectory, "Gpu", "gpu-check.md")))
        {
            if (line.StartsWith("## ", StringComparison.Ordinal))
            {
                // "## How fast? Lstm, weights Float32, …"
                string[] words = line.Split([' ', ','], StringSplitOptions.RemoveEmptyEntries);
                cell = words is [_, "How", "fast?", string named, "weights", ..] ? named : null;
                format = cell is null ? default : Enum.Parse<WeightFormat>(words[5]);
                continue;
            }

            string[] columns = line.Split('|', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
            if (cell is null || columns.Length < 8 || !int.TryParse(columns[0], out int H) || !int.TryParse(columns[1], out int N))
                continue;
            double inputGemm = Number(columns[6]);
            LayerShape shape = cell == "Lstm" ? LayerShape.Lstm(H, H) : LayerShape.Elman(H, H);
            // One group of a grid found room on a multiprocessor with float32 weights, two with bfloat16.
            int resident = 132 * (format == WeightFormat.Float32 ? 1 : 2);
            // What was measured had no large tiles with asynchronous copies yet.
            var problem = new KernelProblem(DeviceTraits.H100 with { HasAsyncCopies = false }, shape, format, N) { Resident = (_, _) => resident };
            rows.Add(new Row(problem, s_families.Zip(columns.Skip(2)).Where(c => c.Second != "–").ToDictionary(c => c.First, c => Number(c.Second) - inputGemm)));
        }

        return [.. rows];
    }

    /// <summary>The first number of a column: the median by the host's clock.</summary>
    private static double Number(string column) => double.Parse(column.Split(' ')[0], CultureInfo.InvariantCulture);

    private sealed record Row(KernelProblem Problem, Dictionary<string, double> Microseconds);
}
