using System.Text.Json;
using FastRecurrence.Import;

namespace FastRecurrence.TestKit.Cases;

/// <summary>A JSON case with a PyTorch state dictionary.</summary>
internal sealed class TorchJsonCase : ConformanceCase
{
    private readonly NetworkProblem _problem;

    public TorchJsonCase(string name, JsonElement root)
        : base(name)
    {
        CaseJson.Only(name, root, "case", "source", "framework", "layer", "units", "config", "weight_layout", "weights", "input", "initial_h", "initial_c", "expected", "expected_h_n", "expected_c_n", "check_atol", "note");
        Tolerance = CaseJson.Field(root, "check_atol")?.GetDouble() ?? 1e-5;
        string layer = CaseJson.Field(root, "layer")?.GetString() ?? "";
        string nonlinearity = "tanh";
        bool batchFirst = false;
        if (CaseJson.Field(root, "config") is { } config)
        {
            CaseJson.Only($"{name}, config", config, "nonlinearity", "batch_first", "bidirectional", "num_layers");
            nonlinearity = CaseJson.Field(config, "nonlinearity")?.GetString() ?? nonlinearity;
            batchFirst = CaseJson.Field(config, "batch_first")?.GetBoolean() ?? false;
        }

        var tensors = new MemoryTensors();
        foreach (JsonProperty weight in (CaseJson.Field(root, "weights") ?? throw new ModelFormatException(name, "weights are missing.")).EnumerateObject())
        {
            NumberTensor tensor = CaseJson.Tensor($"{name}, {weight.Name}", weight.Value, out string type)!;
            tensors.Add(weight.Name, tensor.Shape, tensor.Values, type == "float64" ? "F64" : "F32");
        }

        PyTorchModule module = PyTorchWeights.Find(tensors).Single();
        if (layer != module.Cell switch { CellKind.Lstm => "LSTM", CellKind.Gru => "GRU", _ => "RNN" })
            throw new ModelFormatException(name, $"the layer is '{layer}', but the weights are those of {module.Cell}.");
        NumberTensor Required(string field) => CaseJson.Tensor($"{name}, {field}", CaseJson.Field(root, field), out _) ?? throw new ModelFormatException(name, $"{field} is missing.");
        double[]? Optional(string field) => CaseJson.Tensor($"{name}, {field}", CaseJson.Field(root, field), out _)?.Values;
        NumberTensor x = Required("input");
        (int T, int N) = batchFirst ? (x.Shape[1], x.Shape[0]) : (x.Shape[0], x.Shape[1]);
        _problem = new NetworkProblem([.. module.ToData(nonlinearity == "relu" ? Activation.Relu : Activation.Tanh, tensors.ReadDoubles)], module.IsBidirectional ? 2 : 1, x.Values, T, N, batchFirst,
            null, Optional("initial_h"), Optional("initial_c"));
        foreach ((string field, string output) in (ReadOnlySpan<(string, string)>)[("expected", "y"), ("expected_h_n", "h_n"), ("expected_c_n", "c_n")])
        {
            if (CaseJson.Tensor($"{name}, {field}", CaseJson.Field(root, field), out _) is { } tensor)
                Expected.Add(output, tensor);
        }
    }

    public override IReadOnlyDictionary<string, NumberTensor> Exact() => _problem.Exact();

    public override IReadOnlyDictionary<string, NumberTensor> Run(Backend backend) => _problem.Run(backend);
}
