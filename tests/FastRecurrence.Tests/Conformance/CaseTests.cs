using FastRecurrence.TestKit.Cases;

namespace FastRecurrence.Tests.Conformance;

/// <summary>Every case file of the conformance folders on every backend.</summary>
[Collection("devices")]
public sealed class CaseTests
{
    [Theory]
    [InlineData("onnx-node", 12)]
    [InlineData("onnx-cases", 18)]
    [InlineData("generated-cases", 51)]
    [InlineData("torch-cases", 32)]
    [InlineData("framework-cases", 29)]
    public void Every_case_is_right(string folder, int count)
    {
        IReadOnlyList<ConformanceCase> cases = CaseFolder.Read(ConformanceData.Folder(folder));
        Assert.Equal(count, cases.Count);
        CaseReport report = CaseRunner.Run(cases, [.. TestBackends.Complete]);
        Assert.Equal(count * TestBackends.Complete.Count(), report.Cases.Count);
        TestContext.Current.TestOutputHelper?.WriteLine($"{folder}: worst {report.Cases.Max(c => c.MaxError):g3} from the files, {report.Cases.Max(c => c.ReferenceError):g3} from the reference");
        Assert.All(report.Cases, c => Assert.True(c.Ok, $"{c.Case} on {c.Backend}: {c.Reason}"));
        Assert.Empty(report.Skipped);
    }

    /// <summary>The reference itself: PyTorch's own double results, to the last digits.</summary>
    [Fact]
    public void The_reference_agrees_with_PyTorch_in_double()
    {
        foreach (ConformanceCase item in CaseFolder.Read(ConformanceData.Folder("torch-cases")))
        {
            IReadOnlyDictionary<string, NumberTensor> exact = item.Exact().Values;
            foreach ((string name, NumberTensor expected) in item.Expected)
                Assert.True(exact[name].ErrorFrom(expected, relative: true, out int at) < 1e-12, $"{item.Name}: {name}{expected.Index(at)}");
        }
    }

    /// <summary>Malformed cases are told by field, with what was expected and what is there, and folders within a folder are looked into.</summary>
    [Theory]
    [InlineData("weights", "[1, 2]", "weights: an object {kernel, recurrent_kernel, bias} was expected, there is an array")]
    [InlineData("weights", "{\"kernel\": [[1, 2], [3, 4]]}", "weights.kernel: an object {shape, data} was expected, there is an array")]
    [InlineData("weights", "{\"kernel\": {\"shape\": 3, \"data\": [1]}}", "weights.kernel.shape: an array of sizes, such as [3, 16] was expected, there is the number 3")]
    [InlineData("weights", "{\"kernel\": {\"shape\": [1], \"data\": [\"x\"]}}", "weights.kernel.data[0]: a number was expected, there is the text \"x\"")]
    [InlineData("units", "\"four\"", "units: a whole number was expected, there is the text \"four\"")]
    [InlineData("config", "[]", "config: an object")]
    [InlineData("config", "{\"go_backwards\": 1}", "config.go_backwards: true or false was expected, there is the number 1")]
    [InlineData("layer", "7", "layer: a text was expected, there is the number 7")]
    [InlineData("check_atol", "[]", "check_atol: a number was expected, there is an array")]
    [InlineData("framework", "{}", "framework: a text was expected, there is an object")]
    public void A_malformed_case_is_told_by_field(string field, string value, string reason)
    {
        var fields = new Dictionary<string, string>
        {
            ["framework"] = "\"keras\"",
            ["layer"] = "\"SimpleRNN\"",
            ["units"] = "1",
            ["input"] = "{\"shape\": [1, 1, 1], \"data\": [1]}",
            ["expected"] = "{\"shape\": [1, 1], \"data\": [0]}",
            ["weights"] = "{\"kernel\": {\"shape\": [1, 1], \"data\": [1]}, \"recurrent_kernel\": {\"shape\": [1, 1], \"data\": [0]}}",
            [field] = value,
        };
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        try
        {
            DirectoryInfo inner = folder.CreateSubdirectory("inner");
            File.WriteAllText(Path.Combine(inner.FullName, "case.json"), $"{{{string.Join(", ", fields.Select(f => $"\"{f.Key}\": {f.Value}"))}}}");
            CaseResult result = Assert.Single(CaseRunner.Run(CaseFolder.Read(folder.FullName), [Backend.Reference]).Cases);
            Assert.Equal(("inner/case", false), (result.Case, result.Ok));
            Assert.Contains(reason, result.Reason);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact]
    public void Nested_lists_in_place_of_tensors_are_told_and_the_right_cases_pass()
    {
        Assert.All(CaseRunner.Run(CaseFolder.Read(ConformanceData.Folder("public-reports", "B16", "cases")), [.. TestBackends.Complete]).Cases, c => Assert.True(c.Ok, $"{c.Case} on {c.Backend}: {c.Reason}"));
        CaseReport nested = CaseRunner.Run(CaseFolder.Read(ConformanceData.Folder("public-reports", "B16", "cases_nested")), [Backend.Reference]);
        Assert.Equal(3, nested.Cases.Count);
        Assert.All(nested.Cases, c => Assert.Contains("weights.kernel: an object {shape, data} was expected, there is an array", c.Reason));
    }

    /// <summary>A checker that cannot fail checks nothing: each lie below must be seen.</summary>
    [Theory]
    [InlineData("\"hidden_size\": 2", "\"hidden_size\": 3", "hidden_size is 3")]
    [InlineData("\"check_atol\"", "\"checks\"", "the field 'checks' is unknown")]
    [InlineData("\"LSTM\"", "\"QLSTM\"", "the operator 'QLSTM' is unknown")]
    [InlineData("\"float32\"", "\"float8\"", "the dtype 'float8' is unknown")]
    [InlineData("0.5]}}", "0.6]}}", "in the file")]
    [InlineData("0.5]}}", "NaN]}}", "in the file")]
    [InlineData("\"success\"", "\"failure\"", "must be refused")]
    [InlineData("\"shape\": [1, 1, 1, 2]", "\"shape\": [1, 1, 2, 1]", "in the file")]
    [InlineData("\"Y\"", "\"Y_q\"", "the field 'Y_q' is unknown")]
    [InlineData("{\"case", "[{\"case", "no valid JSON")]
    public void The_checker_sees(string truth, string lie, string reason)
    {
        // All preactivations 0 but o's: c = 0, h = 0; the second unit starts from h0 and forgets nothing of c0.
        const string honest = """
            {"case": "tiny", "op": "LSTM", "expect": "success", "check_atol": 1e-6, "attributes": {"hidden_size": 2},
             "inputs": {"X": {"dtype": "float32", "shape": [1, 1, 1], "data": [0]},
              "W": {"dtype": "float32", "shape": [1, 8, 1], "data": [0, 0, 0, 0, 0, 0, 0, 0]},
              "R": {"dtype": "float32", "shape": [1, 8, 2], "data": [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]},
              "initial_c": {"dtype": "float32", "shape": [1, 1, 2], "data": [0, 1]}},
             "outputs": {"Y": {"dtype": "float64", "shape": [1, 1, 1, 2], "data": [0, 0.23105857863000487]}, "Y_c": {"dtype": "float32", "shape": [1, 1, 2], "data": [0, 0.5]}}}
            """;
        Assert.Contains(truth, honest);
        DirectoryInfo folder = Directory.CreateTempSubdirectory();
        try
        {
            string file = Path.Combine(folder.FullName, "tiny.json");
            File.WriteAllText(file, honest);
            CaseResult good = Assert.Single(CaseRunner.Run(CaseFolder.Read(folder.FullName), [Backend.Reference]).Cases);
            Assert.True(good.Ok, good.Reason);
            File.WriteAllText(file, honest.Replace(truth, lie));
            CaseResult bad = Assert.Single(CaseRunner.Run(CaseFolder.Read(folder.FullName), [Backend.Reference]).Cases);
            Assert.False(bad.Ok);
            Assert.Contains(reason, bad.Reason);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
