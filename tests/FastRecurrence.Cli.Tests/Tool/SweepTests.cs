using System.Text.Json;
using FastRecurrence.Cli.Axes;
using FastRecurrence.Cli.Sweeping;
using FastRecurrence.Gpu;
using FastRecurrence.Import;
using FastRecurrence.TestKit.Stacks;
using Program = FastRecurrence.Cli.Program;

namespace FastRecurrence.Cli.Tests.Tool;

/// <summary><c>sweep</c> with real launches, small.</summary>
[Collection("devices")]
public sealed class SweepTests : IDisposable
{
    private static readonly string[] s_fast = ["--min-time", "2ms", "--timeout", "20ms", "--launches", "2"];
    private readonly string _folder = Directory.CreateTempSubdirectory("fastrecurrence").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void A_sweep_checks_times_and_saves_what_it_shows()
    {
        string path = Path.Combine(_folder, "run.json");
        ToolRun run = ToolRun.Of(["sweep", "-c", "lstm,gru", "-H", "8", "-b", "1,4", "-t", "5", "-B", "simd,reference", "--threads", "1,2", "--latency", "--cold", "--save", path, "-o", "json", .. s_fast]);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        JsonElement json = run.Json();
        Assert.Equal(RunFile.CurrentSchema, json.GetProperty("schema").GetString());
        Assert.False(json.GetProperty("partial").GetBoolean());
        Assert.StartsWith("fastrecurrence sweep -c lstm,gru -H 8", json.GetProperty("command").GetString());

        RunFile saved = RunFile.Load(path);
        Assert.Equal(12, saved.Points.Count); // four problems; simd with one thread and with two, the reference alone
        Assert.Equal([1, 2], saved.Launches.Select(l => l.Launch));
        foreach (PointRecord p in saved.Points)
        {
            Assert.True(p.Verification.Ok);
            Assert.Equal((5, 8), (p.Verification.Steps, p.Hidden));
            Assert.Equal([1, 2], p.Launches.Select(l => l.Launch));
            Assert.All(p.Launches, l => Assert.True(l.EndToEnd!.Median >= l.EndToEnd.Minimum && l.EndToEnd.Samples.Count > 0 && l.Latency!.Calls >= 10 && l.ColdStepMicroseconds > 0));
            PointSummary s = p.Summary!;
            Assert.Equal(p.FlopsPerStep / s.StepMicroseconds / 1e3, s.Gflops, 1e-9);
            Assert.True(s.PeakPercent is > 0 && s.RoofPercent >= s.PeakPercent);
        }

        Assert.True(saved.Points[0].Launches[0].FirstOfItsKind);
        Assert.Equal(2, saved.Launches[0].Peaks.Count);
        Assert.Empty(Directory.GetFiles(_folder, "*.tmp"));
        Assert.Equal(json.GetProperty("points").GetRawText(), JsonDocument.Parse(File.ReadAllText(path)).RootElement.GetProperty("points").GetRawText());
    }

    [Theory]
    [InlineData("lstm_t6_n3_i5_h9_l2_bi")]
    [InlineData("gru_t6_n3_i0_h9_rev")]
    [InlineData("elman-relu_t4_n2_i3_h5_l3")]
    public void Stacks_and_directions_hold_against_the_reference(string id)
    {
        var data = new StackData(ProblemSize.Parse(id), seed: 3);
        var verifier = new StackVerifier(data);
        using var runner = new StackRunner(Backend.Simd, data, team: null);
        runner.Run(data.Size.SequenceLength); // leaves another state behind
        Checked verdict = verifier.Verify(runner, d => Tolerance.Of(Backend.Simd, d), before: null);
        Assert.True(verdict.Ok, $"{verdict.MaxError}");
        Assert.True(verdict.MaxError > 0);
        Assert.Same(verdict, verifier.Verify(runner, _ => 0, verdict)); // the same bits need no second look
        Assert.False(verifier.Verify(runner, _ => 1e-12, before: null).Ok);
    }

    [Fact]
    public void What_a_backend_does_not_run_is_skipped_with_the_reason()
    {
        GpuBackend opencl = GpuBackends.All.First(b => b.Name == "opencl:0");
        if (!opencl.IsAvailable)
            Assert.Skip($"opencl:0: {opencl.UnavailableReason}");
        if (!opencl.IsCpuDevice)
            Assert.Skip("opencl:0 is a GPU, which takes bfloat16 weights.");
        ToolRun run = ToolRun.Of(["sweep", "-p", "elman_t2_n1_i128_h128", "-B", "simd,opencl:0", "--weights", "fp32,bf16", "-o", "json", .. s_fast]);
        Assert.Equal(0, run.ExitCode);
        JsonElement skipped = Assert.Single(run.Json().GetProperty("skipped").EnumerateArray());
        Assert.Equal(("opencl:0", "bf16"), (skipped.GetProperty("backend").GetString(), skipped.GetProperty("weights").GetString()));
        Assert.Contains("would not be faster on opencl:0, which is a CPU", skipped.GetProperty("reason").GetString());
        Assert.Equal(3, run.Json().GetProperty("points").GetArrayLength());
    }

    [Fact]
    public void Narrow_weights_are_timed_with_their_error_and_their_bytes()
    {
        JsonElement[] points = [.. ToolRun.Of(["sweep", "-p", "lstm_t4_n1_i512_h512", "--weights", "fp32,bf16,int8", "-o", "json", .. s_fast]).Json().GetProperty("points").EnumerateArray()];
        Assert.Equal(["fp32", "bf16", "int8"], points.Select(p => p.GetProperty("weights").GetString()));
        double[] errors = [.. points.Select(p => p.GetProperty("verification").GetProperty("maxError").GetDouble())];
        Assert.True(errors[0] < 1e-6 && errors[1] is > 1e-5 and < 1e-2 && errors[2] > 1e-5, string.Join(' ', errors));
        double[] bytes = [.. points.Select(p => p.GetProperty("recurrentBytes").GetDouble())];
        Assert.Equal([bytes[0], bytes[0] / 2, bytes[0] / 4], bytes);
    }

    [Fact]
    public void Formats_carry_the_command_and_the_environment()
    {
        string path = Path.Combine(_folder, "run.json");
        Assert.Equal(0, ToolRun.Of(["sweep", "-H", "8", "-b", "2", "-t", "3", "--save", path, .. s_fast]).ExitCode);
        string table = ToolRun.Of("report", path).Output, markdown = ToolRun.Of("report", path, "-o", "md").Output, csv = ToolRun.Of("report", path, "-o", "csv").Output;
        Assert.All((string[])[table, markdown, csv], text =>
        {
            Assert.Contains("fastrecurrence sweep -H 8 -b 2 -t 3", text);
            Assert.Contains("lstm_t3_n2_i8_h8", text);
        });
        Assert.All((string[])[table, markdown], text => Assert.Contains("FMA peak", text));
        Assert.StartsWith("```\n$ fastrecurrence sweep", markdown);
        string[] rows = csv.TrimEnd('\n').Split('\n');
        Assert.Equal(2, rows.Length); // a heading and a row, for programs that know nothing of comments
        Assert.Equal(rows[0].Split(',').Length, rows[1].Split(',').Length);
        Assert.Contains("peak_gflops", rows[0]);
        using JsonDocument line = JsonDocument.Parse(ToolRun.Of("report", path, "-o", "jsonl").Output);
        Assert.Equal(rows[0].Split(','), line.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal(2, line.RootElement.GetProperty("batch").GetInt32());
    }

    [Fact]
    public void Launches_are_bound_to_processors_and_take_a_priority_when_asked()
    {
        JsonElement json = ToolRun.Of(["sweep", "-H", "8", "-b", "2", "-t", "3", "--threads", "2", "--pin", "--priority", "belownormal", "-o", "json", .. s_fast]).Json();
        JsonElement settings = json.GetProperty("settings");
        Assert.Equal((true, "belownormal"), (settings.GetProperty("pin").GetBoolean(), settings.GetProperty("priority").GetString()));
        Assert.Equal(1, json.GetProperty("points").GetArrayLength());
        ToolRun.Of("sweep", "--priority", "fast").AssertFailsInOneLine(2, "--priority: 'fast' is not");
    }

    [Fact]
    public void The_layers_of_a_model_file_are_problems()
    {
        string path = Path.Combine(_folder, "m.safetensors");
        LayerWeights Lstm(int I) => LayerWeights.Random(LayerShape.Lstm(I, 3), 1);
        using (FileStream stream = File.Create(path))
            SafetensorsWriter.Write(stream, PyTorchWeights.Export([StackLayer.Bidirectional(Lstm(2), Lstm(2)), StackLayer.Bidirectional(Lstm(6), Lstm(6))]));
        string[] plan = ToolRun.Of("sweep", "--model", path, "-b", "4", "-t", "5", "--dry-run").Output.Split('\n');
        Assert.StartsWith("lstm_t5_n4_i2_h3_bi ", plan[0]);
        Assert.StartsWith("lstm_t5_n4_i6_h3_bi ", plan[1]);
        ToolRun.Of("sweep", "--model", path, "-H", "3").AssertFailsInOneLine(2, "--hidden does not go with --model");
        ToolRun.Of("sweep", "--model", Path.Combine(_folder, "none.onnx")).AssertFailsInOneLine(1, "there is no file");
    }

    [Fact]
    public void A_dry_run_prints_the_plan_and_measures_nothing()
    {
        ToolRun run = ToolRun.Of("sweep", "-H", "64", "-b", "1..4", "-t", "25", "--dry-run", "--save", Path.Combine(_folder, "none.json"));
        Assert.Equal(0, run.ExitCode);
        string[] lines = run.Output.TrimEnd('\n').Split('\n');
        Assert.Equal($"lstm_t25_n1_i64_h64 {Backend.Simd.Name} 1t fp32", lines[0]);
        Assert.StartsWith("3 points in 5 launches: about ", lines[^1]);
        Assert.Empty(Directory.GetFiles(_folder));
    }

    [Fact]
    public void A_place_that_cannot_be_written_is_told_before_measuring()
    {
        foreach (string path in (string[])[Path.Combine(_folder, "absent", "run.json"), _folder])
        {
            // Two hours of work, were it begun.
            ToolRun run = ToolRun.Of("sweep", "--preset", "deepbench-train", "--save", path);
            run.AssertFailsInOneLine(1, "cannot save to");
            Assert.Empty(run.Output);
        }
    }

    [Fact]
    public void Cancelling_keeps_what_was_measured_as_a_partial_run()
    {
        string path = Path.Combine(_folder, "run.json");
        using StringWriter output = new();
        using var cancellation = new CancellationTokenSource();
        using var error = new CancelAt("launch 2 of 5", cancellation);
        int code = Program.Run(["sweep", "-H", "8", "-b", "1,2", "-t", "3", "--min-time", "2ms", "--timeout", "20ms", "--save", path], output, error, showProgress: true, cancellation.Token);
        Assert.Equal(130, code);
        RunFile run = RunFile.Load(path);
        Assert.True(run.Partial);
        Assert.Equal(2, run.Points.Count);
        Assert.All(run.Points, p => Assert.InRange(p.Launches.Count, 1, 4));
        Assert.Empty(Directory.GetFiles(_folder, "*.tmp"));
        Assert.Contains("PARTIAL", ToolRun.Of("report", path).Output);
    }

    /// <summary>Without a file too: what was measured is shown.</summary>
    [Fact]
    public void Cancelling_without_a_file_shows_the_partial_table()
    {
        using StringWriter output = new();
        using var cancellation = new CancellationTokenSource();
        using var error = new CancelAt("launch 2 of 5", cancellation);
        int code = Program.Run(["sweep", "-H", "8", "-b", "1,2", "-t", "3", "--min-time", "2ms", "--timeout", "20ms"], output, error, showProgress: true, cancellation.Token);
        Assert.Equal(130, code);
        Assert.Contains("lstm_t3_n2_i8_h8", output.ToString());
        Assert.Contains("PARTIAL", output.ToString());
        Assert.Contains("cancelled with 2 of 2 points measured", error.ToString());
    }

    [Fact]
    public void A_sweep_that_measures_nothing_says_why_on_stderr()
    {
        ToolRun run = ToolRun.Of(["sweep", "-H", "16", "-b", "2", "-t", "2", "--weights", "bf16", .. s_fast]);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains("no point was measured: ", run.Error);
        if (!GpuBackends.All.First(b => b.Name == "cuda:0").IsAvailable)
        {
            ToolRun absent = ToolRun.Of(["sweep", "-B", "cuda:0", "-H", "8", .. s_fast]);
            absent.AssertFailsInOneLine(1, "'cuda:0' is not available here");
            Assert.Empty(absent.Output);
        }
    }

    [Fact]
    public void Another_build_is_measured_in_turn_with_this_one()
    {
        string self = typeof(Program).Assembly.Location, old = Path.Combine(_folder, "base.json"), now = Path.Combine(_folder, "new.json");
        Assert.Equal(0, ToolRun.Of(["sweep", "-H", "8", "-b", "1", "-t", "3", "--against", self, "--save-base", old, "--save", now, .. s_fast]).ExitCode);
        RunFile before = RunFile.Load(old), after = RunFile.Load(now);
        Assert.True(before.Launches[0].Started < after.Launches[0].Started && after.Launches[0].Started < before.Launches[1].Started);
        Assert.Equal(before.Points.Select(p => p.Id), after.Points.Select(p => p.Id));
        ToolRun.Of("sweep", "--against", Path.Combine(_folder, "none.dll"), "--save-base", old).AssertFailsInOneLine(1, "there is no file");
    }

    [Fact]
    public void A_file_of_another_kind_is_refused_by_name()
    {
        string path = Path.Combine(_folder, "other.json");
        foreach ((string text, string why) in (IEnumerable<(string, string)>)[
            ("", "is not a run file"), ("[1]", "its schema is absent"), ("{\"schema\": \"fastrecurrence-run/0\"}", "'fastrecurrence-run/0'"), ("{\"schema\": \"fastrecurrence-run/1\", \"points\": 3}", "is not a run file")])
        {
            File.WriteAllText(path, text);
            ToolRun.Of("report", path).AssertFailsInOneLine(1, path, why);
        }

        ToolRun.Of("report", Path.Combine(_folder, "absent.json")).AssertFailsInOneLine(1, "cannot read");
    }

    /// <summary>A terminal's stderr at which a person presses Ctrl-C when a text appears.</summary>
    private sealed class CancelAt(string text, CancellationTokenSource cancellation) : StringWriter
    {
        public override void Write(string? value)
        {
            base.Write(value);
            if (value?.Contains(text, StringComparison.Ordinal) == true)
                cancellation.Cancel();
        }
    }
}
