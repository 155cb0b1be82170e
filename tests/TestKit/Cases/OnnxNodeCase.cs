using System.Globalization;
using FastRecurrence.Onnx;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.TestKit.Cases;

/// <summary>A folder of ONNX' backend tests: model.onnx with one recurrent node, and input_k.pb and output_k.pb for it.</summary>
internal sealed class OnnxNodeCase : ConformanceCase
{
    private static readonly string[] s_outputs = ["Y", "Y_h", "Y_c"];

    private readonly OperatorProblem _problem;

    public OnnxNodeCase(string name, string folder, string dataSet)
        : base(name)
    {
        string path = Path.Combine(folder, "model.onnx");
        OnnxModel open = OnnxModel.Load(path);
        Dictionary<string, OnnxTensor> values = [];
        for (int k = 0; k < open.Inputs.Count; k++)
            values.Add(open.Inputs[k], Read(dataSet, string.Create(CultureInfo.InvariantCulture, $"input_{k}.pb")));

        OnnxModel bound = OnnxModel.Load(path, null, values);
        if (bound.RecurrentNodes.Count != 1)
            throw new NotSupportedException(string.Create(CultureInfo.InvariantCulture, $"{name}: {bound.RecurrentNodes.Count} recurrent nodes; a node test has one."));
        OnnxRecurrentNode node = bound.RecurrentNodes[0];
        OnnxLayer layer = node.RequireLayer();
        NumberTensor? Input(int index)
        {
            if (index >= node.Inputs.Count || node.Inputs[index].Length == 0)
                return null;
            if (!values.TryGetValue(node.Inputs[index], out OnnxTensor? tensor))
                throw new NotSupportedException($"{name}: '{node.Inputs[index]}' is no input of the graph; other operators than the recurrent one are not run.");
            return new NumberTensor(tensor.Shape, tensor.Type.IsFloating() ? tensor.ToDoubles() : Array.ConvertAll(tensor.ToIntegers() ?? [], v => (double)v));
        }

        _problem = new OperatorProblem(layer.Meaning, layer.ReadDoubles(), Input(0)!, Input(4), Input(5), Input(6));
        for (int k = 0; k < bound.Outputs.Count; k++)
        {
            int position = node.Outputs.ToList().IndexOf(bound.Outputs[k]);
            if (position < 0)
                throw new NotSupportedException($"{name}: the output '{bound.Outputs[k]}' is not the recurrent node's; other operators are not run.");
            OnnxTensor tensor = Read(dataSet, string.Create(CultureInfo.InvariantCulture, $"output_{k}.pb"));
            Expected.Add(s_outputs[position], new NumberTensor(tensor.Shape, tensor.ToDoubles()));
        }
    }

    public override ExactOutputs Exact() => _problem.Exact();

    public override IReadOnlyDictionary<string, NumberTensor> Run(Backend backend) => _problem.Run(backend, []);

    private static OnnxTensor Read(string folder, string file) => WireReader.Tensor($"{Path.GetFileName(folder)}/{file}", File.ReadAllBytes(Path.Combine(folder, file)));
}
