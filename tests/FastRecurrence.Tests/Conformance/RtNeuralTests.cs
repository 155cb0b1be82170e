using System.Globalization;
using System.Text.Json;
using FastRecurrence.Import;

namespace FastRecurrence.Tests.Conformance;

/// <summary>RTNeural's models: Keras layers with real weights, which prove Keras' gate order, and PyTorch state dictionaries in JSON.</summary>
[Collection("devices")]
public sealed class RtNeuralTests
{
    public static TheoryData<string> Complete => TestBackends.CompleteNames;

    private static string Folder => ConformanceData.Folder("models", "rtneural");

    private static float[] Column(string file) => [.. File.ReadAllLines(Path.Combine(Folder, file)).Select(line => (float)double.Parse(line, CultureInfo.InvariantCulture))];

    private static float[] Flat(JsonElement element) => element.ValueKind == JsonValueKind.Array ? [.. element.EnumerateArray().SelectMany(Flat)] : [element.GetSingle()];

    private static int[] Shape(JsonElement element) => element.ValueKind == JsonValueKind.Array ? [element.GetArrayLength(), .. Shape(element[0])] : [];

    private static JsonDocument Read(string name) => JsonDocument.Parse(File.ReadAllBytes(Path.Combine(Folder, name)));

    private static LayerWeights Keras(JsonElement layer, int inputs)
    {
        JsonElement weights = layer.GetProperty("weights");
        int units = layer.GetProperty("shape").EnumerateArray().Last().GetInt32();
        LayerShape shape = layer.GetProperty("type").GetString() == "lstm" ? LayerShape.Lstm(inputs, units) : LayerShape.Gru(inputs, units, linearBeforeReset: Shape(weights[2]).Length == 2);
        return KerasWeights.Import(shape, Flat(weights[0]), Flat(weights[1]), Flat(weights[2]));
    }

    private static float[] Dense(float[] x, float[] kernel, float[] bias, string activation, bool transposed = false)
    {
        int inputs = kernel.Length / bias.Length, outputs = bias.Length;
        return [.. x.Chunk(inputs).SelectMany(row => Enumerable.Range(0, outputs).Select(o =>
        {
            double sum = bias[o] + row.Select((v, k) => (double)v * kernel[transposed ? o * inputs + k : k * outputs + o]).Sum();
            return (float)(activation switch { "tanh" => Math.Tanh(sum), "sigmoid" => 1 / (1 + Math.Exp(-sum)), "relu" => Math.Max(0, sum), _ => sum });
        }))];
    }

    private static float[] Recurrent(string backend, float[] x, params StackLayer[] layers)
    {
        using var stack = new RecurrentStack(TestBackends.Named(backend), layers);
        using var stream = new RecurrentStream(stack);
        var y = new float[x.Length / stack.InputSize * stack.OutputSize];
        stream.Run(x, y);
        return y;
    }

    [Theory]
    [MemberData(nameof(Complete))]
    public void Keras_models(string backend)
    {
        foreach (string name in (string[])["lstm", "lstm_1d", "gru", "gru_1d"])
        {
            float[] x = Column($"{name}_x_python.csv"), y = Column($"{name}_y_python.csv");
            using JsonDocument model = Read($"{name}.json");
            int width = 1;
            foreach (JsonElement layer in model.RootElement.GetProperty("layers").EnumerateArray())
            {
                JsonElement weights = layer.GetProperty("weights");
                x = layer.GetProperty("type").GetString() is "lstm" or "gru" ? Recurrent(backend, x, StackLayer.Unidirectional(Keras(layer, width)))
                    : Dense(x, Flat(weights[0]), Flat(weights[1]), layer.GetProperty("activation").GetString()!);
                width = layer.GetProperty("shape").EnumerateArray().Last().GetInt32();
            }

            Assert.Equal(y, x, (a, b) => Math.Abs(a - b) <= 1e-6f);
        }
    }

    [Theory]
    [MemberData(nameof(Complete))]
    public void PyTorch_models(string backend)
    {
        foreach (string name in (string[])["lstm_torch", "gru_torch"])
        {
            float[] x = Column($"{name}_x_python.csv"), y = Column($"{name}_y_python.csv");
            using JsonDocument model = Read($"{name}.json");
            var tensors = new MemoryTensors();
            foreach (JsonProperty tensor in model.RootElement.EnumerateObject())
                tensors.Add(tensor.Name, Shape(tensor.Value), Flat(tensor.Value));
            IReadOnlyList<PyTorchModule> modules = PyTorchWeights.Find(tensors);
            Assert.Equal([1, 3], modules.Select(m => m.LayerCount));
            foreach (PyTorchModule module in modules)
                x = Recurrent(backend, x, [.. module.ToLayers()]);
            x = Dense(x, tensors.ReadFloats("dense.weight"), tensors.ReadFloats("dense.bias"), "", transposed: true);
            Assert.Equal(y, x, (a, b) => Math.Abs(a - b) <= 1e-6f);
        }
    }

    [Fact]
    public void A_file_that_contradicts_itself_is_refused_with_both_numbers()
    {
        using JsonDocument bad = Read("bad_lstm.json");
        string message = Assert.Throws<ArgumentException>(() => Keras(bad.RootElement.GetProperty("layers")[0], 1)).Message;
        Assert.Contains("80 values", message);
        Assert.Contains("needs 64", message);
        using JsonDocument full = Read("full_model.json");
        Assert.Equal("gru_i4_h8", Keras(full.RootElement.GetProperty("layers")[2], 4).Shape.ToString());
    }
}
