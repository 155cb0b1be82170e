using System.Runtime.InteropServices;
using System.Text;

namespace FastRecurrence.Bench.Peers;

/// <summary>
/// Writes the ONNX model of one layer: a single LSTM or RNN node with its weights as initialisers. Protocol buffers by hand,
/// since a model this small needs five message types; field numbers are those of onnx.proto.
/// </summary>
internal static class OnnxModelWriter
{
    /// <summary>A model with inputs X, initial_h (and initial_c) and outputs Y, Y_h (and Y_c).</summary>
    public static byte[] Write(LayerWeights weights)
    {
        LayerShape shape = weights.Shape;
        bool lstm = shape.Cell == CellKind.Lstm;
        int G = shape.GateCount, H = shape.HiddenSize, I = shape.InputSize;
        int[] order = lstm ? [0, 3, 1, 2] : [0]; // ONNX: i, o, f, c
        float[] bias = [.. Blocks(weights.Bias, order, H), .. new float[G * H]];

        string[] inputs = ["X", "W", "R", "B", "", "initial_h", .. lstm ? ["initial_c"] : Array.Empty<string>()];
        string[] outputs = ["Y", "Y_h", .. lstm ? ["Y_c"] : Array.Empty<string>()];
        Message node = new Message().Strings(1, inputs).Strings(2, outputs).String(4, lstm ? "LSTM" : "RNN")
            .Add(5, new Message().String(1, "hidden_size").Integer(3, H).Integer(20, 2));

        var graph = new Message().Add(1, node).String(2, "layer")
            .Add(5, Tensor("W", Blocks(weights.InputWeights, order, H * I), 1, G * H, I))
            .Add(5, Tensor("R", Blocks(weights.RecurrentWeights, order, H * H), 1, G * H, H))
            .Add(5, Tensor("B", bias, 1, 2 * G * H))
            .Add(11, Value("X", I));
        foreach (string state in lstm ? (string[])["initial_h", "initial_c"] : ["initial_h"])
            graph.Add(11, Value(state, H));
        foreach (string output in outputs)
            graph.Add(12, new Message().String(1, output).Add(2, new Message().Add(1, new Message().Integer(1, 1))));

        return new Message().Integer(1, 8).Add(7, graph).Add(8, new Message().String(1, "").Integer(2, 14)).ToArray();
    }

    /// <summary>The gate blocks of a matrix in another order.</summary>
    private static float[] Blocks(ReadOnlySpan<float> values, int[] order, int blockSize)
    {
        var result = new float[values.Length];
        for (int i = 0; i < order.Length; i++)
            values.Slice(order[i] * blockSize, blockSize).CopyTo(result.AsSpan(i * blockSize));
        return result;
    }

    private static Message Tensor(string name, float[] values, params long[] dimensions)
    {
        var tensor = new Message();
        foreach (long dimension in dimensions)
            tensor.Integer(1, dimension);
        return tensor.Integer(2, 1).String(8, name).Bytes(9, MemoryMarshal.AsBytes(values.AsSpan()));
    }

    /// <summary>A float tensor <c>[?, ?, features]</c>.</summary>
    private static Message Value(string name, int features)
    {
        Message Unknown(string symbol) => new Message().String(2, symbol);
        Message shape = new Message().Add(1, Unknown("a_" + name)).Add(1, Unknown("b_" + name)).Add(1, new Message().Integer(1, features));
        return new Message().String(1, name).Add(2, new Message().Add(1, new Message().Integer(1, 1).Add(2, shape)));
    }

    private sealed class Message
    {
        private readonly List<byte> _bytes = [];

        public Message Integer(int field, long value)
        {
            Varint((ulong)field << 3);
            Varint((ulong)value);
            return this;
        }

        public Message String(int field, string text) => Bytes(field, Encoding.UTF8.GetBytes(text));

        public Message Strings(int field, IEnumerable<string> texts)
        {
            foreach (string text in texts)
                String(field, text);
            return this;
        }

        public Message Add(int field, Message message) => Bytes(field, message.ToArray());

        public Message Bytes(int field, ReadOnlySpan<byte> bytes)
        {
            Varint((ulong)field << 3 | 2);
            Varint((ulong)bytes.Length);
            _bytes.AddRange(bytes);
            return this;
        }

        public byte[] ToArray() => [.. _bytes];

        private void Varint(ulong value)
        {
            for (; value > 127; value >>= 7)
                _bytes.Add((byte)(value | 128));
            _bytes.Add((byte)value);
        }
    }
}
