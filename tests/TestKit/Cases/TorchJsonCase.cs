using System.Text.Json;
using FastRecurrence.Import;

namespace FastRecurrence.TestKit.Cases;

/// <summary>A JSON case with a PyTorch state dictionary.</summary>
internal sealed class TorchJsonCase : ConformanceCase
{
    private readonly NetworkProblem _problem;

    public TorchJsonCase(string name, JsonElement json)
        : base(name)
    {
        CaseField root = CaseField.Of(name, json).Only("case", "source", "framework", "layer", "units", "config", "weight_layout", "weights", "input", "initial_h", "initial_c",
            "expected", "expected_h_n", "expected_c_n", "check_atol", "note");
        Tolerance = root["check_atol"].NumberOrNull();
        CaseField config = root["config"].Only("nonlinearity", "batch_first", "bidirectional", "num_layers");
        string layer = root["layer"].Text(""), nonlinearity = config["nonlinearity"].Text("tanh");
        bool batchFirst = config["batch_first"].Flag(false);

        var tensors = new MemoryTensors();
        if (!root["weights"].Exists)
            throw new ModelFormatException(name, "weights is missing.");
        foreach ((string weight, CaseField value) in root["weights"].Fields())
        {
            NumberTensor tensor = value.Tensor(out string type);
            tensors.Add(weight, tensor.Shape, tensor.Values, type == "float64" ? "F64" : "F32");
        }

        IReadOnlyList<PyTorchModule> modules = PyTorchWeights.Find(tensors);
        if (modules.Count != 1)
            throw new ModelFormatException(name, $"the weights are those of {modules.Count} modules; a case has one.");
        PyTorchModule module = modules[0];
        if (layer != module.Cell switch { CellKind.Lstm => "LSTM", CellKind.Gru => "GRU", _ => "RNN" })
            throw new ModelFormatException(name, $"the layer is '{layer}', but the weights are those of {module.Cell}.");
        NumberTensor x = root["input"].Tensor();
        if (x.Shape.Length != 3)
            throw new ModelFormatException(name, $"input is {x.ShapeText}, but three sizes are wanted.");
        (int T, int N) = batchFirst ? (x.Shape[1], x.Shape[0]) : (x.Shape[0], x.Shape[1]);
        _problem = new NetworkProblem([.. module.ToData(nonlinearity == "relu" ? Activation.Relu : Activation.Tanh, tensors.ReadDoubles)], module.IsBidirectional ? 2 : 1, x.Values, T, N, batchFirst,
            null, root["initial_h"].TensorOrNull()?.Values, root["initial_c"].TensorOrNull()?.Values);
        foreach ((string field, string output) in (ReadOnlySpan<(string, string)>)[("expected", "y"), ("expected_h_n", "h_n"), ("expected_c_n", "c_n")])
        {
            if (root[field].Exists)
                Expected.Add(output, root[field].Tensor());
        }
    }

    public override ExactOutputs Exact() => _problem.Exact();

    public override IReadOnlyDictionary<string, NumberTensor> Run(Backend backend) => _problem.Run(backend);
}
