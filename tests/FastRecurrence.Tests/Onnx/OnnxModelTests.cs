using FastRecurrence.Import;
using FastRecurrence.Onnx;
using FastRecurrence.Onnx.Proto;
using FastRecurrence.TestKit.Models;
using Google.Protobuf;
using static FastRecurrence.TestKit.Models.TinyModel;

namespace FastRecurrence.Tests.Onnx;

/// <summary>Where recurrent nodes are found, what folds, and what attributes mean.</summary>
public sealed class OnnxModelTests
{
    private static LayerWeights Plain => Lstm().Load().RequireLayers()[0].ReadWeights()[0];

    private static void AssertSame(LayerWeights expected, LayerWeights actual)
    {
        Assert.Equal(expected.Shape, actual.Shape);
        Assert.Equal(expected.InputWeights, actual.InputWeights);
        Assert.Equal(expected.RecurrentWeights, actual.RecurrentWeights);
        Assert.Equal(expected.Bias, actual.Bias);
    }

    [Fact]
    public void A_plain_node()
    {
        LayerWeights weights = Plain;
        Assert.Equal(Value(0), weights.InputWeights[0]); // i is first in both orders
        Assert.Equal(Value(4 * 3), weights.InputWeights[2 * 3]); // our f is their third block
        Assert.Equal((float)((double)Value(4) + Value(12)), weights.Bias[2]); // Wb + Rb
    }

    [Theory]
    [InlineData("If")]
    [InlineData("Loop")]
    [InlineData("Scan")]
    public void Nodes_inside_other_nodes_are_found_and_see_the_names_around_them(string holder)
    {
        OnnxModel model = Lstm(m =>
        {
            NodeProto rnn = m.Rnn();
            m.Graph.Node.Remove(rnn);
            var body = new GraphProto { Name = "body" };
            body.Node.Add(rnn);
            NodeProto outer = Node(holder, ["X"], "out").With(TinyModel.Graph("body", body));
            outer.Name = "h";
            m.Graph.Node.Add(outer);
        }).Load();
        Assert.Equal("h.body/rnn", Assert.Single(model.RecurrentNodes).Path);
        AssertSame(Plain, model.RequireLayers()[0].ReadWeights()[0]);
    }

    [Fact]
    public void Functions_are_looked_into_at_every_call_with_its_arguments_and_attributes()
    {
        OnnxModel model = Lstm(m =>
        {
            NodeProto rnn = m.Rnn();
            m.Graph.Node.Remove(rnn);
            m.OpsetImport.Add(new OperatorSetIdProto { Domain = "local", Version = 1 });
            var function = new FunctionProto { Name = "Cell", Domain = "local" };
            function.Input.AddRange(["x", "w", "r", "b"]);
            function.Attribute.Add("dir");
            function.OpsetImport.Add(new OperatorSetIdProto { Version = 14 });
            NodeProto inner = Node("LSTM", ["x", "w", "r", "b"], "y");
            inner.Attribute.Add(new AttributeProto { Name = "direction", RefAttrName = "dir", Type = 3 });
            function.Node.Add(inner);
            m.Functions.Add(function);
            foreach (string direction in (string[])["forward", "reverse"])
            {
                NodeProto call = Node("Cell", ["X", "W", "R", "B"], direction).With(Text("dir", direction));
                call.Domain = "local";
                m.Graph.Node.Add(call);
            }
        }).Load();
        Assert.Equal([Direction.Forward, Direction.Reverse], model.RequireLayers().Select(l => l.Direction));
        AssertSame(Plain, model.RequireLayers()[1].ReadWeights()[0]);
    }

    [Fact]
    public void A_function_that_calls_itself_is_refused() =>
        Assert.Contains("circle", Assert.Throws<ModelFormatException>(() => Lstm(m =>
        {
            var function = new FunctionProto { Name = "F", Domain = "local" };
            NodeProto again = Node("F", [], "y");
            again.Domain = "local";
            function.Node.Add(again);
            function.Node.Add(new NodeProto(again) { Output = { "z" } });
            function.Node[1].Output.RemoveAt(0);
            m.Functions.Add(function);
            NodeProto call = Node("F", [], "f");
            call.Domain = "local";
            m.Graph.Node.Add(call);
        }).Load()).Message);

    /// <summary>W behind every operator that folds, in the shapes exporters write.</summary>
    [Theory]
    [InlineData("identity")]
    [InlineData("transpose")]
    [InlineData("unsqueeze-attribute")]
    [InlineData("unsqueeze-input")]
    [InlineData("squeeze")]
    [InlineData("slice-concat")]
    [InlineData("slice-attributes")]
    [InlineData("constant")]
    [InlineData("reshape")]
    [InlineData("listed-as-input")]
    public void Constant_weights_fold(string how)
    {
        ModelProto model = Lstm(m =>
        {
            TensorProto w = m.Stored("W");
            void Replace(params NodeProto[] nodes)
            {
                nodes[^1].Output[0] = "W2";
                m.Rnn().Input[1] = "W2";
                for (int i = nodes.Length - 1; i >= 0; i--)
                    m.Graph.Node.Insert(0, nodes[i]);
            }

            void Reshape(params long[] shape)
            {
                w.Dims.Clear();
                w.Dims.AddRange(shape);
            }

            switch (how)
            {
                case "identity": Replace(Node("Identity", ["W"], "?")); break;
                case "transpose":
                    w.RawData = ByteString.CopyFrom([.. Enumerable.Range(0, 24).SelectMany(i => BitConverter.GetBytes(Value(i % 8 * 3 + i / 8)))]);
                    Reshape(3, 1, 8);
                    Replace(Node("Transpose", ["W"], "?").With(Ints("perm", 1, 2, 0)));
                    break;
                case "unsqueeze-attribute":
                    m.OpsetImport[0].Version = 11;
                    Reshape(8, 3);
                    Replace(Node("Unsqueeze", ["W"], "?").With(Ints("axes", 0)));
                    break;
                case "unsqueeze-input":
                    Reshape(8, 3);
                    m.Graph.Initializer.Add(Longs("axes", -3));
                    Replace(Node("Unsqueeze", ["W", "axes"], "?"));
                    break;
                case "squeeze":
                    Reshape(1, 1, 8, 3);
                    m.Graph.Initializer.Add(Longs("axes", 1));
                    Replace(Node("Squeeze", ["W", "axes"], "?"));
                    break;
                case "slice-concat":
                    foreach ((string name, long value) in (ReadOnlySpan<(string, long)>)[("zero", 0), ("one", 1), ("five", 5), ("end", long.MaxValue)])
                        m.Graph.Initializer.Add(Longs(name, value));
                    Replace(Node("Slice", ["W", "zero", "five", "one"], "low"), Node("Slice", ["W", "five", "end", "one", "one"], "high"), Node("Concat", ["low", "high"], "?").With(Integer("axis", -2)));
                    break;
                case "slice-attributes":
                    m.OpsetImport[0].Version = 9;
                    m.Graph.Initializer.Remove(w);
                    m.Graph.Initializer.Add(Floats("W", [1, 9, 3])); // one row too many at the end
                    Replace(Node("Slice", ["W"], "?").With(Ints("axes", 1), Ints("starts", 0), Ints("ends", -1)));
                    break;
                case "constant": Replace(Node("Constant", [], "?").With(new AttributeProto { Name = "value", T = w, Type = 4 })); break;
                case "reshape":
                    Reshape(24);
                    m.Graph.Initializer.Add(Longs("shape", 1, -1, 3));
                    Replace(Node("Reshape", ["W", "shape"], "?"));
                    break;
                default: m.Graph.Input.Add(new ValueInfoProto { Name = "W" }); break;
            }
        });
        AssertSame(Plain, model.Load().RequireLayers()[0].ReadWeights()[0]);
    }

    [Fact]
    public void A_file_that_makes_much_of_little_is_refused()
    {
        ModelFormatException e = Assert.Throws<ModelFormatException>(() => Lstm(m =>
        {
            string last = "W";
            for (int i = 0; i < 40; i++)
            {
                m.Graph.Node.Add(Node("Concat", [last, last], $"c{i}").With(Integer("axis", 0)));
                last = $"c{i}";
            }

            m.Rnn().Input[1] = last;
        }).Load());
        Assert.Contains("reasonably", e.Message);
    }

    [Fact]
    public void Initial_states_of_zeros_are_no_state_and_constant_ones_are_kept()
    {
        OnnxLayer zeros = Lstm(m =>
        {
            m.Rnn().Input.AddRange(["", "h0", "h0"]);
            m.Graph.Node.Add(Node("Shape", ["X"], "shape"));
            m.Graph.Node.Add(Node("ConstantOfShape", ["shape"], "h0"));
        }).Load().RequireLayers()[0];
        Assert.False(zeros.HasInitialState || zeros.HasSequenceLengths);

        OnnxLayer constant = Lstm(m =>
        {
            m.Rnn().Input.AddRange(["", "h0"]);
            m.Graph.Initializer.Add(Floats("h0", [1, 1, 2]));
        }).Load().RequireLayers()[0];
        Assert.True(constant.HasInitialState);
        Assert.Equal([Value(0), Value(1)], constant.InitialHidden!.Value.ToArray());
        Assert.Null(constant.InitialCell);
    }

    [Theory]
    [InlineData(10)] // float16 as bits
    [InlineData(16)] // bfloat16 as bits
    [InlineData(11)] // double
    [InlineData(1)] // float_data
    public void Typed_data_of_every_floating_type(int type)
    {
        float[] exact = [.. Enumerable.Range(0, 24).Select(i => (i - 12) / 8f)]; // exact in all of them
        LayerWeights weights = Lstm(m =>
        {
            TensorProto w = m.Stored("W");
            w.ClearRawData();
            w.DataType = type;
            switch (type)
            {
                case 10: w.Int32Data.AddRange(exact.Select(v => (int)BitConverter.HalfToUInt16Bits((Half)v))); break;
                case 16: w.Int32Data.AddRange(exact.Select(v => (int)(BitConverter.SingleToUInt32Bits(v) >> 16))); break;
                case 11: w.DoubleData.AddRange(exact.Select(v => (double)v)); break;
                default: w.FloatData.AddRange(exact); break;
            }
        }).Load().RequireLayers()[0].ReadWeights()[0];
        Assert.Equal(exact[..6], weights.InputWeights[..6].ToArray());
    }

    [Fact]
    public void Alpha_and_beta_go_to_the_functions_that_have_one_and_surplus_is_reported()
    {
        ModelProto model = Lstm(m => m.Rnn().With(Texts("activations", "HardSigmoid", "Tanh", "scaledtanh"), Floats("activation_alpha", 0.3f, 1.5f, 9), Floats("activation_beta", 0.4f, 0.7f)));
        OnnxLayer layer = model.Load().RequireLayers()[0];
        Assert.Equal(new ActivationFunction(Activation.HardSigmoid, 0.3f, 0.4f), layer.Shapes[0].GateActivation);
        Assert.Equal(new ActivationFunction(Activation.ScaledTanh, 1.5f, 0.7f), layer.Shapes[0].CellActivation);
        Assert.Contains("3 values", Assert.Single(layer.Warnings));
        Assert.Throws<ModelFormatException>(() => model.Load(new OnnxReadOptions { Strict = true }));
        Assert.Contains("no beta", Assert.Throws<ModelFormatException>(() => Lstm(m => m.Rnn().With(Texts("activations", "Affine", "Tanh", "Tanh"), Floats("activation_alpha", 1))).Load()).Message);
        Assert.Contains("has 2 entries", Assert.Throws<ModelFormatException>(() => Lstm(m => m.Rnn().With(Texts("activations", "Tanh", "Tanh"))).Load()).Message);
    }

    [Theory]
    [InlineData("clip", 0f, "clip is 0")]
    [InlineData("clip", float.NaN, "clip is NaN")]
    [InlineData("input_forget", 2f, "input_forget is 2")]
    [InlineData("linear_before_reset", 1f, "none of LSTM")]
    [InlineData("layout", 2f, "layout is 2")]
    public void Impossible_attributes(string name, float value, string says) =>
        Assert.Contains(says, Assert.Throws<ModelFormatException>(() => Lstm(m => m.Rnn().With(name == "clip" ? Float(name, value) : Integer(name, (long)value))).Load()).Message);

    [Fact]
    public void An_infinite_clip_is_none_and_layout_came_with_opset_14()
    {
        Assert.Equal(float.PositiveInfinity, Lstm(m => m.Rnn().With(Float("clip", float.PositiveInfinity))).Load().RequireLayers()[0].Shapes[0].Clip);
        Assert.Contains("none of LSTM (opset 13)", Assert.Throws<ModelFormatException>(() => Lstm(m =>
        {
            m.OpsetImport[0].Version = 13;
            m.Rnn().With(Integer("layout", 0));
        }).Load()).Message);
        for (int opset = 7; opset <= 22; opset++)
            Assert.Single(Lstm(m => m.OpsetImport[0].Version = opset).Load().RequireLayers());
    }

    [Fact]
    public void External_data_stay_in_the_models_folder()
    {
        DirectoryInfo root = Directory.CreateTempSubdirectory();
        try
        {
            string folder = root.CreateSubdirectory("model").FullName, path = Path.Combine(folder, "m.onnx");
            byte[] data = [.. new byte[4], .. Floats("W", [1, 8, 3]).RawData];
            File.WriteAllBytes(Path.Combine(root.FullName, "outside.bin"), data);
            Directory.CreateDirectory(Path.Combine(folder, "sub"));
            File.WriteAllBytes(Path.Combine(folder, "sub", "w.bin"), data);
            File.CreateSymbolicLink(Path.Combine(folder, "link.bin"), Path.Combine(root.FullName, "outside.bin"));
            File.CreateSymbolicLink(Path.Combine(folder, "linked"), root.FullName);
            File.CreateSymbolicLink(Path.Combine(folder, "inner.bin"), Path.Combine("sub", "w.bin"));

            IReadOnlyList<OnnxLayer> Read(string location, string offset = "4", string length = "96")
            {
                File.WriteAllBytes(path, Lstm(m =>
                {
                    TensorProto w = m.Stored("W");
                    w.ClearRawData();
                    w.DataLocation = 1;
                    foreach ((string key, string value) in (ReadOnlySpan<(string, string)>)[("location", location), ("offset", offset), ("length", length)])
                        w.ExternalData.Add(new StringStringEntryProto { Key = key, Value = value });
                }).ToByteArray());
                return OnnxModel.Load(path).RequireLayers();
            }

            AssertSame(Plain, Read("sub/w.bin")[0].ReadWeights()[0]);
            AssertSame(Plain, Read("inner.bin")[0].ReadWeights()[0]);
            void Refused(string says, string location, string offset = "4", string length = "96") =>
                Assert.Contains(says, Assert.Throws<ModelFormatException>(() => Read(location, offset, length)).Message);
            foreach (string location in (string[])["../outside.bin", "sub/../../outside.bin", "/etc/passwd", @"C:\Windows\win.ini", @"..\outside.bin", @"\\host\share", Path.Combine(root.FullName, "outside.bin")])
                Refused("only paths inside the model's folder", location);
            Refused("through a link", "link.bin");
            Refused("through a link", "linked/outside.bin");
            Refused("missing", "none.bin");
            Refused("without a location", "");
            Refused("at 5, but", "sub/w.bin", "5");
            Refused("at 18446744073709551615", "sub/w.bin", "18446744073709551615");
            Refused("sizes hold 96", "sub/w.bin", "0", "95");
            Refused("no whole number", "sub/w.bin", "-4");
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }

    [Fact]
    public void Initialisers_are_a_tensor_source()
    {
        OnnxModel model = Lstm().Load();
        Assert.Equal([8, 3], model.Initializers["W"].Shape.Skip(1));
        Assert.Equal(Value(5), model.Initializers.ReadFloats("W")[5]);
        Assert.Throws<ModelFormatException>(() => model.Initializers.ReadFloats("Q"));
    }
}
