namespace FastRecurrence.Cli.Timing;

/// <summary>Where along the batch a device overtakes the CPU.</summary>
/// <param name="Batch">The smallest swept batch from which on the device is faster at every larger one; null when there is none.</param>
/// <param name="SlowerAt">The swept batch before it, where the CPU is still at least as fast; null at the lower end or when there is no crossover.</param>
/// <param name="FirstRatio">CPU time over device time at the smallest batch: above 1 the device is faster.</param>
/// <param name="LastRatio">The same at the largest batch.</param>
/// <param name="Certain">Whether the two points around the crossover (or the last, if there is none) differ by more than their noise.</param>
internal sealed record Crossover(int? Batch, int? SlowerAt, double FirstRatio, double LastRatio, bool Certain)
{
    /// <summary>Reads a crossover off times at ascending batches.</summary>
    public static Crossover Find(IReadOnlyList<(int Batch, Measurement Cpu, Measurement Device)> times)
    {
        int at = times.Count;
        while (at > 0 && times[at - 1].Device.Median < times[at - 1].Cpu.Median)
            at--;

        int[] neighbours = [.. new[] { at - 1, at }.Where(i => i >= 0 && i < times.Count)];
        return new Crossover(
            at < times.Count ? times[at].Batch : null,
            at > 0 && at < times.Count ? times[at - 1].Batch : null,
            Ratio(times[0]), Ratio(times[^1]),
            neighbours.All(i => IsClear(times[i].Cpu, times[i].Device)));
    }

    /// <summary>Three standard errors either way, and never less than 3 %: two launches of one program differ by that much.</summary>
    private static bool IsClear(Measurement a, Measurement b)
    {
        double difference = Math.Abs(a.Median - b.Median) / Math.Min(a.Median, b.Median) * 100;
        return difference > Math.Max(3, 3 * Math.Sqrt(a.NoisePercent * a.NoisePercent + b.NoisePercent * b.NoisePercent));
    }

    private static double Ratio((int, Measurement Cpu, Measurement Device) point) => point.Cpu.Median / point.Device.Median;
}
