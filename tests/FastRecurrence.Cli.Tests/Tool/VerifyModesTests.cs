using System.Text.Json;
using FastRecurrence.Cli;
using FastRecurrence.Cli.Commands;
using FastRecurrence.Cli.Output;
using FastRecurrence.TestKit.Cases;
using FastRecurrence.TestKit.Fuzzing;
using FastRecurrence.TestKit.Verification;

namespace FastRecurrence.Cli.Tests.Tool;

/// <summary><c>verify --cases</c>, <c>--fuzz</c> and <c>--activations</c>: what they report and return, right and wrong.</summary>
[Collection("devices")]
public sealed class VerifyModesTests : IDisposable
{
    private const string Honest = """
        {"case": "tiny", "op": "LSTM", "check_atol": 1e-6, "attributes": {"hidden_size": 2},
         "inputs": {"X": {"dtype": "float32", "shape": [1, 1, 1], "data": [0]},
          "W": {"dtype": "float32", "shape": [1, 8, 1], "data": [0, 0, 0, 0, 0, 0, 0, 0]},
          "R": {"dtype": "float32", "shape": [1, 8, 2], "data": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]},
          "initial_c": {"dtype": "float32", "shape": [1, 1, 2], "data": [0, 1]}},
         "outputs": {"Y_c": {"dtype": "float32", "shape": [1, 1, 2], "data": [0, 0.5]}}}
        """;

    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void Cases_give_the_documented_json_and_0()
    {
        Write("tiny", Honest);
        Write("refuse", Honest.Replace("\"hidden_size\": 2", "\"hidden_size\": 3").Replace("\"op\"", "\"expect\": \"failure\", \"op\""));
        ToolRun run = Cases("-B", "reference,simd", "-o", "json");
        Assert.Equal(0, run.ExitCode);
        JsonElement document = run.Json();
        Assert.Equal(["cases", "skipped"], document.EnumerateObject().Select(p => p.Name));
        JsonElement[] cases = [.. document.GetProperty("cases").EnumerateArray()];
        Assert.Equal(4, cases.Length);
        Assert.Equal(["case", "backend", "max_error", "reference_error", "tolerance", "ok", "reason"], cases[0].EnumerateObject().Select(p => p.Name));
        JsonElement tiny = cases.Single(c => c.GetProperty("case").GetString() == "tiny" && c.GetProperty("backend").GetString() == "reference");
        Assert.Equal((0, 1e-6, true, JsonValueKind.Null),
            (tiny.GetProperty("max_error").GetDouble(), tiny.GetProperty("tolerance").GetDouble(), tiny.GetProperty("ok").GetBoolean(), tiny.GetProperty("reason").ValueKind));
        JsonElement refused = cases.First(c => c.GetProperty("case").GetString() == "refuse");
        Assert.True(refused.GetProperty("ok").GetBoolean());
        Assert.Contains("hidden_size is 3", refused.GetProperty("reason").GetString());
        Assert.Empty(document.GetProperty("skipped").EnumerateArray());
    }

    [Theory]
    [InlineData("0.5]", "0.6]", "in the file")]
    [InlineData("\"check_atol\"", "\"atol\"", "the field 'atol' is unknown")]
    [InlineData("\"LSTM\"", "\"QLSTM\"", "the operator 'QLSTM' is unknown")]
    [InlineData("\"op\"", "\"expect\": \"failure\", \"op\"", "must be refused")]
    public void A_case_that_fails_gives_4_and_the_reason(string truth, string lie, string reason)
    {
        Write("tiny", Honest);
        Write("wrong", Honest.Replace(truth, lie));
        ToolRun run = Cases("-B", "reference");
        Assert.Equal(4, run.ExitCode);
        Assert.Contains("FAIL", run.Output);
        Assert.Contains(reason, run.Output);
        Assert.Contains("reference    1/2", run.Output);
    }

    [Fact]
    public void What_did_not_run_is_listed_apart_and_the_emulator_runs_only_when_named()
    {
        Write("tiny", Honest);
        ToolRun all = Cases("-o", "json");
        string[] Of(string list, ToolRun run) => [.. run.Json().GetProperty(list).EnumerateArray().Select(c => c.GetProperty("backend").GetString()!)];
        Assert.Equal(BackendList.All.Select(b => b.Name).Order(), Of("cases", all).Concat(Of("skipped", all)).Order());
        Assert.Contains("ilgpu-cpu", Of("skipped", all));
        Assert.Equal(["ilgpu-cpu"], Of("cases", Cases("-B", "ilgpu-cpu", "-o", "json")));
    }

    [Fact]
    public void A_named_but_absent_backend_gives_1_and_a_failing_case_beats_it()
    {
        Assert.SkipWhen(BackendList.All.First(b => b.Name == "cuda:0").IsAvailable, "cuda:0 is available here.");
        Write("tiny", Honest);
        ToolRun run = Cases("-B", "cuda:0,reference", "-o", "json");
        Assert.Equal(1, run.ExitCode);
        Assert.Equal("cuda:0", Assert.Single(run.Json().GetProperty("skipped").EnumerateArray()).GetProperty("backend").GetString());
        Write("wrong", Honest.Replace("0.5]", "0.6]"));
        Assert.Equal(4, Cases("-B", "cuda:0,reference").ExitCode);
    }

    [Fact]
    public void A_folder_that_is_none_or_has_no_case_gives_1()
    {
        Cases().AssertFailsInOneLine(1, "no case in");
        string file = Path.Combine(_folder.FullName, "tiny.json");
        Write("tiny", Honest);
        ToolRun.Of("verify", "--cases", file).AssertFailsInOneLine(1, "is a file");
        ToolRun.Of("verify", "--cases", file + "x").AssertFailsInOneLine(1, "there is no folder");
    }

    [Theory]
    [InlineData("generated-cases")]
    [InlineData("framework-cases")]
    public void The_conformance_folders_are_green(string folder) =>
        Assert.Equal(0, ToolRun.Of("verify", "--cases", ConformanceData.Folder(folder), "-B", "reference,simd").ExitCode);

    [Fact]
    public void Fuzzing_finds_nothing_and_counts()
    {
        ToolRun run = ToolRun.Of("verify", "--fuzz", "1500", "--seed", "3", "-o", "json");
        Assert.Equal(0, run.ExitCode);
        Assert.Equal(1500, run.Json().GetProperty("inputs").GetInt64());
        Assert.InRange(run.Json().GetProperty("accepted").GetInt64(), 1, 1499);
        Assert.Empty(run.Json().GetProperty("findings").EnumerateArray());
    }

    [Fact]
    public void A_reader_that_misbehaves_gives_4_and_the_line_that_repeats_it()
    {
        static Fuzzer Bad() => new(("bad", [1, 2, 3, 4], bytes => _ = bytes.Length > 4 ? throw new InvalidOperationException("spilt") : 0));
        using StringWriter output = new();
        var session = new Session(output, TextWriter.Null, showProgress: false, TestContext.Current.CancellationToken);
        using Fuzzer fuzzer = Bad(), again = Bad();
        Assert.Equal(4, VerifyFuzz.Run(session, fuzzer, 100, seed: 5, first: 0, OutputFormat.Table));
        Assert.Contains("bad: InvalidOperationException: spilt; again with: fastrecurrence verify --fuzz 1 --seed 5 --first ", output.ToString());
        string first = output.ToString().Split("--first ")[1].Split('\n')[0];
        Assert.Equal(4, VerifyFuzz.Run(session, again, 1, seed: 5, first: long.Parse(first, System.Globalization.CultureInfo.InvariantCulture), OutputFormat.Table));
    }

    [Fact]
    public void Fuzzing_stops_at_once_with_130()
    {
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        using StringWriter output = new(), error = new();
        Assert.Equal(130, Program.Run(["verify", "--fuzz", "1000000000"], output, error, cancellation: cancelled.Token));
    }

    [Fact]
    public void Activations_are_sampled_at_the_widths_that_are_named()
    {
        ToolRun run = ToolRun.Of("verify", "--activations", "--every", "99991", "-B", "scalar,simd-vector", "-o", "json");
        Assert.Equal(0, run.ExitCode);
        JsonElement[] results = [.. run.Json().GetProperty("results").EnumerateArray()];
        Assert.Equal(4, results.Length);
        Assert.All(results, r =>
        {
            Assert.Equal(42954, r.GetProperty("values").GetInt64());
            Assert.InRange(r.GetProperty("worstUlp").GetDouble(), 0.4, r.GetProperty("limit").GetDouble());
        });
        Assert.Equal(results[0].GetProperty("worstAt").GetDouble(), results[2].GetProperty("worstAt").GetDouble());
        ToolRun.Of("verify", "--activations", "-B", "reference").AssertFailsInOneLine(2, "'reference' is none of");
    }

    [Fact]
    public void A_scan_sees_lost_digits_and_impossible_results()
    {
        ScanResult lost = new Lying(y => y * (1 + 6e-7f)).Run(ScannedFunction.Sigmoid, 99991, 0, 42954);
        Assert.True(lost.WorstUlp > 3, $"{lost.WorstUlp}");
        Assert.True(lost.Wrong > 0, "a sigmoid above 1");
        Assert.True(new Lying(y => float.IsNaN(y) ? 0.5f : y).Run(ScannedFunction.Sigmoid, 99991, 0, 42954).Wrong > 0);
        Assert.Equal(0, new Lying(y => y).Run(ScannedFunction.Sigmoid, 99991, 0, 42954).Wrong);
    }

    [Theory]
    [InlineData("verify --cases x -H 3", "--hidden does not go with --cases")]
    [InlineData("verify --cases x --fuzz 3", "--fuzz does not go with --cases")]
    [InlineData("verify --fuzz 0", "--fuzz: '0' is not a number from 1")]
    [InlineData("verify --every 3", "--every goes with --activations")]
    [InlineData("verify --first 3", "--first goes with --fuzz")]
    [InlineData("verify --cases", "Required argument missing")]
    public void Options_that_would_be_ignored_are_refused(string line, string message) => ToolRun.Of(line.Split(' ')).AssertFailsInOneLine(2, message);

    private void Write(string name, string text) => File.WriteAllText(Path.Combine(_folder.FullName, name + ".json"), text);

    private ToolRun Cases(params string[] more) => ToolRun.Of(["verify", "--cases", _folder.FullName, .. more]);

    /// <summary>sigmoid by MathF, bent.</summary>
    private sealed class Lying(Func<float, float> bend) : ActivationScan
    {
        protected override void Evaluate(ScannedFunction function, float[] x, float[] y)
        {
            for (int i = 0; i < x.Length; i++)
                y[i] = bend((float)(1 / (1 + Math.Exp(-(double)x[i]))));
        }
    }
}
