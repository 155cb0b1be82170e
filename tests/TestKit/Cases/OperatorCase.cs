using System.Text.Json;
using FastRecurrence.Onnx.Operators;

namespace FastRecurrence.TestKit.Cases;

/// <summary>A JSON operator case: one ONNX node with its data.</summary>
internal sealed class OperatorCase : ConformanceCase
{
    private const int NewestOpset = 22;

    private static readonly string[] s_inputs = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"];

    private readonly string _operator;
    private readonly long _opset;
    private readonly OperatorAttributes _attributes;
    private readonly Dictionary<string, (NumberTensor Tensor, string Type)> _inputs = [];
    private readonly List<string[]> _subsets = [];
    private OperatorProblem? _problem;

    public OperatorCase(string name, JsonElement root)
        : base(name)
    {
        CaseJson.Only(name, root, "case", "source", "op", "opset", "expect", "attributes", "inputs", "outputs", "check_atol", "requested_output_subsets", "note", "upstream_error_text");
        _operator = CaseJson.Field(root, "op")?.GetString() ?? throw new ModelFormatException(name, "op is missing.");
        if (_operator is not ("LSTM" or "GRU" or "RNN"))
            throw new NotSupportedException($"{name}: the operator '{_operator}' is unknown; there are LSTM, GRU and RNN.");
        _opset = CaseJson.Field(root, "opset")?.GetInt64() ?? NewestOpset;
        Tolerance = CaseJson.Field(root, "check_atol")?.GetDouble() ?? 1e-5;
        string expect = CaseJson.Field(root, "expect")?.GetString() ?? "success";
        MustBeRefused = expect switch { "success" => false, "failure" => true, _ => throw new NotSupportedException($"{name}: expect is '{expect}'; it is success or failure.") };
        _attributes = ReadAttributes(name, CaseJson.Field(root, "attributes"));
        if (CaseJson.Field(root, "inputs") is { } inputs)
        {
            CaseJson.Only(name, inputs, s_inputs);
            foreach (string input in s_inputs)
            {
                if (CaseJson.Tensor($"{name}, {input}", CaseJson.Field(inputs, input), out string type) is { } tensor)
                    _inputs.Add(input, (tensor, type));
            }
        }

        if (CaseJson.Field(root, "outputs") is { } outputs && !MustBeRefused)
        {
            CaseJson.Only(name, outputs, "Y", "Y_h", "Y_c");
            foreach (JsonProperty output in outputs.EnumerateObject())
            {
                if (CaseJson.Tensor($"{name}, {output.Name}", CaseJson.Field(outputs, output.Name), out _) is { } tensor)
                    Expected.Add(output.Name, tensor);
            }
        }

        if (CaseJson.Field(root, "requested_output_subsets") is { } subsets)
            _subsets.AddRange(subsets.EnumerateArray().Select(s => s.EnumerateArray().Select(o => o.GetString() ?? "").ToArray()));
    }

    public override IReadOnlyDictionary<string, NumberTensor> Exact() => Problem().Exact();

    public override IReadOnlyDictionary<string, NumberTensor> Run(Backend backend) => Problem().Run(backend, _subsets);

    private OperatorProblem Problem()
    {
        if (_problem is not null)
            return _problem;
        NumberTensor? Input(string name, bool required = false, bool integers = false)
        {
            if (!_inputs.TryGetValue(name, out (NumberTensor Tensor, string Type) input))
                return required ? throw new ModelFormatException(Name, $"the input {name} is missing.") : null;
            if (integers != (input.Type == "int32"))
                throw new ModelFormatException(Name, $"{name} is {input.Type}; {(integers ? "int32" : "a floating type")} is wanted.");
            return input.Tensor;
        }

        NumberTensor x = Input("X", required: true)!, w = Input("W", required: true)!, r = Input("R", required: true)!;
        NumberTensor? b = Input("B"), p = Input("P");
        RecurrentOperator meaning = RecurrentOperator.Create(new NodeHeader(Name, _operator, _opset, _attributes), new WeightShapes(w.Shape, r.Shape, b?.Shape, p?.Shape));
        return _problem = new OperatorProblem(meaning, meaning.Weights(w.Values, r.Values, b?.Values, p?.Values), x, Input("sequence_lens", integers: true), Input("initial_h"), Input("initial_c"));
    }

    private static OperatorAttributes ReadAttributes(string name, JsonElement? element)
    {
        var attributes = new OperatorAttributes(name);
        if (element is not { } values)
            return attributes;
        foreach (JsonProperty property in values.EnumerateObject())
        {
            JsonElement value = property.Value;
            switch (value.ValueKind)
            {
                case JsonValueKind.Null: break;
                case JsonValueKind.Number when property.Name == "clip": attributes.Add(property.Name, value.GetSingle()); break;
                case JsonValueKind.Number when value.TryGetInt64(out long integer): attributes.Add(property.Name, integer); break;
                case JsonValueKind.Number: attributes.Add(property.Name, value.GetSingle()); break;
                case JsonValueKind.String when property.Name == "clip": attributes.Add(property.Name, (float)CaseJson.Number(value)); break;
                case JsonValueKind.String: attributes.Add(property.Name, value.GetString()!); break;
                case JsonValueKind.Array when property.Name == "activations": attributes.Add(property.Name, value.EnumerateArray().Select(v => v.GetString() ?? "").ToArray()); break;
                case JsonValueKind.Array: attributes.Add(property.Name, value.EnumerateArray().Select(v => (float)CaseJson.Number(v)).ToArray()); break;
                default: throw new NotSupportedException($"{name}: the attribute {property.Name} is {value.ValueKind}.");
            }
        }

        return attributes;
    }
}
