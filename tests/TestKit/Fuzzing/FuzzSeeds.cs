using FastRecurrence.Import;
using FastRecurrence.Onnx.Proto;
using Google.Protobuf;

namespace FastRecurrence.TestKit.Fuzzing;

/// <summary>Valid files, small and rich, from which the fuzzer starts.</summary>
internal static class FuzzSeeds
{
    /// <summary>A bidirectional stack and a GRU behind another prefix, with metadata.</summary>
    public static byte[] Safetensors()
    {
        LayerWeights Weights(LayerShape shape) => LayerWeights.Random(shape, 1);
        MemoryTensors tensors = PyTorchWeights.Export(
        [
            StackLayer.Bidirectional(Weights(LayerShape.Lstm(2, 3)), Weights(LayerShape.Lstm(2, 3))),
            StackLayer.Bidirectional(Weights(LayerShape.Lstm(6, 3)), Weights(LayerShape.Lstm(6, 3))),
        ], "a.");
        tensors.Add("scale", [], [1]);
        using var stream = new MemoryStream();
        SafetensorsWriter.Write(stream, tensors, new Dictionary<string, string> { ["format"] = "pt" });
        return stream.ToArray();
    }

    /// <summary>An LSTM inside an If whose W is Unsqueeze(Concat(Slice, Slice)) of a stored tensor, a GRU with typed data, an RNN in a function.</summary>
    public static byte[] Onnx()
    {
        var model = new ModelProto { IrVersion = 8, ProducerName = "fuzz", Graph = new GraphProto { Name = "g" } };
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 17 });
        model.OpsetImport.Add(new OperatorSetIdProto { Domain = "local", Version = 1 });
        GraphProto graph = model.Graph;
        graph.Input.Add(new ValueInfoProto { Name = "X" });
        graph.Input.Add(new ValueInfoProto { Name = "cond" });
        graph.Initializer.Add(Raw("stored", [8, 3], 24));
        graph.Initializer.Add(Raw("R", [1, 8, 2], 16));
        graph.Initializer.Add(Integers("zero", 0));
        graph.Initializer.Add(Integers("four", 4));
        graph.Initializer.Add(Integers("eight", 8));
        graph.Node.Add(Node("Slice", ["stored", "zero", "four", "zero"], ["low"]));
        graph.Node.Add(Node("Slice", ["stored", "four", "eight", "zero"], ["high"]));
        NodeProto concat = Node("Concat", ["low", "high"], ["joined"]);
        concat.Attribute.Add(new AttributeProto { Name = "axis", I = 0, Type = 2 });
        graph.Node.Add(concat);
        graph.Node.Add(Node("Unsqueeze", ["joined", "zero"], ["W"]));

        var branch = new GraphProto { Name = "then" };
        NodeProto lstm = Node("LSTM", ["X", "W", "R"], ["Y", "Y_h"]);
        lstm.Attribute.Add(new AttributeProto { Name = "hidden_size", I = 2, Type = 2 });
        var activations = new AttributeProto { Name = "activations", Type = 8 };
        activations.Strings.AddRange(((string[])["HardSigmoid", "Tanh", "Elu"]).Select(ByteString.CopyFromUtf8));
        lstm.Attribute.Add(activations);
        var alpha = new AttributeProto { Name = "activation_alpha", Type = 6 };
        alpha.Floats.AddRange([0.2f, 1f]);
        lstm.Attribute.Add(alpha);
        branch.Node.Add(lstm);
        branch.Output.Add(new ValueInfoProto { Name = "Y" });
        NodeProto choice = Node("If", ["cond"], ["out"]);
        choice.Attribute.Add(new AttributeProto { Name = "then_branch", G = branch, Type = 5 });
        graph.Node.Add(choice);

        var typed = new TensorProto { Name = "gru_r", DataType = 10 };
        typed.Dims.AddRange([1, 6, 2]);
        typed.Int32Data.AddRange(Enumerable.Repeat(0x3800, 12));
        graph.Initializer.Add(typed);
        graph.Initializer.Add(Raw("gru_w", [1, 6, 3], 18));
        graph.Node.Add(Node("GRU", ["X", "gru_w", "gru_r"], ["gy"]));

        var function = new FunctionProto { Name = "Rnn", Domain = "local" };
        function.Input.AddRange(["x", "w", "r"]);
        function.Output.Add("y");
        function.OpsetImport.Add(new OperatorSetIdProto { Domain = "", Version = 17 });
        function.Node.Add(Node("RNN", ["x", "w", "r"], ["y"]));
        model.Functions.Add(function);
        graph.Initializer.Add(Raw("rnn_w", [1, 2, 3], 6));
        graph.Initializer.Add(Raw("rnn_r", [1, 2, 2], 4));
        NodeProto call = Node("Rnn", ["X", "rnn_w", "rnn_r"], ["ry"]);
        call.Domain = "local";
        graph.Node.Add(call);
        graph.Output.Add(new ValueInfoProto { Name = "out" });
        return model.ToByteArray();
    }

    /// <summary>A saved state of <paramref name="stack"/>.</summary>
    public static byte[] State(RecurrentStack stack)
    {
        using StackState state = stack.CreateState(2);
        return state.Save();
    }

    private static NodeProto Node(string type, string[] inputs, string[] outputs)
    {
        var node = new NodeProto { OpType = type };
        node.Input.AddRange(inputs);
        node.Output.AddRange(outputs);
        return node;
    }

    private static TensorProto Raw(string name, long[] shape, int count)
    {
        float[] values = [.. Enumerable.Range(0, count).Select(i => (i % 7 - 3) / 8f)];
        var tensor = new TensorProto { Name = name, DataType = 1, RawData = ByteString.CopyFrom([.. values.SelectMany(BitConverter.GetBytes)]) };
        tensor.Dims.AddRange(shape);
        return tensor;
    }

    private static TensorProto Integers(string name, long value)
    {
        var tensor = new TensorProto { Name = name, DataType = 7 };
        tensor.Dims.Add(1);
        tensor.Int64Data.Add(value);
        return tensor;
    }
}
