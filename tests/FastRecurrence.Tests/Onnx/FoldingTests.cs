using FastRecurrence.Onnx;
using FastRecurrence.Onnx.Proto;
using FastRecurrence.TestKit.Models;
using Google.Protobuf;
using static FastRecurrence.TestKit.Models.TinyModel;

namespace FastRecurrence.Tests.Onnx;

/// <summary>Weights behind the operators of exporters, converters and quantisers; and which initial states are zero.</summary>
public sealed class FoldingTests
{
    private static float[] Stored => [.. Enumerable.Range(0, 24).Select(Value)];

    private static void Add(ModelProto model, TensorProto tensor) => model.Graph.Initializer.Add(tensor);

    private static TensorProto Tensor(string name, int type, long[] shape, byte[] data)
    {
        var tensor = new TensorProto { Name = name, DataType = type, RawData = ByteString.CopyFrom(data) };
        tensor.Dims.AddRange(shape);
        return tensor;
    }

    private static TensorProto Real(string name, long[] shape, params float[] values) => Tensor(name, 1, shape, [.. values.SelectMany(BitConverter.GetBytes)]);

    /// <summary>W as the node sees it, i.e. our input weights with ONNX' gate order, from nodes that write <c>W2</c>.</summary>
    private static float[] Folded(Action<ModelProto> change)
    {
        ModelProto model = Lstm(m =>
        {
            change(m);
            m.Rnn().Input[1] = "W2";
        });
        float[] ours = model.Load().RequireLayers()[0].ReadWeights()[0].InputWeights.ToArray();
        return [.. ours[..6], .. ours[18..24], .. ours[6..12], .. ours[12..18]]; // i, f, g, o to i, o, f, c
    }

    [Theory]
    [InlineData(1)] // float16 and back
    [InlineData(10)]
    [InlineData(16)]
    [InlineData(11)]
    public void A_cast_rounds_once_and_widens_exactly(int through)
    {
        float[] found = Folded(m => m.Graph.Node.AddRange(
        [
            Node("Cast", ["W"], "narrow").With(Integer("to", through)),
            Node("Cast", ["narrow"], "W2").With(Integer("to", 1)),
        ]));
        float[] expected = through switch
        {
            10 => [.. Stored.Select(v => (float)(Half)v)],
            16 => [.. Stored.Select(v => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(v) + 0x7FFF + (BitConverter.SingleToUInt32Bits(v) >> 16 & 1) & 0xFFFF0000))],
            _ => Stored,
        };
        Assert.Equal(expected, found);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Split_by_sizes_or_equally_and_joined_again(bool sizes) => Assert.Equal(Stored, Folded(m =>
    {
        Add(m, Longs("sizes", 5, 3));
        string[] inputs = sizes ? ["W", "sizes"] : ["W"];
        m.Graph.Node.Add(Node("Split", inputs, "a", "b").With(Integer("axis", 1)));
        m.Graph.Node.Add(Node("Concat", ["a", "b"], "W2").With(Integer("axis", 1)));
    }));

    [Fact]
    public void Gather_reorders_gates() => Assert.Equal(Stored, Folded(m =>
    {
        float[] swapped = [.. Stored[12..], .. Stored[..12]];
        m.Graph.Initializer.Remove(m.Stored("W"));
        Add(m, Real("W", [1, 8, 3], swapped));
        Add(m, Longs("order", 4, 5, -2, 7, 0, 1, 2, -5));
        m.Graph.Node.Add(Node("Gather", ["W", "order"], "W2").With(Integer("axis", 1)));
    }));

    [Fact]
    public void Flatten_tile_expand_and_shape()
    {
        Assert.Equal(Stored, Folded(m =>
        {
            m.Graph.Node.Add(Node("Flatten", ["W"], "flat").With(Integer("axis", -1)));
            m.Graph.Node.Add(Node("Shape", ["W"], "shape"));
            m.Graph.Node.Add(Node("Reshape", ["flat", "shape"], "W2"));
        }));
        float[] row = [1, 2, 3], repeated = [.. Enumerable.Repeat(row, 8).SelectMany(r => r)];
        Assert.Equal(repeated, Folded(m =>
        {
            Add(m, Real("row", [1, 1, 3], row));
            Add(m, Longs("times", 1, 8, 1));
            m.Graph.Node.Add(Node("Tile", ["row", "times"], "W2"));
        }));
        Assert.Equal(repeated, Folded(m =>
        {
            Add(m, Real("row", [3], row));
            Add(m, Longs("full", 1, 8, 3));
            m.Graph.Node.Add(Node("Expand", ["row", "full"], "W2"));
        }));
    }

    [Theory]
    [InlineData("Add")]
    [InlineData("Sub")]
    [InlineData("Mul")]
    [InlineData("Div")]
    public void Arithmetic_is_that_of_floats_and_broadcasts(string operation)
    {
        float[] by = [0.3f, -1.7f, 3f];
        float Result(float v, int i) => operation switch { "Add" => v + by[i % 3], "Sub" => v - by[i % 3], "Mul" => v * by[i % 3], _ => v / by[i % 3] };
        Assert.Equal([.. Stored.Select(Result)], Folded(m =>
        {
            Add(m, Real("by", [3], by));
            m.Graph.Node.Add(Node(operation, ["W", "by"], "W2"));
        }));
    }

    [Theory]
    [InlineData("tensor")]
    [InlineData("axis")]
    [InlineData("block")]
    public void Dequantised_weights_are_one_product_each(string how)
    {
        sbyte[] q = [.. Enumerable.Range(0, 24).Select(i => (sbyte)(i * 11 - 128))];
        float[] scales = how switch { "tensor" => [0.013f], "axis" => [.. Enumerable.Range(1, 8).Select(i => i * 0.007f)], _ => [.. Enumerable.Range(1, 12).Select(i => i * 0.007f)] };
        sbyte[] zeros = [.. scales.Select((_, i) => (sbyte)(i - 3))];
        int Place(int i) => how switch { "tensor" => 0, "axis" => i / 3, _ => i / 6 * 3 + i % 3 };
        float[] found = Folded(m =>
        {
            Add(m, Tensor("q", 3, [1, 8, 3], [.. q.Select(v => (byte)v)]));
            long[] shape = how switch { "tensor" => [], "axis" => [8], _ => [1, 4, 3] };
            Add(m, Real("scale", shape, scales));
            Add(m, Tensor("zero", 3, shape, [.. zeros.Select(v => (byte)v)]));
            NodeProto node = Node("DequantizeLinear", ["q", "scale", "zero"], "W2");
            m.Graph.Node.Add(how == "block" ? node.With(Integer("axis", 1), Integer("block_size", 2)) : node.With(Integer("axis", 1)));
        });
        Assert.Equal([.. q.Select((v, i) => (v - zeros[Place(i)]) * scales[Place(i)])], found);
    }

    [Fact]
    public void Quantised_clipped_and_dequantised_again() => Assert.Equal(
        [.. Stored.Select(v => Math.Clamp((float)Math.Round(v / 0.02f, MidpointRounding.ToEven), -20, 20) * 0.02f)],
        Folded(m =>
        {
            Add(m, Real("scale", [], 0.02f));
            Add(m, Tensor("zero", 3, [], [0]));
            Add(m, Tensor("low", 3, [], [unchecked((byte)-20)]));
            Add(m, Tensor("high", 3, [], [20]));
            m.Graph.Node.Add(Node("QuantizeLinear", ["W", "scale", "zero"], "q"));
            m.Graph.Node.Add(Node("Clip", ["q", "low", "high"], "c"));
            m.Graph.Node.Add(Node("DequantizeLinear", ["c", "scale", "zero"], "W2"));
        }));

    [Fact]
    public void Types_that_are_not_read_refuse_the_node_alone()
    {
        OnnxModel model = Lstm(m =>
        {
            Add(m, Tensor("q", 22, [1, 8, 3], new byte[12])); // int4
            Add(m, Real("scale", [], 1));
            m.Graph.Node.Add(Node("DequantizeLinear", ["q", "scale"], "W3"));
            m.Graph.Node.Add(Node("LSTM", ["X", "W3", "R"], "Y3"));
        }).Load();
        Assert.NotNull(model.RecurrentNodes[0].Layer);
        Assert.Contains("int4", model.RecurrentNodes[1].Refusal, StringComparison.Ordinal);
    }

    private static OnnxLayer WithState(string name, Action<ModelProto> change, long version = 8) => Lstm(m =>
    {
        m.IrVersion = version;
        m.Rnn().Input.AddRange(["", name]);
        m.Graph.Input.Add(new ValueInfoProto { Name = "given" });
        Add(m, Real("zeros", [1, 1, 2], 0, -0f));
        Add(m, Real("numbers", [1, 1, 2], 0, 1e-30f));
        Add(m, Longs("at", 1));
        m.Graph.Node.Add(Node("Shape", ["X"], "shape"));
        m.Graph.Node.Add(Node("ConstantOfShape", ["shape"], "open"));
        change(m);
    }).Load().RequireLayers()[0];

    public static TheoryData<string, string[], bool> States => new()
    {
        { "Identity", ["zeros"], false },
        { "Identity", ["numbers"], true },
        { "Identity", ["given"], true },
        { "Tile", ["zeros", "shape"], false },
        { "Tile", ["numbers", "shape"], true },
        { "Tile", ["given", "open"], true },
        { "Expand", ["zeros", "shape"], false },
        { "Expand", ["open", "shape"], false },
        { "Expand", ["given", "shape"], true },
        { "Reshape", ["open", "shape"], false },
        { "Reshape", ["numbers", "open"], true },
        { "Reshape", ["given", "open"], true },
        { "Slice", ["given", "open", "open"], true },
        { "Slice", ["numbers", "open", "at"], true },
        { "Slice", ["open", "at", "shape"], false },
        { "Gather", ["open", "shape"], false },
        { "Gather", ["given", "open"], true },
        { "Gather", ["numbers", "open"], true },
        { "Concat", ["open", "zeros"], false },
        { "Concat", ["open", "given"], true },
        { "Concat", ["given", "open"], true },
        { "Concat", ["open", "numbers"], true },
        { "Cast", ["open"], false },
        { "Cast", ["given"], true },
        { "Mul", ["open", "numbers"], false },
        { "Mul", ["open", "given"], true }, // NaN · 0
        { "Add", ["open", "zeros"], false },
        { "Add", ["open", "numbers"], true },
        { "Split", ["open"], false },
        { "Sigmoid", ["open"], true },
    };

    [Theory]
    [MemberData(nameof(States))]
    public void A_state_is_zero_only_when_its_data_are(string operation, string[] inputs, bool given) =>
        Assert.Equal(given, WithState("h", m =>
        {
            NodeProto node = Node(operation, inputs, "h");
            if (operation is "Concat" or "Gather" or "Split")
                node.Attribute.Add(Integer("axis", 0));
            if (operation == "Cast")
                node.Attribute.Add(Integer("to", 1));
            m.Graph.Node.Add(node);
        }).HasInitialState);

    [Fact]
    public void An_input_with_a_default_of_zeros_may_be_given_but_early_files_list_all_constants_as_inputs()
    {
        void Listed(ModelProto m) => m.Graph.Input.Add(new ValueInfoProto { Name = "zeros" });
        Assert.True(WithState("zeros", Listed).HasInitialState);
        Assert.False(WithState("zeros", Listed, version: 3).HasInitialState);
        Assert.False(WithState("zeros", _ => { }).HasInitialState);
    }

    [Fact]
    public void A_newer_opset_is_taken_with_a_warning_unless_strict()
    {
        ModelProto newer = Lstm(m => m.OpsetImport[0].Version = 28), known = Lstm(m => m.OpsetImport[0].Version = 27);
        Assert.Contains("opset 28", Assert.Single(newer.Load().RequireLayers()[0].Warnings), StringComparison.Ordinal);
        Assert.Empty(known.Load(new OnnxReadOptions { Strict = true }).RequireLayers()[0].Warnings);
        Assert.Throws<NotSupportedException>(() => newer.Load(new OnnxReadOptions { Strict = true }));
        newer.Rnn().Attribute.Add(Integer("new_one", 1));
        Assert.Throws<ModelFormatException>(() => newer.Load());
    }

    [Theory]
    [InlineData("TFL3", "TensorFlow Lite")]
    [InlineData("ORTM", "ONNX Runtime")]
    [InlineData("PTMF", "PyTorch Mobile")]
    [InlineData("ET12", "ExecuTorch")]
    public void Flat_buffers_are_named(string mark, string says) => Assert.Contains(says, Assert.Throws<ModelFormatException>(
        () => OnnxModel.Read([0x1C, 0, 0, 0, .. System.Text.Encoding.ASCII.GetBytes(mark), 0, 0, 0, 0])).Message, StringComparison.Ordinal);

    [Fact]
    public void Other_formats_are_named()
    {
        void Named(string says, params byte[] start) =>
            Assert.Contains(says, Assert.Throws<ModelFormatException>(() => OnnxModel.Read([.. start, .. new byte[32]])).Message, StringComparison.Ordinal);
        Named("GGUF", [.. "GGUF"u8, 3]);
        Named("NumPy", [0x93, .. "NUMPY"u8, 1, 0]);
        Named("gzip", 0x1F, 0x8B);
        Named("safetensors", 16, 0, 0, 0, 0, 0, 0, 0, (byte)'{', (byte)'}');
        Named("XML", [.. "<?xml version"u8]);

        // specificationVersion 4, a description with one input, and field 500, the neural network.
        byte[] coreMl = [0x08, 4, 0x12, 4, 0x0A, 2, 0x0A, 0, 0xA2, 0x1F, 2, 0x0A, 0];
        Assert.Contains("Core ML", Assert.Throws<ModelFormatException>(() => OnnxModel.Read(coreMl)).Message, StringComparison.Ordinal);
    }
}
