using System.Globalization;
using FastRecurrence.Import;

namespace FastRecurrence.TestKit.Cases;

/// <summary>A safetensors case computed by PyTorch: parameters, inputs and, in double, outputs. Gradients are not looked at here.</summary>
internal sealed class TorchCase : ConformanceCase
{
    private static readonly string[] s_known = ["case", "module", "input_size", "hidden_size", "proj_size", "seq", "batch", "num_layers", "bidirectional", "bias", "batch_first",
        "nonlinearity", "packed_lengths", "loss", "oracle", "check_atol", "note", "source"];

    private readonly NetworkProblem _problem;
    private readonly bool _cell;

    public TorchCase(string name, SafetensorsFile file)
        : base(name)
    {
        string Meta(string key, string absent = "") => file.Metadata.GetValueOrDefault(key, absent);
        foreach (string key in file.Metadata.Keys.Where(key => !s_known.Contains(key)))
            throw new NotSupportedException($"{name}: the metadata field '{key}' is unknown; there are {string.Join(", ", s_known)}.");
        string module = Meta("module");
        if (module is not ("LSTM" or "GRU" or "RNN" or "LSTMCell" or "GRUCell" or "RNNCell"))
            throw new NotSupportedException($"{name}: the module '{module}' is unknown; there are LSTM, GRU, RNN and their cells.");
        _cell = module.EndsWith("Cell", StringComparison.Ordinal);
        Tolerance = Meta("check_atol") is { Length: > 0 } given ? double.Parse(given, CultureInfo.InvariantCulture) : null;

        IReadOnlyList<PyTorchModule> modules = PyTorchWeights.Find(file, "param.");
        if (modules.Count != 1)
            throw new ModelFormatException(name, string.Create(CultureInfo.InvariantCulture, $"{modules.Count} modules in one case."));
        LayerData<double>[] layers = [.. modules[0].ToData(Meta("nonlinearity") == "relu" ? Activation.Relu : Activation.Tanh, file.ReadDoubles)];
        if (!module.StartsWith(modules[0].Cell switch { CellKind.Lstm => "LSTM", CellKind.Gru => "GRU", _ => "RNN" }, StringComparison.Ordinal))
            throw new ModelFormatException(name, $"the module is {module}, but the parameters are those of {modules[0].Cell}.");

        IReadOnlyList<int> x = file["x"].Shape;
        bool batchMajor = Meta("batch_first") == "True";
        (int T, int N) = _cell ? (1, x[0]) : batchMajor ? (x[1], x[0]) : (x[0], x[1]);
        double[]? Optional(string tensor) => file.Find(tensor) is null ? null : file.ReadDoubles(tensor);
        int[]? lengths = file.Find("lengths") is null ? null : Array.ConvertAll(file.ReadIntegers("lengths"), v => checked((int)v));
        _problem = new NetworkProblem(layers, modules[0].IsBidirectional ? 2 : 1, file.ReadDoubles("x"), T, N, batchMajor, lengths, Optional("h0"), Optional("c0"));
        foreach (string output in (ReadOnlySpan<string>)["y", "h_n", "c_n"])
        {
            if (file.Find($"expected.{output}") is { } info)
                Expected.Add(output, new NumberTensor([.. info.Shape], file.ReadDoubles(info.Name)));
        }
    }

    public override ExactOutputs Exact()
    {
        ExactOutputs exact = _problem.Exact();
        return exact with { Values = Shaped(exact.Values) };
    }

    public override IReadOnlyDictionary<string, NumberTensor> Run(Backend backend) => Shaped(_problem.Run(backend));

    // A cell's states have no layer axis, and it has no y.
    private IReadOnlyDictionary<string, NumberTensor> Shaped(IReadOnlyDictionary<string, NumberTensor> outputs) =>
        !_cell ? outputs : outputs.Where(o => o.Key != "y").ToDictionary(o => o.Key, o => o.Value with { Shape = o.Value.Shape[1..] });
}
