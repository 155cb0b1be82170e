using System.Runtime.InteropServices;
using FastRecurrence.Import;
using FastRecurrence.Onnx.Proto;
using Google.Protobuf;

namespace FastRecurrence.TestKit.Models;

/// <summary>One layer as an ONNX file: a single LSTM, GRU or RNN node with its weights as initializers, for other programs to run.</summary>
internal static class OnnxLayerFile
{
    private const int Float = 1, TypeOfInteger = 2;

    /// <summary>A model with inputs X, initial_h (and initial_c) and outputs Y, Y_h (and Y_c); sequence and batch are open.</summary>
    /// <exception cref="NotSupportedException">ONNX has no such layer.</exception>
    public static byte[] Write(LayerWeights weights)
    {
        LayerShape shape = weights.Shape;
        int rows = shape.GateCount * shape.HiddenSize, H = shape.HiddenSize, I = shape.InputSize;
        (float[] w, float[] r, float[] b, _) = OnnxWeights.Export(weights);
        string[] states = shape.HasCellState ? ["h", "c"] : ["h"];

        var node = new NodeProto { OpType = shape.Cell switch { CellKind.Lstm => "LSTM", CellKind.Gru => "GRU", _ => "RNN" } };
        node.Input.AddRange(["X", "W", "R", "B", "", .. states.Select(s => $"initial_{s}")]);
        node.Output.AddRange(["Y", .. states.Select(s => $"Y_{s}")]);
        node.Attribute.Add(Integer("hidden_size", H));
        if (shape.Cell == CellKind.Gru)
            node.Attribute.Add(Integer("linear_before_reset", shape.LinearBeforeReset ? 1 : 0));

        var graph = new GraphProto { Name = "layer" };
        graph.Node.Add(node);
        graph.Initializer.AddRange([Tensor("W", w, 1, rows, I), Tensor("R", r, 1, rows, H), Tensor("B", b, 1, 2 * rows)]);
        graph.Input.Add(Value("X", I));
        graph.Input.AddRange(states.Select(s => Value($"initial_{s}", H)));
        graph.Output.AddRange(node.Output.Select(name => new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.TensorTypeProto { ElemType = Float } } }));
        var model = new ModelProto { IrVersion = 8, Graph = graph };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 14 });
        return model.ToByteArray();
    }

    private static AttributeProto Integer(string name, long value) => new() { Name = name, I = value, Type = TypeOfInteger };

    private static TensorProto Tensor(string name, float[] values, params long[] shape)
    {
        var tensor = new TensorProto { Name = name, DataType = Float, RawData = ByteString.CopyFrom(MemoryMarshal.AsBytes(values.AsSpan())) };
        tensor.Dims.AddRange(shape);
        return tensor;
    }

    /// <summary>A float tensor <c>[?, ?, features]</c>.</summary>
    private static ValueInfoProto Value(string name, int features)
    {
        var shape = new TensorShapeProto();
        shape.Dim.AddRange([new() { DimParam = $"a_{name}" }, new() { DimParam = $"b_{name}" }, new() { DimValue = features }]);
        return new ValueInfoProto { Name = name, Type = new TypeProto { TensorType = new TypeProto.Types.TensorTypeProto { ElemType = Float, Shape = shape } } };
    }
}
