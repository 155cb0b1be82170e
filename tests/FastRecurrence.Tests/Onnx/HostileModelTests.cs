using FastRecurrence.Onnx;
using FastRecurrence.Onnx.Proto;
using FastRecurrence.TestKit.Fuzzing;
using FastRecurrence.TestKit.Models;
using Google.Protobuf;
using static FastRecurrence.TestKit.Models.TinyModel;

namespace FastRecurrence.Tests.Onnx;

/// <summary>Small files made to take much: each is refused or read within the fuzzer's limits, two seconds and 4 times its bytes + 16 MiB.</summary>
public sealed class HostileModelTests
{
    private static void Bounded(byte[] bytes, bool? accepted = null)
    {
        using var fuzzer = new Fuzzer();
        Assert.Null(fuzzer.Try("onnx", bytes, out bool taken));
        if (accepted is { } expected)
            Assert.Equal(expected, taken);
    }

    private static NodeProto Local(NodeProto node)
    {
        node.Domain = "local";
        return node;
    }

    private static FunctionProto Function(string name, IEnumerable<NodeProto> nodes)
    {
        var function = new FunctionProto { Name = name, Domain = "local" };
        function.Input.Add("x");
        function.OpsetImport.Add(new OperatorSetIdProto { Version = 14 });
        function.Node.AddRange(nodes);
        return function;
    }

    [Theory]
    [InlineData("Identity", 10_000, true)]
    [InlineData("Loop", 2_000, true)]
    [InlineData("LSTM", 1_000, false)] // ten million recurrent nodes
    public void Ten_thousand_calls_of_a_long_function(string type, int length, bool accepted) => Bounded(Lstm(m =>
    {
        string[] inputs = type == "LSTM" ? ["x", "x", "x"] : ["x"];
        m.Functions.Add(Function("F", Enumerable.Range(0, length).Select(i => Node(type, inputs, $"n{i}"))));
        for (int i = 0; i < 10_000; i++)
            m.Graph.Node.Add(Local(Node("F", ["X"], $"f{i}")));
    }).ToByteArray(), accepted);

    [Fact]
    public void Functions_that_double_their_calls_thirty_times() => Bounded(Lstm(m =>
    {
        m.Functions.Add(Function("F0", [Node("LSTM", ["x", "x", "x"], "y")]));
        for (int k = 1; k < 30; k++)
            m.Functions.Add(Function($"F{k}", [Local(Node($"F{k - 1}", ["x"], "a")), Local(Node($"F{k - 1}", ["x"], "b"))]));
        m.Graph.Node.Add(Local(Node("F29", ["X"], "f")));
    }).ToByteArray(), accepted: false);

    [Fact]
    public void Look_alikes_are_counted_and_not_listed_without_end()
    {
        OnnxModel model = Lstm(m =>
        {
            for (int i = 0; i < 5000; i++)
                m.Graph.Node.Add(Node("Loop", ["X"], $"l{i}"));
        }).Load();
        Assert.Equal(101, model.LookAlikes.Count);
        Assert.Equal("4900 more of such nodes and graphs", model.LookAlikes[100]);
    }

    [Fact]
    public void Attributes_are_handed_on_from_function_to_function_and_have_defaults()
    {
        static NodeProto Handing(NodeProto node, string name, string from, int type)
        {
            node.Attribute.Add(new AttributeProto { Name = name, RefAttrName = from, Type = type });
            return node;
        }

        OnnxModel model = Lstm(m =>
        {
            m.Graph.Node.Clear();
            FunctionProto inner = Function("Inner", [Handing(Node("LSTM", ["x", "w", "r"], "y"), "direction", "dir", 3)]);
            inner.Attribute.Add("dir");
            FunctionProto outer = Function("Outer", [Local(Handing(Node("Inner", ["x", "w", "r"], "y"), "dir", "way", 3))]);
            outer.AttributeProto.Add(Text("way", "reverse"));
            foreach (FunctionProto function in (FunctionProto[])[inner, outer])
            {
                function.Input.Clear();
                function.Input.AddRange(["x", "w", "r"]);
                m.Functions.Add(function);
            }

            m.Graph.Node.Add(Local(Node("Outer", ["X", "W", "R"], "a")));
            m.Graph.Node.Add(Local(Node("Outer", ["X", "W", "R"], "b")).With(Text("way", "forward")));
        }).Load();
        Assert.Equal([Direction.Reverse, Direction.Forward], model.RequireLayers().Select(layer => layer.Direction));
    }

    [Theory]
    [InlineData("unsqueeze")]
    [InlineData("unsqueeze-attribute")]
    [InlineData("reshape")]
    [InlineData("expand")]
    [InlineData("slice")]
    [InlineData("transpose")]
    [InlineData("fill")]
    public void Ranks_are_limited_and_messages_short(string how)
    {
        byte[] bytes = Lstm(m =>
        {
            long[] many = [.. Enumerable.Range(0, 50_000).Select(i => (long)i)];
            m.Graph.Initializer.Add(Longs("many", how is "reshape" or "expand" or "fill" ? [.. many.Select(_ => 1L)] : many));
            string last = "W";
            for (int i = 0; i < 20; i++)
            {
                m.Graph.Node.Add(how switch
                {
                    "unsqueeze" => Node("Unsqueeze", [last, "many"], $"u{i}"),
                    "unsqueeze-attribute" => Node("Unsqueeze", [last], $"u{i}").With(Ints("axes", many)),
                    "reshape" => Node("Reshape", [last, "many"], $"u{i}"),
                    "expand" => Node("Expand", [last, "many"], $"u{i}"),
                    "slice" => Node("Slice", [last, "many", "many"], $"u{i}"),
                    "transpose" => Node("Transpose", [last], $"u{i}").With(Ints("perm", many)),
                    _ => Node("ConstantOfShape", ["many"], $"u{i}"),
                });
                last = $"u{i}";
            }

            m.Rnn().Input[1] = last;
        }).ToByteArray();
        Bounded(bytes, accepted: false);
        Assert.InRange(Assert.Throws<ModelFormatException>(() => OnnxModel.Read(bytes)).Message.Length, 10, 400);
    }

    [Theory]
    [InlineData("nodes")]
    [InlineData("names")]
    [InlineData("shape")]
    [InlineData("attributes")]
    [InlineData("recurrent")]
    public void A_megabyte_of_almost_nothing(string what)
    {
        ModelProto model = Lstm(m =>
        {
            switch (what)
            {
                case "nodes": m.Graph.Node.AddRange(Enumerable.Range(0, 500_000).Select(_ => new NodeProto())); break;
                case "names": m.Rnn().Output.AddRange(Enumerable.Repeat("", 500_000)); break;
                case "shape": m.Stored("W").Dims.AddRange(Enumerable.Repeat(0L, 1_000_000)); break;
                case "attributes": m.Rnn().Attribute.AddRange(Enumerable.Range(0, 500_000).Select(_ => new AttributeProto())); break;
                default: m.Graph.Node.AddRange(Enumerable.Range(0, 50_000).Select(i => Node("LSTM", ["X", "W", "R"], $"{i}"))); break;
            }
        });
        Bounded(model.ToByteArray(), accepted: false);
    }

    [Fact]
    public void External_data_are_read_once_and_regions_may_not_overlap()
    {
        DirectoryInfo root = Directory.CreateTempSubdirectory();
        try
        {
            string path = Path.Combine(root.FullName, "m.onnx");
            File.WriteAllBytes(Path.Combine(root.FullName, "w.bin"), new byte[4 << 20]);
            void Write(int shift) => File.WriteAllBytes(path, Lstm(m =>
            {
                for (int k = 0; k < 16; k++)
                {
                    var r = new TensorProto { Name = $"r{k}", DataType = 1, DataLocation = 1 };
                    r.Dims.AddRange([1, 2048, 512]);
                    r.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = "w.bin" });
                    r.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = $"{k * shift}" });
                    m.Graph.Initializer.Add(r);
                    m.Graph.Initializer.Add(Floats($"w{k}", [1, 2048, 1]));
                    m.Graph.Node.Add(Node("LSTM", ["X", $"w{k}", $"r{k}"], $"y{k}"));
                }
            }).ToByteArray());

            Write(0);
            long before = GC.GetAllocatedBytesForCurrentThread();
            Assert.Equal(17, OnnxModel.Load(path).RecurrentNodes.Count);
            Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 4 << 20, 8 << 20);
            File.WriteAllBytes(Path.Combine(root.FullName, "w.bin"), new byte[(4 << 20) + 64]);
            Write(4);
            Assert.Contains("overlap", Assert.Throws<ModelFormatException>(() => OnnxModel.Load(path)).Message, StringComparison.Ordinal);
        }
        finally
        {
            root.Delete(recursive: true);
        }
    }
}
