using System.Text.Json;
using FastRecurrence.Onnx.Operators;

namespace FastRecurrence.TestKit.Cases;

/// <summary>A JSON operator case: one ONNX node with its data.</summary>
internal sealed class OperatorCase : ConformanceCase
{
    private const int NewestOpset = 22;

    private static readonly string[] s_inputs = ["X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P"], s_outputs = ["Y", "Y_h", "Y_c"];

    private readonly string _operator;
    private readonly long _opset;
    private readonly OperatorAttributes _attributes;
    private readonly Dictionary<string, (NumberTensor Tensor, string Type)> _inputs = [];
    private readonly List<string[]> _subsets = [];
    private OperatorProblem? _problem;

    public OperatorCase(string name, JsonElement json)
        : base(name)
    {
        CaseField root = CaseField.Of(name, json).Only(
            "case", "source", "op", "opset", "expect", "attributes", "inputs", "outputs", "check_atol", "requested_output_subsets", "note", "upstream_error_text");
        _operator = root["op"].Exists ? root["op"].Text() : throw new ModelFormatException(name, "op is missing.");
        if (_operator is not ("LSTM" or "GRU" or "RNN"))
            throw new NotSupportedException($"{name}: the operator '{_operator}' is unknown; there are LSTM, GRU and RNN.");
        _opset = root["opset"].Long() ?? NewestOpset;
        Tolerance = root["check_atol"].NumberOrNull();
        string expect = root["expect"].Text("success");
        MustBeRefused = expect switch { "success" => false, "failure" => true, _ => throw new NotSupportedException($"{name}: expect is '{expect}'; it is success or failure.") };
        _attributes = ReadAttributes(name, root["attributes"]);
        CaseField inputs = root["inputs"].Only(s_inputs), outputs = root["outputs"];
        foreach (string input in s_inputs)
        {
            if (inputs[input].Exists)
                _inputs.Add(input, (inputs[input].Tensor(out string type), type));
        }

        if (!MustBeRefused)
        {
            outputs.Only(s_outputs);
            foreach (string output in s_outputs)
            {
                if (outputs[output].Exists)
                    Expected.Add(output, outputs[output].Tensor());
            }
        }

        if (root["requested_output_subsets"].Exists)
            _subsets.AddRange(root["requested_output_subsets"].Items().Select(s => s.Items().Select(o => o.Text("")).ToArray()));
    }

    public override ExactOutputs Exact() => Problem().Exact();

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

    private static OperatorAttributes ReadAttributes(string name, CaseField element)
    {
        var attributes = new OperatorAttributes(name);
        if (!element.Exists)
            return attributes;
        foreach ((string attribute, CaseField value) in element.Fields())
        {
            switch (value.Kind)
            {
                case JsonValueKind.Null: break;
                case JsonValueKind.Number or JsonValueKind.String when attribute == "clip": attributes.Add(attribute, (float)value.Number()); break;
                case JsonValueKind.Number when value.TryWhole(out long integer): attributes.Add(attribute, integer); break;
                case JsonValueKind.Number: attributes.Add(attribute, (float)value.Number()); break;
                case JsonValueKind.String: attributes.Add(attribute, value.Text()); break;
                case JsonValueKind.Array when attribute == "activations": attributes.Add(attribute, value.Items().Select(v => v.Text("")).ToArray()); break;
                case JsonValueKind.Array: attributes.Add(attribute, value.Items().Select(v => (float)v.Number()).ToArray()); break;
                default: throw new NotSupportedException($"{name}: the attribute {attribute} is {value.Kind}.");
            }
        }

        return attributes;
    }
}
