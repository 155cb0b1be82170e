using System.Diagnostics;
using System.Text.Json;
using FastRecurrence.Import;
using FastRecurrence.Onnx.Proto;

using FastRecurrence.TestKit.Models;
using Google.Protobuf;

namespace FastRecurrence.Cli.Tests.Tool;

/// <summary><c>inspect</c>: what a file holds, and which files are refused.</summary>
[Collection("devices")]
public sealed class InspectTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory();

    public void Dispose() => _folder.Delete(recursive: true);

    [Fact]
    public void A_safetensors_stack_is_counted_and_timed()
    {
        LayerWeights Lstm(int I) => LayerWeights.Random(LayerShape.Lstm(I, 3), 1);
        MemoryTensors tensors = PyTorchWeights.Export([StackLayer.Bidirectional(Lstm(2), Lstm(2)), StackLayer.Bidirectional(Lstm(6), Lstm(6))], "enc.");
        JsonElement found = Inspect(Write(tensors), "--time", "-B", "reference,simd", "-b", "1,4", "-o", "json").Json();
        JsonElement[] layers = [.. found.GetProperty("layers").EnumerateArray()];
        Assert.Equal(["enc.l0", "enc.l1"], layers.Select(l => l.GetProperty("name").GetString()));
        Assert.Equal(("lstm_i6_h3", "bidirectional", "i f g o"),
            (layers[1].GetProperty("problem").GetString(), layers[1].GetProperty("direction").GetString(), layers[1].GetProperty("gateOrder").GetString()));
        // nn.LSTM(2, 3): 12·2 + 12·3 + 12 + 12 a direction; one bias in memory; 2·12·(2 + 3) FLOPs.
        Assert.Equal((168, 4 * 2 * (24 + 36 + 12), 2 * 24, 240),
            (layers[0].GetProperty("parameters").GetInt64(), layers[0].GetProperty("weightBytes").GetInt64(), layers[0].GetProperty("stateBytesPerRow").GetInt64(), layers[0].GetProperty("flopsPerStep").GetDouble()));
        JsonElement[] predictions = [.. found.GetProperty("predictions").EnumerateArray()];
        Assert.Equal(4, predictions.Length);
        Assert.All(predictions, p => Assert.InRange(p.GetProperty("stepMicroseconds").GetDouble(), 0.01, 1e5));
    }

    [Fact]
    public void A_file_without_recurrent_layers_says_so_and_gives_0()
    {
        var tensors = new MemoryTensors();
        tensors.Add("conv.weight", [2, 2], [1, 2, 3, 4]);
        ToolRun run = Inspect(Write(tensors));
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("no recurrent layer", run.Output);
        Assert.Contains("conv.weight F32 [2, 2]", run.Output);
    }

    [Fact]
    public void An_onnx_node_is_shown_with_its_order_and_its_oddities()
    {
        ToolRun run = Inspect(Write(TinyModel.Lstm()), "--time", "-B", "simd,ilgpu-cpu");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("i o f c", run.Output);
        Assert.Contains("lstm_i3_h2", run.Output);
        Assert.Contains("W [8, 3] R [8, 2] b [8]", run.Output);
        Assert.Contains("an emulator is not timed", run.Output);
        Assert.Matches(@"simd-\S+ +\| 1 \| +[0-9.]+ us", run.Output);
        run = Inspect(Write(TinyModel.Lstm(m => m.Stored("W").RawData = ByteString.CopyFrom([.. BitConverter.GetBytes(float.NaN), .. new byte[92]]))));
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("W[0, 0] is NaN", run.Output);
    }

    /// <summary>An If runs one of its branches: the one with more work is counted, not both; two nodes of one name are two.</summary>
    [Fact]
    public void Of_an_If_one_branch_is_counted()
    {
        static NodeProto If(ModelProto model, string name)
        {
            GraphProto Branch(int copies)
            {
                var graph = new GraphProto { Name = "g" };
                for (int i = 0; i < copies; i++)
                {
                    NodeProto lstm = model.Rnn().Clone();
                    lstm.Output.Clear();
                    lstm.Output.Add($"{name}{copies}_{i}");
                    graph.Node.Add(lstm);
                }

                return graph;
            }

            var node = new NodeProto { OpType = "If", Name = "same" };
            node.Input.Add("c");
            node.Output.Add(name);
            node.Attribute.Add(new AttributeProto { Name = "then_branch", G = Branch(2), Type = 5 });
            node.Attribute.Add(new AttributeProto { Name = "else_branch", G = Branch(1), Type = 5 });
            return node;
        }

        double Flops(Action<ModelProto>? change = null) => Inspect(Write(TinyModel.Lstm(change)), "-o", "json").Json().GetProperty("flopsPerStep").GetDouble();
        double one = Flops();
        Assert.Equal(one * (1 + 2 + 2), Flops(m =>
        {
            m.Graph.Input.Add(new ValueInfoProto { Name = "c" });
            m.Graph.Node.Add(If(m, "a"));
            m.Graph.Node.Add(If(m, "b"));
        }));
    }

    [Fact]
    public void A_prefix_chooses_layers()
    {
        MemoryTensors tensors = PyTorchWeights.Export([StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(2, 3), 1))], "enc.");
        foreach (TensorInfo info in PyTorchWeights.Export([StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Gru(2, 3), 1))], "dec.").Tensors)
            tensors.Add(info.Name, info.Shape, new float[info.ElementCount]);
        string path = Write(tensors);
        Assert.Equal(2, Inspect(path, "-o", "json").Json().GetProperty("layers").GetArrayLength());
        JsonElement layer = Assert.Single(Inspect(path, "--prefix", "dec.", "-o", "json").Json().GetProperty("layers").EnumerateArray());
        Assert.Equal("dec.l0", layer.GetProperty("name").GetString());
        Inspect(path, "--prefix", "none.").AssertFailsInOneLine(1, "no recurrent layer whose name begins with 'none.'");
        Assert.Equal(0, Inspect(Write(TinyModel.Lstm()), "--prefix", "").ExitCode);
        Inspect(Write(TinyModel.Lstm()), "--prefix", "none").AssertFailsInOneLine(1, "no recurrent layer whose name begins with 'none'");
    }

    /// <summary>Nothing is measured, and no device is looked for, unless asked.</summary>
    [Fact]
    public void A_look_into_a_file_is_quick_and_measures_nothing()
    {
        string path = Write(TinyModel.Lstm());
        Inspect(path); // compiles
        long start = Stopwatch.GetTimestamp();
        ToolRun run = Inspect(path);
        Assert.InRange(Stopwatch.GetElapsedTime(start).TotalSeconds, 0, 0.3);
        Assert.DoesNotContain("predicted", run.Output);
        JsonElement json = Inspect(path, "-o", "json").Json();
        Assert.Empty(json.GetProperty("predictions").EnumerateArray());
        Assert.Equal(JsonValueKind.Null, json.GetProperty("peakGflopsPerThread").ValueKind);
        Inspect(path, "-B", "simd").AssertFailsInOneLine(2, "--backend goes with --time");
        Inspect(path, "-b", "3").AssertFailsInOneLine(2, "--batch goes with --time");
    }

    [Fact]
    public void Refused_files_give_1_and_one_line()
    {
        Inspect(Write(TinyModel.Lstm(m => m.Rnn().Attribute[0].I = 3))).AssertFailsInOneLine(1, "hidden_size is 3");
        Inspect(Write(TinyModel.Lstm(m => m.Rnn().OpType = "Relu"))).AssertFailsInOneLine(1, "no LSTM, GRU or RNN node");
        Inspect(_folder.FullName).AssertFailsInOneLine(1, "is a folder");
        Inspect(Path.Combine(_folder.FullName, "none.onnx")).AssertFailsInOneLine(1, "there is no file");
        string pickle = Path.Combine(_folder.FullName, "model.pt");
        File.WriteAllBytes(pickle, [.. "PK\u0003\u0004archive/data.pkl"u8]);
        Inspect(pickle).AssertFailsInOneLine(1, "pickles are never opened");
        ToolRun.Of("inspect").AssertFailsInOneLine(2, "argument 'file' missing");
    }

    [Theory]
    [InlineData("safetensors", "safetensors")]
    [InlineData("onnx", "")]
    public void Every_file_of_the_manifest_is_read_or_refused_in_one_line(string section, string folder)
    {
        string root = ConformanceData.Folder("malformed");
        using JsonDocument manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(root, "manifest.json")));
        foreach (JsonElement entry in manifest.RootElement.GetProperty(section).EnumerateArray())
        {
            string expect = entry.GetProperty("expect").GetString()!;
            ToolRun run = Inspect(Path.Combine(root, folder, entry.GetProperty("file").GetString()!));
            if (expect is "accept" or "accept-or-documented" or "reject-or-support")
                Assert.True(run.ExitCode == 0, $"{entry}: {run.Error}");
            else if (expect is "reject" or "reject-on-use" || run.ExitCode != 0)
                run.AssertFailsInOneLine(1, entry.GetProperty("file").GetString()!.Split('/')[^1]);
        }
    }

    private string Write(MemoryTensors tensors)
    {
        string path = Path.Combine(_folder.FullName, "m.safetensors");
        using FileStream stream = File.Create(path);
        SafetensorsWriter.Write(stream, tensors);
        return path;
    }

    private string Write(ModelProto model)
    {
        string path = Path.Combine(_folder.FullName, "m.onnx");
        File.WriteAllBytes(path, model.ToByteArray());
        return path;
    }

    private static ToolRun Inspect(string path, params string[] more) => ToolRun.Of(["inspect", path, .. more]);
}
