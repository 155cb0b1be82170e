using FastRecurrence.Cli.Sweeping;
using FastRecurrence.TestKit.Stacks;

namespace FastRecurrence.Cli.Tests.Tool;

/// <summary>Verdicts over made-up times, for machines without a device.</summary>
public sealed class VerdictTests
{
    [Fact]
    public void A_device_is_held_against_the_fastest_CPU_backend_with_and_without_transfers()
    {
        // Seconds: a CPU twice as slow with each doubling, a device that hardly minds, and transfers that cost 3.
        PointRecord[] points = [.. from batch in (int[])[1, 2, 4, 8] from p in Points(batch, cpu: batch, slowCpu: 2 * batch, kernels: 3, endToEnd: 6) select p];
        VerdictEntry excluded = Verdict(points, "excluded")!, included = Verdict(points, "included")!;
        Assert.Equal((4, 2, "simd-512", true), (excluded.Batch, excluded.SlowerAt, excluded.Cpu, excluded.Certain));
        Assert.Equal((8, 4), (included.Batch, included.SlowerAt));
        Assert.Equal("cuda:0, transfers excluded: pays from batch 4 on, not yet at 2: the lines cross at 3.0 (at 1 the CPU is 3.00x as fast; at 8 the device is 2.67x as fast)", CrossoverVerdict.Sentence(excluded));
    }

    [Fact]
    public void A_device_that_never_leads_does_not_pay()
    {
        PointRecord[] points = [.. from batch in (int[])[1, 2] from p in Points(batch, cpu: batch, slowCpu: 100, kernels: 50, endToEnd: 60) select p];
        VerdictEntry verdict = Verdict(points, "included")!;
        Assert.Null(verdict.Batch);
        Assert.Equal("cuda:0, transfers included: does not pay up to batch 2 (at 1 the CPU is 60.0x as fast; at 2 the CPU is 30.0x as fast)", CrossoverVerdict.Sentence(verdict));
    }

    [Fact]
    public void A_device_that_always_leads_pays_from_the_smallest_batch_on()
    {
        VerdictEntry verdict = Verdict([.. Points(1, cpu: 4, slowCpu: 8, kernels: 1, endToEnd: 2)], "included")!;
        Assert.StartsWith("cuda:0, transfers included: pays from batch 1 on, the smallest measured (", CrossoverVerdict.Sentence(verdict));
    }

    [Fact]
    public void What_is_within_noise_widens_the_answer()
    {
        // At 4 the device leads by 2 %, which two launches of one program differ by; at 8 it leads clearly.
        PointRecord[] points = [.. from batch in (int[])[1, 2, 4, 8] from p in Points(batch, cpu: batch, slowCpu: 100, kernels: batch == 8 ? 4 : batch == 4 ? 3.92 : 3, endToEnd: 60) select p];
        VerdictEntry verdict = Verdict(points, "excluded")!;
        Assert.Equal((4, 4, 8, false), (verdict.Batch, verdict.Earliest, verdict.Latest, verdict.Certain));
        Assert.Contains("certainly from 8 (", CrossoverVerdict.Sentence(verdict));
        Assert.EndsWith("; within noise", CrossoverVerdict.Sentence(verdict));
    }

    [Fact]
    public void Streaming_is_judged_by_calls_of_one_step()
    {
        PointRecord[] points = [.. from batch in (int[])[1, 2] from p in Points(batch, cpu: batch, slowCpu: 100, kernels: 0.1, endToEnd: 0.2) select p];
        VerdictEntry verdict = Verdict([.. points.Select(p => p with { Launches = [.. p.Launches.Select(l => l with { Streaming = At(p.Device ? 9 : 1) })] })], "streaming")!;
        Assert.Equal((null, "streaming"), (verdict.Batch, verdict.Transfers));
        Assert.StartsWith("cuda:0, streaming (a call a step): does not pay up to batch 2 (", CrossoverVerdict.Sentence(verdict));
        Assert.Null(Verdict(points, "streaming"));
    }

    [Fact]
    public void Without_times_of_both_there_is_no_verdict() => Assert.Empty(CrossoverVerdict.Of(Points(1, 1, 1, 1, 1).Where(p => p.Device)));

    [Fact]
    public void A_device_that_is_the_CPU_gets_no_verdict() =>
        Assert.Empty(CrossoverVerdict.Of(Points(1, 4, 8, 1, 2).Select(p => p with { CpuDevice = p.Device })));

    /// <summary>Launches that differ by more than their own noise say how much the median wavers.</summary>
    [Fact]
    public void Launches_far_apart_make_a_verdict_uncertain()
    {
        PointRecord[] points = [.. Points(1, cpu: 10, slowCpu: 20, kernels: 9, endToEnd: 9)];
        Assert.True(Verdict(points, "included")!.Certain);
        PointRecord[] apart = [.. points.Select(p => p with { Launches = [.. ((double[])[0.8, 1, 1.4]).Select(f => Launch(p.Launches[0].EndToEnd!.Median * f, null))] })];
        Assert.False(Verdict(apart, "included")!.Certain);
    }

    private static VerdictEntry? Verdict(IEnumerable<PointRecord> points, string transfers) => CrossoverVerdict.Of(points).SingleOrDefault(v => v.Transfers == transfers);

    private static TimeRecord At(double median) => new(median, median, 0.1, null, 0, []);

    private static LaunchTimes Launch(double endToEnd, double? kernels) =>
        new(1, false, 0, 0, At(endToEnd), kernels is { } k ? At(k) : null, null, null);

    private static IEnumerable<PointRecord> Points(int batch, double cpu, double slowCpu, double kernels, double endToEnd)
    {
        var problem = new ProblemSize(CellName.All[0], 2, batch, 8, 8);
        PointRecord Point(string backend, LaunchTimes times) => new()
        {
            Id = $"{problem.Id} {backend}",
            Problem = problem.Id,
            Weights = "fp32",
            Backend = backend,
            Threads = 1,
            Device = backend == "cuda:0",
            FlopsPerStep = 1,
            BytesPerStep = 1,
            RecurrentBytes = 1,
            TransferBytes = 1,
            Verification = new Checked(true, 0, 1, 1, 1, ""),
            Launches = [times],
        };
        yield return Point("simd-512", Launch(cpu, null));
        yield return Point("scalar", Launch(slowCpu, null));
        yield return Point("cuda:0", Launch(endToEnd, kernels));
    }
}
