using FastRecurrence.Import;
using FastRecurrence.Onnx.Proto;
using FastRecurrence.Onnx.Reading;

namespace FastRecurrence.Onnx.Graph;

/// <summary>The stored tensors of the main graph, read on demand.</summary>
internal sealed class InitializerSource : TensorSource
{
    private readonly Dictionary<string, (TensorInfo Info, TensorProto Tensor)> _tensors = new(StringComparer.Ordinal);
    private readonly List<TensorInfo> _infos = [];
    private readonly ExternalData _external;

    public InitializerSource(string name, GraphProto graph, ExternalData external)
    {
        (Name, _external) = (name, external);
        foreach (TensorProto tensor in graph.Initializer)
        {
            // What has impossible sizes is refused where it is used; here it is left out.
            if (tensor.Dims.Any(d => d is < 0 or > int.MaxValue) || tensor.Dims.Aggregate((Int128)1, (a, b) => a > long.MaxValue ? a : a * b) > int.MaxValue)
                continue;
            var info = new TensorInfo(tensor.Name, TypeName((ElementType)tensor.DataType), [.. tensor.Dims.Select(d => (int)d)], 0, 0);
            if (_tensors.TryAdd(tensor.Name, (info, tensor)))
                _infos.Add(info);
        }
    }

    public override string Name { get; }

    public override IReadOnlyList<TensorInfo> Tensors => _infos;

    public override TensorInfo? Find(string name) => _tensors.TryGetValue(name, out var found) ? found.Info : null;

    private protected override float[] ReadFloatsCore(TensorInfo info) => Read(info).ToFloats();

    private protected override double[] ReadDoublesCore(TensorInfo info) => Read(info).ToDoubles();

    private OnnxTensor Read(TensorInfo info) => TensorReader.Read($"{Name}, tensor '{NodeText.Short(info.Name)}'", _tensors[info.Name].Tensor, _external);

    private static string TypeName(ElementType type) => type switch
    {
        ElementType.Float => "F32",
        ElementType.Double => "F64",
        ElementType.Float16 => "F16",
        ElementType.Bfloat16 => "BF16",
        ElementType.Int64 => "I64",
        ElementType.Int32 => "I32",
        _ => type.Text(),
    };
}
