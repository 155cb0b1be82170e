using FastRecurrence.Cli.Axes;
using FastRecurrence.Cli.Commands;
using FastRecurrence.Cli.Timing;
using FastRecurrence.Gpu;

namespace FastRecurrence.Cli.Tests.Tool;

/// <summary>Verdicts over made-up times, for machines without a device.</summary>
public sealed class VerdictTests
{
    private static readonly GpuBackend s_device = new("cuda:0", "made up", DeviceKind.Cuda, 0, isCpuDevice: false, unavailableReason: null);

    [Fact]
    public void A_device_is_held_against_the_fastest_CPU_backend_with_and_without_transfers()
    {
        // Seconds: a CPU twice as slow with each doubling, a device that hardly minds, and transfers that cost 3.
        Point[] points = [.. from batch in (int[])[1, 2, 4, 8] from p in Points(batch, cpu: batch, slowCpu: 2 * batch, kernels: 3, endToEnd: 6) select p];
        VerdictEntry excluded = CrossoverVerdict.Of(points, s_device, Transfers.Excluded)!, included = CrossoverVerdict.Of(points, s_device, Transfers.Included)!;
        Assert.Equal((4, 2, "simd-512", true), (excluded.Batch, excluded.SlowerAt, excluded.Cpu, excluded.Certain));
        Assert.Equal((8, 4), (included.Batch, included.SlowerAt));
        Assert.Equal("cuda:0, transfers excluded: pays from batch 4 on, not yet at 2: the lines cross at 3.0 (at 1 the CPU is 3.00x as fast; at 8 the device is 2.67x as fast)", CrossoverVerdict.Sentence(excluded));
    }

    [Fact]
    public void A_device_that_never_leads_does_not_pay()
    {
        Point[] points = [.. from batch in (int[])[1, 2] from p in Points(batch, cpu: batch, slowCpu: 100, kernels: 50, endToEnd: 60) select p];
        VerdictEntry verdict = CrossoverVerdict.Of(points, s_device, Transfers.Included)!;
        Assert.Null(verdict.Batch);
        Assert.Equal("cuda:0, transfers included: does not pay up to batch 2 (at 1 the CPU is 60.0x as fast; at 2 the CPU is 30.0x as fast)", CrossoverVerdict.Sentence(verdict));
    }

    [Fact]
    public void A_device_that_always_leads_pays_from_the_smallest_batch_on()
    {
        VerdictEntry verdict = CrossoverVerdict.Of([.. Points(1, cpu: 4, slowCpu: 8, kernels: 1, endToEnd: 2)], s_device, Transfers.Included)!;
        Assert.StartsWith("cuda:0, transfers included: pays from batch 1 on, the smallest measured (", CrossoverVerdict.Sentence(verdict));
    }

    [Fact]
    public void What_is_within_noise_widens_the_answer()
    {
        // At 4 the device leads by 2 %, which two launches of one program differ by; at 8 it leads clearly.
        Point[] points = [.. from batch in (int[])[1, 2, 4, 8] from p in Points(batch, cpu: batch, slowCpu: 100, kernels: batch == 8 ? 4 : batch == 4 ? 3.92 : 3, endToEnd: 60) select p];
        VerdictEntry verdict = CrossoverVerdict.Of(points, s_device, Transfers.Excluded)!;
        Assert.Equal((4, 4, 8, false), (verdict.Batch, verdict.Earliest, verdict.Latest, verdict.Certain));
        Assert.Contains("certainly from 8 (", CrossoverVerdict.Sentence(verdict));
        Assert.EndsWith("; within noise", CrossoverVerdict.Sentence(verdict));
    }

    [Fact]
    public void Streaming_is_judged_by_calls_of_one_step()
    {
        Point[] points = [.. from batch in (int[])[1, 2] from p in Points(batch, cpu: batch, slowCpu: 100, kernels: 0.1, endToEnd: 0.2) select p with { Streaming = new(p.Backend == s_device ? 9 : 1, 0.1, 9, null) }];
        VerdictEntry verdict = CrossoverVerdict.OfStreaming(points, s_device)!;
        Assert.Equal((null, "streaming"), (verdict.Batch, verdict.Transfers));
        Assert.StartsWith("cuda:0, streaming (a call a step): does not pay up to batch 2 (", CrossoverVerdict.Sentence(verdict));
        Assert.Null(CrossoverVerdict.OfStreaming([.. points.Select(p => p with { Streaming = null })], s_device));
    }

    [Fact]
    public void Without_times_of_both_there_is_no_verdict() =>
        Assert.Null(CrossoverVerdict.Of([.. Points(1, 1, 1, 1, 1).Where(p => p.Backend == s_device)], s_device, Transfers.Included));

    private static IEnumerable<Point> Points(int batch, double cpu, double slowCpu, double kernels, double endToEnd)
    {
        var problem = new ProblemSize(CellName.All[0], 2, batch, 8, 8);
        static Measurement At(double seconds) => new(seconds, 0.1, 9, null);
        yield return new Point(problem, Named.Core("simd-512"), 0, 0, true, At(cpu), null);
        yield return new Point(problem, Named.Core("scalar"), 0, 0, true, At(slowCpu), null);
        yield return new Point(problem, s_device, 0, 0, true, At(endToEnd), At(kernels));
    }
}
