using FastRecurrence.Onnx;
using FastRecurrence.Onnx.Proto;
using FastRecurrence.Onnx.Reading;
using Google.Protobuf;

namespace FastRecurrence.TestKit.Models;

/// <summary>A valid model with one LSTM (I = 3, H = 2) to be changed by tests.</summary>
internal static class TinyModel
{
    public static ModelProto Lstm(Action<ModelProto>? change = null)
    {
        var model = new ModelProto { IrVersion = 8, Graph = new GraphProto { Name = "g" } };
        model.OpsetImport.Add(new OperatorSetIdProto { Version = 14 });
        model.Graph.Input.Add(new ValueInfoProto { Name = "X" });
        model.Graph.Initializer.Add(Floats("W", [1, 8, 3]));
        model.Graph.Initializer.Add(Floats("R", [1, 8, 2]));
        model.Graph.Initializer.Add(Floats("B", [1, 16]));
        NodeProto node = Node("LSTM", ["X", "W", "R", "B"], "Y", "Y_h", "Y_c");
        node.Name = "rnn";
        node.Attribute.Add(Integer("hidden_size", 2));
        model.Graph.Node.Add(node);
        change?.Invoke(model);
        return model;
    }

    public static NodeProto Node(string type, string[] inputs, params string[] outputs)
    {
        var node = new NodeProto { OpType = type };
        node.Input.AddRange(inputs);
        node.Output.AddRange(outputs);
        return node;
    }

    public static float Value(int i) => (i * 37 % 101 - 50) / 100f;

    public static TensorProto Floats(string name, long[] shape)
    {
        int count = (int)shape.Aggregate(1L, (a, b) => a * b);
        var tensor = new TensorProto { Name = name, DataType = 1, RawData = ByteString.CopyFrom([.. Enumerable.Range(0, count).SelectMany(i => BitConverter.GetBytes(Value(i)))]) };
        tensor.Dims.AddRange(shape);
        return tensor;
    }

    public static TensorProto Longs(string name, params long[] values)
    {
        var tensor = new TensorProto { Name = name, DataType = 7 };
        tensor.Dims.Add(values.Length);
        tensor.Int64Data.AddRange(values);
        return tensor;
    }

    public static AttributeProto Integer(string name, long value) => new() { Name = name, I = value, Type = 2 };

    public static AttributeProto Ints(string name, params long[] values)
    {
        var attribute = new AttributeProto { Name = name, Type = 7 };
        attribute.Ints.AddRange(values);
        return attribute;
    }

    public static AttributeProto Float(string name, float value) => new() { Name = name, F = value, Type = 1 };

    public static AttributeProto Floats(string name, params float[] values)
    {
        var attribute = new AttributeProto { Name = name, Type = 6 };
        attribute.Floats.AddRange(values);
        return attribute;
    }

    public static AttributeProto Text(string name, string value) => new() { Name = name, S = ByteString.CopyFromUtf8(value), Type = 3 };

    public static AttributeProto Texts(string name, params string[] values)
    {
        var attribute = new AttributeProto { Name = name, Type = 8 };
        attribute.Strings.AddRange(values.Select(ByteString.CopyFromUtf8));
        return attribute;
    }

    public static AttributeProto Graph(string name, GraphProto graph) => new() { Name = name, G = graph, Type = 5 };

    public static NodeProto With(this NodeProto node, params AttributeProto[] attributes)
    {
        foreach (AttributeProto attribute in attributes)
        {
            foreach (AttributeProto old in node.Attribute.Where(a => a.Name == attribute.Name).ToArray())
                node.Attribute.Remove(old);
            node.Attribute.Add(attribute);
        }

        return node;
    }

    public static OnnxModel Load(this ModelProto model, OnnxReadOptions? options = null) => OnnxModel.Read(model.ToByteArray(), "m.onnx", options);

    public static NodeProto Rnn(this ModelProto model) => model.Graph.Node.Single(n => n.OpType is "LSTM" or "GRU" or "RNN");

    public static TensorProto Stored(this ModelProto model, string name) => model.Graph.Initializer.Single(t => t.Name == name);
}
