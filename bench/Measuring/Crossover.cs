namespace FastRecurrence.Measuring;

/// <summary>Where along the batch a device overtakes the CPU.</summary>
/// <param name="Batch">The smallest swept batch from which on the device is faster at every larger one; null when there is none.</param>
/// <param name="SlowerAt">The swept batch before it, where the CPU is still at least as fast; null at the lower end or when there is no crossover.</param>
/// <param name="FirstRatio">CPU time over device time at the smallest batch: above 1 the device is faster.</param>
/// <param name="LastRatio">The same at the largest batch.</param>
/// <param name="Estimate">Where the lines between those two points cross, in log-log; the smallest batch if the device leads there; null without one.</param>
/// <param name="Earliest">The smallest swept batch from which on the CPU is nowhere clearly faster; null when it is clearly faster at the last.</param>
/// <param name="Latest">The smallest swept batch from which on the device is clearly ahead everywhere; null when it is not clear even at the last.</param>
/// <param name="Certain">Whether the two points around the crossover (or the last, if there is none) differ by more than their noise.</param>
internal sealed record Crossover(int? Batch, int? SlowerAt, double FirstRatio, double LastRatio, double? Estimate, int? Earliest, int? Latest, bool Certain)
{
    /// <summary>Reads a crossover off times at ascending batches.</summary>
    public static Crossover Find(IReadOnlyList<(int Batch, Measurement Cpu, Measurement Device)> times)
    {
        int From(Func<(int, Measurement Cpu, Measurement Device), bool> holds)
        {
            int first = times.Count;
            while (first > 0 && holds(times[first - 1]))
                first--;
            return first;
        }

        int? BatchOf(int index) => index < times.Count ? times[index].Batch : null;

        int at = From(t => t.Device.Median < t.Cpu.Median);
        int earliest = From(t => t.Device.Median < t.Cpu.Median || !IsClear(t.Cpu, t.Device));
        int latest = From(t => t.Device.Median < t.Cpu.Median && IsClear(t.Cpu, t.Device));

        int[] neighbours = [.. new[] { at - 1, at }.Where(i => i >= 0 && i < times.Count)];
        return new Crossover(
            at < times.Count ? times[at].Batch : null,
            at > 0 && at < times.Count ? times[at - 1].Batch : null,
            Ratio(times[0]), Ratio(times[^1]),
            at == times.Count ? null : at == 0 ? times[0].Batch : Between(times[at - 1], times[at]), BatchOf(earliest), BatchOf(latest),
            neighbours.All(i => IsClear(times[i].Cpu, times[i].Device)));
    }

    /// <summary>Three standard errors either way, and never less than 3 %: two launches of one program differ by that much.</summary>
    private static bool IsClear(Measurement a, Measurement b)
    {
        double difference = Math.Abs(a.Median - b.Median) / Math.Min(a.Median, b.Median) * 100;
        return difference > Math.Max(3, 3 * Math.Sqrt(a.NoisePercent * a.NoisePercent + b.NoisePercent * b.NoisePercent));
    }

    /// <summary>Where the ratio's line from one point to the next meets 1, in log-log.</summary>
    private static double Between((int Batch, Measurement, Measurement) before, (int Batch, Measurement, Measurement) after)
    {
        double r = Math.Log(Ratio(before)), s = Math.Log(Ratio(after)), share = r == s ? 1 : -r / (s - r);
        return before.Batch * Math.Pow((double)after.Batch / before.Batch, share);
    }

    private static double Ratio((int, Measurement Cpu, Measurement Device) point) => point.Cpu.Median / point.Device.Median;
}
