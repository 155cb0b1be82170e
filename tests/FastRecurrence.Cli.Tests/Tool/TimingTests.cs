using System.Diagnostics;
using System.Runtime.Intrinsics.X86;

namespace FastRecurrence.Cli.Tests.Tool;

public sealed class TimingTests
{
    private static readonly StopRule s_rule = new(TimeSpan.FromMilliseconds(100), 0.5, TimeSpan.FromSeconds(1));

    [Fact]
    public void A_quiet_sample_stops_at_the_minimum_time()
    {
        Measurement m = Measurement.Take(_ => 1.0 / 128, s_rule, TestContext.Current.CancellationToken);
        Assert.Equal((1.0 / 128, 13, null), (m.Median, m.Samples, m.Missed));
    }

    [Fact]
    public void Short_work_is_repeated_until_a_sample_lasts_a_millisecond()
    {
        var repeats = new List<int>();
        Measurement.Take(n => { repeats.Add(n); return 1e-6; }, s_rule, TestContext.Current.CancellationToken);
        Assert.True(repeats[^1] >= 1000, $"{repeats[^1]} repeats of a microsecond");
    }

    [Fact]
    public void A_slow_first_call_does_not_count_as_the_length_of_a_call()
    {
        int calls = 0;
        Measurement m = Measurement.Take(_ => calls++ == 0 ? 5e-3 : 1e-6, s_rule, TestContext.Current.CancellationToken);
        Assert.Equal(1e-6, m.Median);
        Assert.InRange(calls, 50, 500); // samples of a millisecond, not of a microsecond
    }

    [Fact]
    public void Warm_up_is_told_and_none_of_its_samples_counts()
    {
        int calls = 0;
        Measurement m = Measurement.Take(_ => ++calls <= 2 ? 0.02 : 0.01, s_rule, TestContext.Current.CancellationToken);
        Assert.Equal((0.04, 0.01, m.Samples), (m.WarmUp, m.Minimum, m.Times.Count));
        Assert.All(m.Times, t => Assert.Equal(0.01, t));
    }

    [Fact]
    public void Percentiles_need_enough_calls_and_a_call_that_allocates_shows()
    {
        Latency many = Latency.Take(() => { }, TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
        Assert.Equal(Latency.Wanted, many.Calls);
        Assert.True(many.P50 <= many.P99 && many.P99 <= many.P999 && many.P999 <= many.Max);
        Assert.Equal(101, many.Curve.Count);
        Assert.Equal(many.Max, many.Curve[^1]);
        Latency few = Latency.Take(() => GC.KeepAlive(new byte[1000]), TimeSpan.Zero, TestContext.Current.CancellationToken);
        Assert.Equal((10, null, null), (few.Calls, few.P99, few.P999));
        Assert.True(few.AllocatedBytes >= 10_000);
    }

    [Fact]
    public void Cold_calls_are_timed_a_few_times_each()
    {
        int calls = 0;
        Assert.True(new ColdCaches(0).Median(() => calls++, TimeSpan.Zero, TestContext.Current.CancellationToken) >= 0);
        Assert.Equal(3, calls);
    }

    [Fact]
    public void Reading_is_faster_from_a_small_footprint_than_from_a_large_one()
    {
        double near = ReadBandwidth.MeasureGigabytes(1, 16 << 10), far = ReadBandwidth.MeasureGigabytes(1, 64 << 20);
        Assert.InRange(far, 0.5, near);
        Assert.True(ReadBandwidth.MeasureGigabytes(2, 16 << 10) > 0);
    }

    [Fact]
    public void Noise_that_does_not_settle_ends_at_the_timeout_and_is_told()
    {
        int call = 0;
        Measurement m = Measurement.Take(_ => call++ % 2 == 0 ? 0.02 : 0.08, s_rule with { MaxNoisePercent = 0.01 }, TestContext.Current.CancellationToken);
        Assert.Equal("max-noise", m.Missed);
        Assert.True(m.NoisePercent > 1);
    }

    [Fact]
    public void A_sample_longer_than_the_timeout_is_taken_once()
    {
        Measurement m = Measurement.Take(_ => 2, s_rule, TestContext.Current.CancellationToken);
        Assert.Equal((1, "min-time"), (m.Samples, m.Missed));
    }

    [Fact]
    public void One_interruption_moves_neither_median_nor_noise_much()
    {
        int call = 0;
        Measurement m = Measurement.Take(_ => call++ == 5 ? 0.05 : 0.01, s_rule, TestContext.Current.CancellationToken);
        Assert.Equal(0.01, m.Median);
        Assert.Equal(0, m.NoisePercent);
    }

    [Theory]
    [InlineData(new[] { 1.0, 2, 4, 8 }, new[] { 4.0, 4, 4, 4 }, 8, 4)]  // overtakes between 4 (a draw goes to the CPU) and 8
    [InlineData(new[] { 1.0, 2, 4, 8 }, new[] { 0.5, 1, 2, 4 }, 1, null)]
    [InlineData(new[] { 1.0, 2, 4, 8 }, new[] { 2.0, 3, 5, 9 }, null, null)]
    [InlineData(new[] { 1.0, 2, 4, 8 }, new[] { 0.5, 3, 3, 4 }, 4, 2)]  // a lone win at the lower end does not count
    public void A_crossover_is_where_the_device_stays_ahead(double[] cpu, double[] device, int? batch, int? slowerAt)
    {
        static Measurement At(double seconds) => new(seconds, 0.1, 9, null);
        Crossover found = Crossover.Find([.. cpu.Select((c, i) => (1 << i, At(c), At(device[i])))]);
        Assert.Equal((batch, slowerAt), (found.Batch, found.SlowerAt));
        Assert.Equal(cpu[^1] / device[^1], found.LastRatio, 12);
    }

    [Fact]
    public void A_crossover_within_noise_is_not_certain()
    {
        Assert.False(Crossover.Find([(1, new(1, 0.1, 9, null), new(2, 0.1, 9, null)), (2, new(2, 2, 9, null), new(1.95, 2, 9, null))]).Certain);
        Assert.True(Crossover.Find([(1, new(1, 0.1, 9, null), new(2, 0.1, 9, null)), (2, new(2, 2, 9, null), new(1, 2, 9, null))]).Certain);
    }

    /// <summary>A chain of scalar multiply-adds waits for each; the peak overlaps twelve chains of vectors.</summary>
    [Fact]
    public void The_peak_is_far_above_a_chain_of_scalars_and_no_processor_does_more_than_two_vectors_a_cycle()
    {
        double best = double.PositiveInfinity;
        for (int round = 0; round < 10; round++)
        {
            long start = Stopwatch.GetTimestamp();
            float a = 0.5f;
            for (int i = 0; i < 200_000; i++)
                a = MathF.FusedMultiplyAdd(a, 0.999f, 0.001f);
            GC.KeepAlive(a);
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        double chain = 2 * 200_000 / best / 1e9, peak = FmaPeak.MeasureGflops();
        Assert.InRange(peak, Fma.IsSupported ? 8 * chain : chain, 2 * 2 * 16 * 7.0);
    }

    /// <summary>All work over the common time: threads that take turns add nothing.</summary>
    [Fact]
    public void More_threads_than_processors_have_no_higher_roof()
    {
        int processors = Environment.ProcessorCount;
        double one = FmaPeak.MeasureGflops(), many = FmaPeak.MeasureGflops(4 * processors);
        Assert.InRange(many, 0.01 * one, 1.5 * processors * one);
        double near = ReadBandwidth.MeasureGigabytes(1, 16 << 10), together = ReadBandwidth.MeasureGigabytes(4 * processors, 16 << 10);
        Assert.InRange(together, 0.01 * near, 1.5 * processors * near);
    }
}
