using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.GpuCheck.Results;

namespace FastRecurrence.Tests.Gpu;

/// <summary>The costs by which kernels are chosen, held against what an H100 took: <c>bench/results/h100/gpu-check.json</c>.</summary>
public sealed class MeasuredCostTests
{
    private static readonly Row[] s_rows = Read();

    [Fact]
    public void Every_measured_row_is_within_half_and_twice_of_its_cost()
    {
        Assert.InRange(s_rows.Length, 25, 60);
        string[] wrong = [.. from row in s_rows
            from measured in row.Microseconds
            let cost = KernelFamily.All.Single(f => f.ShortName == measured.Key).Variants(row.Problem).Min(v => v.Microseconds)
            where cost < 0.5 * measured.Value || cost > 2 * measured.Value
            select $"{row}: {measured.Key}: {measured.Value:0.00} µs measured, {cost:0.00} µs by the cost"];
        Assert.True(wrong.Length == 0, string.Join('\n', wrong));
    }

    [Fact]
    public void What_is_chosen_takes_at_most_a_seventh_more_than_the_best_that_was_measured()
    {
        string[] wrong = [.. from row in s_rows
            let choice = KernelChoice.For(row.Problem)
            let best = row.Microseconds.Values.Min()
            where !row.Microseconds.TryGetValue(choice.Family.ShortName, out double taken) || taken > 1.15 * best
            select $"{row}: {choice}, of {string.Join(", ", row.Microseconds)}"];
        Assert.True(wrong.Length == 0, string.Join('\n', wrong));
    }

    /// <summary>Layers with float32 weights; the input GEMM's own time is taken off, since costs are of the recurrence alone.</summary>
    private static Row[] Read()
    {
        string path = Path.Combine(AppContext.BaseDirectory, "Gpu", "gpu-check.json");
        IEnumerable<CheckRecord> all = CheckDocument.FromJson(File.ReadAllText(path)).Records.Where(r => r is { Cell: "Lstm", Format: "Float32", Host: not null });
        return [.. from record in all
            group record by (record.H!.Value, record.N!.Value) into size
            let inputGemm = size.Single(r => r.Family == "input GEMM").Host!.Median
            select new Row(Problem(size.Key.Item1, size.Key.Item2), size.Where(r => r.Part is "lstm" or "families" && r.Family != "input GEMM")
                .ToDictionary(r => r.Family!, r => r.Host!.Median - inputGemm))];
    }

    private static KernelProblem Problem(int H, int N) => new(DeviceTraits.H100, LayerShape.Lstm(H, H), WeightFormat.Float32, N)
    {
        Resident = (chunks, rows) => DeviceTraits.H100.Multiprocessors * GridPersistent.GroupsAtOnce(WeightFormat.Float32, chunks, rows),
    };

    private sealed record Row(KernelProblem Problem, Dictionary<string, double> Microseconds)
    {
        public override string ToString() => $"H={Problem.HiddenSize} N={Problem.BatchSize}";
    }
}
