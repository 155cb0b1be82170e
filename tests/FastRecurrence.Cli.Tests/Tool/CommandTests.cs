using System.Globalization;
using System.Text.Json;
using FastRecurrence.Cli.Commands;
using FastRecurrence.Gpu;
using FastRecurrence.TestKit.Verification;
using BackendList = FastRecurrence.Cli.BackendList;
using Program = FastRecurrence.Cli.Program;
using Session = FastRecurrence.Cli.Session;

namespace FastRecurrence.Cli.Tests.Tool;

/// <summary>The commands in process, on the core's backends: what they print, their JSON, their exit codes.</summary>
[Collection("devices")]
public sealed class CommandTests
{
    private static readonly string[] s_quick = ["crossover", "-B", "simd,scalar", "-H", "8", "-b", "1,4", "-t", "2", "--min-time", "1ms", "--timeout", "20ms", "--launches", "2"];

    [Fact]
    public void Info_lists_every_backend_and_why_one_is_absent()
    {
        ToolRun run = ToolRun.Of("info");
        Assert.Equal(0, run.ExitCode);
        JsonElement json = ToolRun.Of("info", "-o", "json").Json();
        Assert.Equal(BackendList.All.Select(b => b.Name), json.GetProperty("backends").EnumerateArray().Select(b => b.GetProperty("name").GetString()));
        foreach (Backend backend in BackendList.All)
        {
            Assert.Contains(backend.Name, run.Output);
            Assert.Contains(backend.UnavailableReason ?? "ready", run.Output);
        }

        Assert.True(json.GetProperty("peakGflopsPerThread").GetDouble() > 0);
        Assert.False(string.IsNullOrEmpty(json.GetProperty("machine").GetProperty("processor").GetString()));
        Assert.Contains("1.5.3", json.GetProperty("machine").GetProperty("versions").GetProperty("ILGPU").GetString());
    }

    [Fact]
    public void Exercises_print_the_sheet_and_name_its_slips()
    {
        ToolRun run = ToolRun.Of("exercises", "--backend", "reference,simd", "--explain");
        Assert.Equal(0, run.ExitCode);
        Assert.Empty(run.Error);
        Assert.Equal(6, run.Output.Split("Sheet's slip: ").Length);
        Assert.Contains("reference    7/7", run.Output);
        Assert.Contains($"{Backend.Simd.Name,-12} 7/7", run.Output);
        Assert.DoesNotContain("WRONG", run.Output);
    }

    [Fact]
    public void Exercises_give_the_documented_json()
    {
        ToolRun run = ToolRun.Of("exercises", "6", "-B", "simd-512", "-o", "json");
        Assert.Equal(0, run.ExitCode);
        JsonElement json = run.Json();
        Assert.Empty(json.GetProperty("unavailable").EnumerateArray());
        JsonElement h0 = json.GetProperty("results").EnumerateArray().Single(r => r.GetProperty("quantity").GetString() == "h[0]");
        Assert.Equal(["exercise", "quantity", "backend", "expected", "actual", "printed", "ok", "error"], h0.EnumerateObject().Select(p => p.Name));
        Assert.Equal("6", h0.GetProperty("exercise").GetString());
        Assert.Equal("simd-512", h0.GetProperty("backend").GetString());
        Assert.Equal(0.0931345781755692, h0.GetProperty("expected").GetDouble());
        Assert.Equal(0.0931345781755692, h0.GetProperty("actual").GetDouble(), 1e-6);
        Assert.Equal("0.093", h0.GetProperty("printed").GetRawText());
        Assert.True(h0.GetProperty("ok").GetBoolean());
    }

    [Fact]
    public void All_backends_are_in_the_json_either_with_results_or_with_a_reason()
    {
        JsonElement json = ToolRun.Of("exercises", "2", "-o", "json").Json();
        string?[] ran = [.. json.GetProperty("results").EnumerateArray().Select(r => r.GetProperty("backend").GetString()).Distinct()];
        string?[] absent = [.. json.GetProperty("unavailable").EnumerateArray().Select(r => r.GetProperty("backend").GetString())];
        Assert.Equal(BackendList.All.Select(b => b.Name).Order(), ran.Concat(absent).Order());
        Assert.Equal(BackendList.All.Where(b => !b.IsAvailable).Select(b => b.Name), absent);
    }

    [Fact]
    public void A_named_but_absent_backend_gives_1_and_the_reason_and_the_others_run()
    {
        GpuBackend? absent = GpuBackends.All.FirstOrDefault(b => !b.IsAvailable);
        if (absent is null)
            Assert.Skip("every backend is available here");
        ToolRun run = ToolRun.Of("exercises", "2", "-B", $"simd,{absent.Name}", "-o", "json");
        Assert.Equal(1, run.ExitCode);
        Assert.Single(run.Error.TrimEnd('\n').Split('\n'));
        Assert.Contains(absent.UnavailableReason!, run.Error);
        Assert.Equal(absent.Name, run.Json().GetProperty("unavailable")[0].GetProperty("backend").GetString());
        Assert.NotEmpty(run.Json().GetProperty("results").EnumerateArray());
        Assert.Equal(1, ToolRun.Of("verify", "-B", absent.Name).ExitCode);
        Assert.Equal(1, ToolRun.Of("crossover", "-B", absent.Name).ExitCode);
    }

    [Fact]
    public void All_means_all_there_are_so_an_absent_one_is_no_failure()
    {
        ToolRun run = ToolRun.Of("exercises", "2", "-B", "all", "-o", "json");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(BackendList.All.Count(b => !b.IsAvailable), run.Json().GetProperty("unavailable").GetArrayLength());
    }

    [Fact]
    public void A_device_that_fails_drops_out_and_the_others_go_on()
    {
        var broken = new GpuBackend("cuda:99", "there is no such device", DeviceKind.Cuda, 99, isCpuDevice: false, unavailableReason: null);
        var selection = new BackendSelection([], [Backend.Simd, broken]);
        Assert.Equal([Backend.Simd, broken], selection.Ready);
        foreach (Backend backend in selection.Ready)
            selection.Let(backend, () => backend.Prepare(LayerWeights.Random(LayerShape.Lstm(1, 1), 1)).Dispose());
        Assert.Equal([Backend.Simd], selection.Ready);
        Assert.Contains("cuda:99", Assert.Single(selection.Unavailable).Reason);
        using var error = new StringWriter();
        Assert.Equal(1, selection.Report(new Session(TextWriter.Null, error, showProgress: false, TestContext.Current.CancellationToken)));
        Assert.Single(error.ToString().TrimEnd('\n').Split('\n'));
    }

    [Theory]
    [InlineData("cuda:9")]
    [InlineData("opencl:9")]
    public void A_device_that_does_not_exist_gives_1_and_lists_those_that_do(string name) =>
        ToolRun.Of("exercises", "-B", name).AssertFailsInOneLine(1, $"'{name}' does not exist here", name.Split(':')[0] + ":0");

    [Fact]
    public void Verify_reports_the_worst_error_and_where()
    {
        ToolRun run = ToolRun.Of("verify", "-c", "lstm,elman-relu", "-H", "1,9", "-b", "2", "-I", "0,3", "-t", "3", "-B", "simd-128,simd-256", "-o", "json");
        Assert.Equal(0, run.ExitCode);
        JsonElement[] results = [.. run.Json().GetProperty("results").EnumerateArray()];
        Assert.Equal(4, results.Length);
        foreach (JsonElement r in results)
        {
            Assert.Equal(4, r.GetProperty("problems").GetInt32());
            Assert.True(r.GetProperty("ok").GetBoolean());
            Assert.Equal(JsonValueKind.Null, r.GetProperty("firstDivergence").ValueKind);
            Assert.InRange(r.GetProperty("worst").GetProperty("error").GetDouble(), 1e-9, 1e-6);
            Assert.Matches("^(lstm|elman-relu)_t3_n2_i[03]_h[19]$", r.GetProperty("worst").GetProperty("problem").GetString());
        }
    }

    [Fact]
    public void A_divergence_is_found_where_it_begins()
    {
        var found = new VerifiedCell();
        found.Add([new("p", "h", 0, 0, 0, 0.5, 0.5), new("p", "h", 1, 0, 3, 0.5, 0.51), new("p", "h", 2, 0, 0, 0.5, double.NaN)], 1e-6);
        Assert.False(found.Ok);
        Assert.Equal("p h t=1 n=0 j=3", found.FirstDivergence!.ToString());
        Assert.Equal("p h t=2 n=0 j=0", found.Worst!.ToString());
        Assert.Equal(2, new OutputLocation("p", "h", 0, 0, 0, 1, 1 + 2 * Math.ScaleB(1, -23)).Ulp);
    }

    [Fact]
    public void Crossover_checks_times_and_compares_widths()
    {
        ToolRun run = ToolRun.Of(s_quick);
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("exercises  scalar       7/7", run.Output);
        Assert.Contains("lstm_t2_n4_i8_h8", run.Output);
        Assert.Contains("SIMD widths against each other", run.Output);
    }

    [Fact]
    public void Crossover_gives_its_points_as_json()
    {
        JsonElement json = ToolRun.Of([.. s_quick, "-o", "json"]).Json();
        JsonElement[] points = [.. json.GetProperty("points").EnumerateArray()];
        Assert.Equal(4, points.Length);
        foreach (JsonElement p in points)
        {
            Assert.True(p.GetProperty("verification").GetProperty("ok").GetBoolean());
            JsonElement summary = p.GetProperty("summary");
            double flops = 2.0 * 4 * 8 * (8 + 8) * p.GetProperty("batch").GetInt32();
            Assert.Equal(flops / summary.GetProperty("stepMicroseconds").GetDouble() / 1e3, summary.GetProperty("gflops").GetDouble(), 1e-9);
            Assert.True(summary.GetProperty("peakPercent").GetDouble() > 0);
            Assert.Equal(2, p.GetProperty("launches").GetArrayLength());
        }

        Assert.Empty(json.GetProperty("verdicts").EnumerateArray());
        Assert.Equal([7, 7], json.GetProperty("exercises").EnumerateArray().Select(e => e.GetProperty("right").GetInt32()));
    }

    /// <summary>What <c>crossover</c> measured is a run like any other: kept, shown again, compared.</summary>
    [Fact]
    public void Crossover_keeps_its_run_for_report_and_compare()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        try
        {
            string path = Path.Combine(folder.FullName, "crossover.json"), html = Path.Combine(folder.FullName, "crossover.html");
            Assert.Equal(0, ToolRun.Of([.. s_quick, "--streaming", "--save", path]).ExitCode);
            ToolRun again = ToolRun.Of("report", path);
            Assert.Contains("lstm_t2_n4_i8_h8", again.Output);
            Assert.Contains("streaming", again.Output);
            Assert.Equal(0, ToolRun.Of("report", path, "--html", html).ExitCode);
            Assert.Contains("4 same", ToolRun.Of("compare", path, path).Output);
            Assert.Equal(4, ToolRun.Of("report", path, "-o", "jsonl").Output.TrimEnd('\n').Split('\n').Length);
            ToolRun.Of([.. s_quick, "--save", Path.Combine(folder.FullName, "absent", "run.json")]).AssertFailsInOneLine(1, "cannot save to");
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void A_CPU_behind_a_device_driver_is_timed_labelled_and_gets_no_verdict()
    {
        GpuBackend opencl = GpuBackends.All.First(b => b.Name == "opencl:0");
        if (!opencl.IsAvailable || !opencl.IsCpuDevice)
            Assert.Skip($"opencl:0: {opencl.UnavailableReason ?? "is no CPU"}");
        string[] line = ["crossover", "-B", "simd,opencl:0", "-H", "8", "-b", "1", "-t", "2", "--min-time", "1ms", "--timeout", "20ms", "--launches", "1"];
        string output = ToolRun.Of(line).Output;
        Assert.Contains("no verdict", output);
        Assert.DoesNotContain("model:", output);
        Assert.Matches(@"N=1 on opencl:0: .*model: .* a step; .*only CUDA", ToolRun.Of([.. line, "--explain-dispatch"]).Output);
        JsonElement json = ToolRun.Of([.. line, "-o", "json"]).Json();
        Assert.Empty(json.GetProperty("verdicts").EnumerateArray());
        JsonElement point = json.GetProperty("points").EnumerateArray().Single(p => p.GetProperty("backend").GetString() == "opencl:0");
        Assert.True(point.GetProperty("cpuDevice").GetBoolean());
        Assert.Contains("model:", point.GetProperty("dispatch").GetString());
        Assert.True(point.GetProperty("launches")[0].GetProperty("kernels").GetProperty("median").GetDouble() > 0);
    }

    [Fact]
    public void Numbers_do_not_depend_on_the_locale()
    {
        string[] line = ["exercises", "-B", "reference,simd"];
        string invariant = ToolRun.Of(line).Output;
        CultureInfo before = CultureInfo.CurrentCulture;
        try
        {
            CultureInfo.CurrentCulture = CultureInfo.GetCultureInfo("de-DE");
            Assert.Equal("0,5", $"{0.5}"); // otherwise this test shows nothing
            Assert.Equal(invariant, ToolRun.Of(line).Output);
            Assert.Equal("de-DE", CultureInfo.CurrentCulture.Name);
            Assert.Equal(0, ToolRun.Of([.. s_quick, "--max-noise", "0.5"]).ExitCode);
        }
        finally
        {
            CultureInfo.CurrentCulture = before;
        }
    }

    [Fact]
    public void Cancelling_gives_130_in_one_line()
    {
        using StringWriter output = new(), error = new();
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Equal(130, Program.Run(["crossover"], output, error, showProgress: false, cancelled.Token));
        Assert.Equal("fastrecurrence: cancelled\n", error.ToString());
    }

    [Fact]
    public void Progress_goes_to_a_terminals_stderr_and_is_wiped()
    {
        using StringWriter output = new(), error = new();
        Assert.Equal(0, Program.Run(["exercises", "2", "-B", "simd"], output, error, showProgress: true, TestContext.Current.CancellationToken));
        Assert.Contains($"\rexercise 2 on {Backend.Simd.Name}", error.ToString());
        Assert.EndsWith(" \r", error.ToString());
        Assert.DoesNotContain('\r', output.ToString());
    }

    [Fact]
    public void A_stdout_that_cannot_be_written_is_told_in_one_line()
    {
        using var error = new StringWriter();
        using var full = new FullDisk();
        Assert.Equal(1, Program.Run(["exercises", "2", "-B", "simd"], full, error, showProgress: false, TestContext.Current.CancellationToken));
        Assert.Equal("fastrecurrence: cannot write the results: full\n", error.ToString());
    }

    private sealed class FullDisk : StringWriter
    {
        public override void WriteLine(string? value) => throw new IOException("full");
    }
}
