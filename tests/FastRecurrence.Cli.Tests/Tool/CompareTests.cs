using System.Text.Json;
using FastRecurrence.Cli;
using FastRecurrence.Cli.Output;
using FastRecurrence.Cli.Sweeping;
using FastRecurrence.TestKit.Stacks;

namespace FastRecurrence.Cli.Tests.Tool;

/// <summary><c>compare</c> over made-up runs.</summary>
public sealed class CompareTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("fastrecurrence").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(new[] { 10.0, 11, 12, 13, 14 }, new[] { 8.0, 9, 7, 9.9, 9 }, "Faster")]
    [InlineData(new[] { 10.0, 11, 12, 13, 14 }, new[] { 15.0, 16, 17, 18, 14.1 }, "Slower")]
    [InlineData(new[] { 10.0, 11, 12, 13, 14 }, new[] { 15.0, 16, 17, 18, 13.9 }, "Ambiguous")]  // one launch among the others
    [InlineData(new[] { 10.0, 10, 10, 10, 10 }, new[] { 10.29, 10.29, 10.29, 10.29, 10.29 }, "Same")] // apart, by less than 3 %
    [InlineData(new[] { 10.0, 20, 12 }, new[] { 12.1, 11, 30 }, "Same")]                           // noisy, medians alike
    [InlineData(new[] { 10.0, 10 }, new[] { 20.0, 20, 20, 20, 20 }, "Ambiguous")]                  // too few launches for a verdict
    [InlineData(new[] { 10.0 }, new[] { 10.1 }, "Same")]
    public void A_verdict_needs_medians_apart_and_launches_apart(double[] before, double[] after, string verdict) =>
        Assert.Equal(verdict, new Verdict(before, after, 3).Kind.ToString());

    [Theory]
    [InlineData(5, 5, 100 * 2.0 / 252)]
    [InlineData(7, 7, 100 * 2.0 / 3432)]
    [InlineData(3, 5, 100 * 2.0 / 56)]
    public void Luck_is_counted(int m, int n, double percent) => Assert.Equal(percent, Verdict.LuckPercent(m, n), 12);

    [Theory]
    [InlineData("same", 0, 0)]
    [InlineData("faster", 0, 0)]
    [InlineData("slower", 3, 3)]
    [InlineData("ambiguous", 0, 5)]
    public void Exit_codes_are_for_CI(string kind, int code, int strict)
    {
        double[] after = kind switch { "same" => [10, 10.1, 10.2], "faster" => [8, 8.1, 8.2], "slower" => [12, 12.1, 12.2], _ => [10.05, 12, 13] };
        string before = Save("base", Run([10, 10.1, 10.2])), now = Save("new", Run(after));
        ToolRun run = ToolRun.Of("compare", before, now);
        Assert.Equal((code, ""), (run.ExitCode, run.Error));
        Assert.Equal(strict, ToolRun.Of("compare", before, now, "--strict").ExitCode);
        Assert.Contains(kind.ToUpperInvariant(), run.Output);
        Assert.Contains("environments and settings: identical", run.Output);
        JsonElement json = ToolRun.Of("compare", before, now, "-o", "json").Json();
        Assert.Equal(1, json.GetProperty(kind).GetInt32());
        Assert.Equal(3, json.GetProperty("points")[0].GetProperty("newLaunches").GetArrayLength());
        Assert.Contains($",{kind.ToUpperInvariant()},3,3", ToolRun.Of("compare", before, now, "-o", "csv").Output);
    }

    /// <summary>A cloud gives machines of one name that are not alike: their own peaks tell them apart, and then no point is slower or faster.</summary>
    [Theory]
    [InlineData("peak")]
    [InlineData("signature")]
    [InlineData("caches")]
    public void On_another_machine_nothing_is_slower(string what)
    {
        RunFile run = Run([10, 10.1, 10.2]), slow = Run([20, 20.1, 20.2]);
        slow = what switch
        {
            "peak" => slow with { Launches = [.. slow.Launches.Select(l => l with { Peaks = [.. l.Peaks.Select(p => p with { Gflops = 50 })] })] },
            "signature" => slow with { Machine = slow.Machine with { Signature = "family 99 model 1 stepping 1" } },
            _ => slow with { Machine = slow.Machine with { Caches = [new CacheLevel("L1", 1 << 10, "0")] } },
        };
        ToolRun compared = ToolRun.Of("compare", Save("base", run), Save("new", slow), "--strict");
        Assert.Equal(0, compared.ExitCode);
        Assert.Contains("DIFFERENT MACHINE", compared.Output);
        Assert.DoesNotContain("| SLOWER", compared.Output);
        JsonElement json = ToolRun.Of("compare", Save("base", run), Save("new", slow), "-o", "json").Json();
        Assert.Equal((1, 0), (json.GetProperty("differentMachine").GetInt32(), json.GetProperty("slower").GetInt32()));
        Assert.Single(json.GetProperty("machinesApart").EnumerateArray());
    }

    [Fact]
    public void What_differs_and_what_is_missing_is_told()
    {
        RunFile run = Run([10, 10, 10]);
        string before = Save("base", run), now = Save("new", run with
        {
            Partial = true,
            Machine = run.Machine with { Processor = "another" },
            Points = [.. run.Points, run.Points[0] with { Id = "gru_t1_n1_i1_h1 simd-512 1t fp32" }],
        });
        ToolRun compared = ToolRun.Of("compare", before, now);
        Assert.Contains("DIFFERENT processor:", compared.Output);
        Assert.Contains("the new run is partial", compared.Output);
        Assert.Contains("only in the new run: gru_t1_n1_i1_h1 simd-512 1t fp32", compared.Output);
        ToolRun.Of("compare", before, Save("other", run with { Points = [] })).AssertFailsInOneLine(1, "no point in common");
    }

    /// <summary>A ratio of two medians says little without its range: where the launches overlap it is marked.</summary>
    [Fact]
    public void A_ratio_to_a_peer_has_its_range_and_a_mark_where_nothing_is_proven()
    {
        RunFile Beside(double[] own, double[] peer)
        {
            RunFile ours = Run(own), theirs = Run(peer);
            return ours with { Points = [ours.Points[0], theirs.Points[0] with { Id = "x", Backend = "onnxruntime", Peer = true }] };
        }

        string Cell(double[] own, double[] peer) => SweepTable.Of(Beside(own, peer)).Rows[0][^1];
        Assert.Equal("2.00x 1.82..2.20", Cell([10, 10, 11], [20, 20, 22]));
        Assert.Equal("2.50x? 0.909..3.00", Cell([10, 10, 11], [10, 25, 30]));
        Assert.Equal("2.00x? 2.00..2.00", Cell([10], [20]));
        Assert.Contains(SweepTable.Notes(Beside([10], [20])), n => n.Contains("nothing is proven", StringComparison.Ordinal));
    }

    private string Save(string name, RunFile run)
    {
        string path = Path.Combine(_folder, $"{name}.json");
        File.WriteAllText(path, JsonOutput.Serialize(run));
        return path;
    }

    /// <summary>One point with these medians.</summary>
    private static RunFile Run(double[] medians)
    {
        LaunchTimes[] launches = [.. medians.Select((m, i) => new LaunchTimes(i + 1, i == 0, 1, 1, new TimeRecord(m, m, 0.1, null, 1, [m]), null, null, null))];
        var point = new PointRecord
        {
            Id = "lstm_t1_n1_i8_h8 simd-512 1t fp32",
            Problem = "lstm_t1_n1_i8_h8",
            Weights = "fp32",
            Backend = "simd-512",
            Threads = 1,
            FlopsPerStep = 1000,
            BytesPerStep = 1000,
            RecurrentBytes = 1000,
            TransferBytes = 64,
            Verification = new Checked(true, 1e-8, 1e-6, 1, 1, "00"),
            Launches = launches,
        };
        LaunchRecord[] processes = [.. medians.Select((_, i) => new LaunchRecord(i + 1, DateTimeOffset.UnixEpoch, null, [new PeakRecord(1, 100, [new BandwidthRecord(16384, 100)])]))];
        return new RunFile
        {
            Command = "fastrecurrence sweep",
            Started = DateTimeOffset.UnixEpoch,
            Seconds = 1,
            Machine = Machine.Here,
            Settings = new RunSettings(100, 0.5, 400, medians.Length, "both", false, false, 1),
            Launches = processes,
            Points = [point with { Summary = PointSummary.Of(point, processes) }],
        };
    }
}
