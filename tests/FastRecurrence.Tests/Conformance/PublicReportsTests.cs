using System.Text.Json;
using FastRecurrence.Import;
using FastRecurrence.Onnx;
using FastRecurrence.TestKit;

namespace FastRecurrence.Tests.Conformance;

/// <summary>
/// Files made after public bug reports, with the answers written down beforehand (<c>expected.json</c>). Each file of a folder must be
/// covered by a line here, so that one that is added is not passed over.
/// </summary>
[Collection("devices")]
public sealed class PublicReportsTests
{
    private static string Folder(string report) => ConformanceData.Folder("public-reports", report);

    private static string[] Files(string report, string pattern)
    {
        string[] files = Directory.GetFiles(Folder(report), pattern);
        Assert.NotEmpty(files);
        return files;
    }

    private static OnnxLayer Layer(string path) => Assert.Single(OnnxModel.Load(path).RequireLayers());

    /// <summary>Row 0 of the last step, from X = linspace(−1, 1, 18) as [3, 2, 3].</summary>
    private static float[] LastStep(OnnxLayer layer)
    {
        float[] x = [.. Enumerable.Range(0, 18).Select(i => (float)(-1 + 2.0 * i / 17))], y = new float[3 * 2 * layer.Shapes[0].HiddenSize];
        using OnnxOperator node = layer.Prepare(Backend.Simd);
        node.Run(new OnnxInputs(3, 2, x), new OnnxOutputs { Y = y });
        return y[(2 * 2 * layer.Shapes[0].HiddenSize)..(5 * layer.Shapes[0].HiddenSize)];
    }

    [Theory]
    [InlineData("B01")]
    [InlineData("B05")]
    [InlineData("B06")]
    [InlineData("B08")]
    public void Weights_are_those_of_the_report(string report)
    {
        using JsonDocument answer = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder(report), "expected.json")));
        JsonProperty[] rows = [.. answer.RootElement.GetProperty("Y_first_row_of_last_step").EnumerateObject()];
        foreach (string path in Files(report, "*.onnx"))
        {
            string name = Path.GetFileNameWithoutExtension(path);
            JsonElement row = (rows.Length == 1 ? rows[0] : rows.Single(r => r.Name == name)).Value;
            OnnxLayer layer = Layer(path);
            Assert.Equal("lstm_i3_h4", layer.Shapes[0].ToString());
            float[] expected = [.. row.EnumerateArray().Select(v => v.GetSingle())];
            Assert.Equal(expected, LastStep(layer), (a, b) => Math.Abs(a - b) <= 2e-7f);
            Assert.Empty(layer.Warnings);
        }
    }

    [Fact]
    public void Zero_states_of_any_spelling_are_no_initial_states() =>
        Assert.All(Files("B02", "*.onnx"), path => Assert.False(Layer(path).HasInitialState, path));

    [Fact]
    public void A_state_that_is_given_is_never_called_zero() =>
        Assert.All(Files("B03", "*.onnx"), path => Assert.True(Layer(path).HasInitialState, path));

    [Fact]
    public void A_module_that_cannot_be_taken_costs_no_other_and_says_what_stands_there()
    {
        foreach (string path in Files("B13", "*.safetensors"))
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            IReadOnlyList<PyTorchModule> modules = PyTorchWeights.Find(file);
            Assert.Equal(2, modules.Count);
            if (Path.GetFileName(path) == "compiled_prefix.safetensors")
            {
                Assert.All(modules, module => Assert.Null(module.Refusal));
                Assert.Equal([false, true], modules.Select(module => module.IsCell));
                Assert.All(modules, module => Assert.Single(module.ToLayers()));
                continue;
            }

            Assert.Equal("decoder.gru.", Assert.Single(modules, module => module.Refusal is null).Prefix);
            PyTorchModule refused = Assert.Single(modules, module => module.Refusal is not null);
            Assert.StartsWith("encoder.lstm.", refused.Prefix, StringComparison.Ordinal);
            Assert.Contains("weight_hh_l0 is missing; in its place stands encoder.lstm.", refused.Refusal, StringComparison.Ordinal);
            Assert.Throws<ModelFormatException>(() => refused.ToLayers());
        }
    }

    [Fact]
    public void A_tensor_of_a_type_that_is_no_weight_costs_no_other_module()
    {
        foreach (string path in Files("B14", "*.safetensors"))
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            IReadOnlyList<PyTorchModule> modules = PyTorchWeights.Find(file);
            Assert.Single(Assert.Single(modules, module => module.Prefix == "decoder.gru.").ToLayers());
            Assert.All(modules, module => Assert.Equal(module.Prefix != "decoder.gru.", module.Refusal?.Contains("I8", StringComparison.Ordinal) == true));
        }
    }

    [Fact]
    public void Files_of_another_format_are_named()
    {
        Dictionary<string, string> formats = new() { [".ort"] = "ONNX Runtime", [".tflite"] = "TensorFlow Lite", [".gguf"] = "GGUF", [".npy"] = "NumPy", [".mlmodel"] = "Core ML" };
        foreach (string path in Files("B15", "*.*").Where(path => Path.GetExtension(path) != ".json"))
        {
            string says = Assert.Throws<ModelFormatException>(() => OnnxModel.Load(path)).Message;
            Assert.Contains(formats[Path.GetExtension(path)], says, StringComparison.Ordinal);
            Assert.StartsWith(Path.GetFileName(path), says, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Weight_drop_is_taken_with_the_trained_matrix_and_a_note()
    {
        foreach (string path in Files("B17", "*.safetensors"))
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            PyTorchModule module = Assert.Single(PyTorchWeights.Find(file));
            Assert.Contains("weight_hh_l0_raw", Assert.Single(module.Notes), StringComparison.Ordinal);
            Assert.Equal(file.ReadFloats("rnns.0.weight_hh_l0_raw"), module.ToLayers()[0].Forward!.RecurrentWeights.ToArray());
            Assert.NotEqual(file.ReadFloats("rnns.0.module.weight_hh_l0"), module.ToLayers()[0].Forward!.RecurrentWeights.ToArray());
        }
    }

    /// <summary>A speech enhancer with grouped GRUs of split weights and Scan-free caches: every node is found, and its states are inputs.</summary>
    [Fact]
    public void A_real_model_of_many_layers()
    {
        OnnxModel model = OnnxModel.Load(Path.Combine(Folder("models"), "gtcrn.onnx"));
        Assert.NotEmpty(model.RecurrentNodes);
        Assert.All(model.RequireLayers(), layer => Assert.All(layer.ReadWeights(), weights => Assert.Null(weights.FindNonFinite())));
    }
}
