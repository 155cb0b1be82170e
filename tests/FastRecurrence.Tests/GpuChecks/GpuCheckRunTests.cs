using FastRecurrence.GpuCheck;
using FastRecurrence.GpuCheck.Results;
using FastRecurrence.GpuCheck.Verifying;

namespace FastRecurrence.Tests.GpuChecks;

/// <summary>A visit from end to end, on the emulator.</summary>
public sealed class GpuCheckRunTests
{
    [Fact]
    public void A_short_visit_times_verifies_and_says_what_it_did_not_reach()
    {
        using var folder = new TemporaryFolder();
        var options = new Options("ilgpu-cpu", Quick: true, Minutes: 0.15, [Part.Lstm, Part.Verify], [(8, 2)], folder.Path, Rounds: 2, "abc");
        Assert.Equal(0, Check.Run(options, TextWriter.Null));
        CheckDocument document = CheckDocument.FromJson(File.ReadAllText(Path.Combine(folder.Path, "gpu-check.json")));
        Assert.Equal("abc", document.Commit);
        CheckRecord timed = Assert.Single(document.Records, r => r.Part == "lstm");
        Assert.Equal((8, 2, 8, "Lstm", "Float32"), (timed.H!.Value, timed.N!.Value, timed.T!.Value, timed.Cell, timed.Format));
        Assert.InRange(timed.Host!.Samples, 1, 2); // the second round only where there was time
        Assert.InRange(timed.Host.Median, 1, 1e6);
        Assert.True(Assert.Single(document.Records, r => r.Family == "exercises").Verification is { Right: true, Problems: 7 });
        CheckRecord[] kernels = [.. document.Records.Where(r => r.Part == "verify" && r.Format is not null)];
        Assert.Equal(9, kernels.Length); // six in float32, three in bfloat16
        Assert.All(kernels, k => Assert.NotEqual(false, k.Verification!.Right));
        Assert.Contains("out of time", Assert.Single(document.Records, r => r.Part == "verify" && r.Verification is null).Note, StringComparison.Ordinal);
        Assert.StartsWith("Everything that was verified is right.", document.Verdict, StringComparison.Ordinal);
    }

    [Fact]
    public void Without_its_device_there_is_nothing_to_check()
    {
        using var folder = new TemporaryFolder();
        var options = new Options("cuda:77", Quick: true, Minutes: 1, [Part.Lstm], [], folder.Path, Rounds: 1, null);
        Assert.Equal(3, Check.Run(options, TextWriter.Null));
        Assert.Contains("cuda:77 is not available here", File.ReadAllText(Path.Combine(folder.Path, "gpu-check.md")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_verdict_needs_a_judged_problem()
    {
        var none = new Outcome();
        Assert.Null(none.Result(1, wasCut: true).Right);
        Assert.False(none.Result(1, wasCut: false).Right);
        var good = new Outcome { Problems = 1, Worst = 0.5 };
        Assert.True(good.Result(1, wasCut: true).Right);
        good.Add("x", 3, double.NaN, 1);
        Assert.False(good.Result(1, wasCut: false).Right);
        Assert.Equal("x [3]", good.First);
        Assert.False(new Outcome { Problems = 1, Differing = 1 }.Result(1, wasCut: false).Right);
    }

    [Fact]
    public void What_is_prepared_ahead_keeps_its_order_and_is_not_left_running()
    {
        Assert.Equal(Enumerable.Range(0, 500).Select(i => 2 * i), Ahead.Of(Enumerable.Range(0, 500), i => 2 * i));
        int running = 0, begun = 0;
        foreach (int item in Ahead.Of(Enumerable.Range(0, 500), Prepare))
        {
            if (item == 3)
                break;
        }

        Assert.Equal(0, running);
        Assert.InRange(begun, 4, 4 + 2 * Environment.ProcessorCount + 1);

        int Prepare(int i)
        {
            Interlocked.Increment(ref begun);
            Interlocked.Increment(ref running);
            Thread.Sleep(1);
            Interlocked.Decrement(ref running);
            return i;
        }
    }

    [Fact]
    public void A_mixed_order_has_everything_and_is_always_the_same()
    {
        int[] mixed = Ahead.Mixed(Enumerable.Range(0, 100));
        Assert.Equal(Enumerable.Range(0, 100), mixed.Order());
        Assert.NotEqual(Enumerable.Range(0, 100), mixed);
        Assert.Equal(mixed, Ahead.Mixed(Enumerable.Range(0, 100)));
    }
}
