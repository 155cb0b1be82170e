using System.Text;
using FastRecurrence.Import;
using FastRecurrence.Onnx;
using FastRecurrence.Onnx.Proto;
using Google.Protobuf;
using static FastRecurrence.TestKit.Models.TinyModel;

namespace FastRecurrence.Tests.Onnx;

/// <summary>
/// The catalogue of bad files by number (72 to 116): each input with what its refusal must say; "accepted" where it is to be
/// taken. Files that need a whole model, such as 109 and 111, are tested where that model is; the table says where.
/// </summary>
public sealed class CatalogueTests
{
    private sealed record Entry(int Number, string What, Action Read, params string[] Says);

    /// <summary>The numbers that are tested here, each as often as it has inputs.</summary>
    internal static IEnumerable<int> Numbers => Safetensors().Concat(Onnx()).Concat(Frameworks()).Select(e => e.Number);

    private static byte[] St(string header, int dataBytes = 0) => [.. BitConverter.GetBytes((long)Encoding.UTF8.GetByteCount(header)), .. Encoding.UTF8.GetBytes(header), .. new byte[dataBytes]];

    private static byte[] StLength(ulong length, int rest = 8) => [.. BitConverter.GetBytes(length), .. new byte[rest]];

    private static Action Safe(byte[] bytes) => () => SafetensorsFile.Read(bytes, "f").Dispose();

    private static Action Safe(string header, int dataBytes = 16) => Safe(St(header, dataBytes));

    private static string A(string shape = "[4]", string offsets = "[0,16]", string type = "\"F32\"") => "{\"a\":{\"dtype\":" + type + ",\"shape\":" + shape + ",\"data_offsets\":" + offsets + "}}";

    private static Action Torch(params (string Name, int[] Shape)[] tensors) => () =>
    {
        var source = new MemoryTensors();
        foreach ((string name, int[] shape) in tensors)
            source.Add(name, shape, new float[shape.Aggregate(1, (a, b) => a * b)]);
        foreach (PyTorchModule module in PyTorchWeights.Find(source))
            module.ToLayers();
    };

    private static (string, int[])[] Layer(int k, string suffix = "", int I = 3, int H = 2) =>
        [($"weight_ih_l{k}{suffix}", [4 * H, I]), ($"weight_hh_l{k}{suffix}", [4 * H, H]), ($"bias_ih_l{k}{suffix}", [4 * H]), ($"bias_hh_l{k}{suffix}", [4 * H])];

    private static Action Model(Action<ModelProto> change) => () => Lstm(change).Load().RequireLayers();

    private static Action Bytes(byte[] bytes) => () => OnnxModel.Read(bytes, "m.onnx");

    private static Action Bytes(string text) => Bytes(Encoding.UTF8.GetBytes(text));

    private static Action External(string location, string? offset = null, string? length = null) => Model(m =>
    {
        TensorProto w = m.Stored("W");
        w.ClearRawData();
        w.DataLocation = 1;
        w.ExternalData.Add(new StringStringEntryProto { Key = "location", Value = location });
        if (offset is not null)
            w.ExternalData.Add(new StringStringEntryProto { Key = "offset", Value = offset });
        if (length is not null)
            w.ExternalData.Add(new StringStringEntryProto { Key = "length", Value = length });
    });

    private static IEnumerable<Entry> Safetensors()
    {
        yield return new(72, "0 bytes", Safe([]), "0 bytes");
        yield return new(73, "7 bytes", Safe(new byte[7]), "7 bytes");
        yield return new(74, "header length 0", Safe(StLength(0)), "length is 0");
        yield return new(74, "header length 2^63", Safe(StLength(1UL << 63)), "9223372036854775808", "100000000");
        yield return new(74, "header length 2^64-1", Safe(StLength(ulong.MaxValue)), "18446744073709551615");
        yield return new(74, "header past the end", Safe(StLength(9)), "9 bytes", "8 follow");
        yield return new(75, "truncated data", Safe(A(), 15), "ends at byte 16", "has 15");
        yield return new(76, "trailing bytes", Safe(A(), 17), "17 bytes", "end at 16");
        yield return new(77, "hole", Safe(A(offsets: "[4,20]"), 20), "hole");
        yield return new(78, "overlap", Safe("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"b":{"dtype":"F32","shape":[2],"data_offsets":[8,16]}}"""), "overlap");
        yield return new(79, "offsets reversed", Safe(A(offsets: "[16,0]")), "[16, 0]");
        yield return new(79, "offset negative", Safe(A(offsets: "[-16,0]")), "data_offsets[0]");
        yield return new(79, "offset float", Safe(A(offsets: "[0.0,16]")), "data_offsets[0]");
        yield return new(79, "offset string", Safe(A(offsets: "[\"0\",16]")), "data_offsets[0]");
        yield return new(79, "three offsets", Safe(A(offsets: "[0,8,16]")), "more than 2");
        yield return new(80, "shape ≠ bytes", Safe(A(shape: "[5]")), "20 bytes", "hold 16");
        yield return new(81, "negative sizes with the right product", Safe(A(shape: "[-2,-2]")), "shape[0]");
        yield return new(82, "product wraps 32 bits", Safe(A(shape: "[65536,65537]", offsets: "[0,262144]"), 262144), "17180131328 bytes");
        yield return new(82, "product wraps 64 bits", Safe(A(shape: "[2147483647,2147483647,2147483647]")), "more bytes than any file");
        yield return new(83, "rank 10,000", Safe(A(shape: $"[{string.Join(',', Enumerable.Repeat(1, 10_000))}]")), "more than 64");
        yield return new(84, "shape [0, 2^62]", Safe(A(shape: "[0,4611686018427387904]", offsets: "[0,0]"), 0), "4611686018427387904");
        yield return new(85, "unknown dtype", Safe(A(type: "\"F33\"")), "'F33'");
        yield return new(85, "dtype in lower case", Safe(A(type: "\"f32\"")), "'f32'");
        yield return new(86, "a name twice", Safe("""{"a":{"dtype":"F32","shape":[4],"data_offsets":[0,16]},"a":{"dtype":"F32","shape":[0],"data_offsets":[16,16]}}"""), "'a' occurs twice");
        yield return new(87, "no JSON", Safe("hello"), "0x68");
        yield return new(87, "an array", Safe("[]"), "0x5b");
        yield return new(87, "cut JSON", Safe("""{"a":{"dtype":"""), "no valid JSON");
        yield return new(87, "byte-order mark", Safe("\uFEFF{}", 0), "0xef");
        yield return new(87, "leading blank", Safe(" {}", 0), "0x20");
        yield return new(87, "bad UTF-8", Safe([13, 0, 0, 0, 0, 0, 0, 0, .. "{\"a"u8, 0xFF, .. "\":{}}    "u8]), "no valid JSON");
        yield return new(87, "50,000 nested", Safe("{\"a\":" + new string('[', 50_000) + new string(']', 50_000) + "}"), "an object was expected");
        yield return new(87, "50,000 nested in shape", Safe(A(shape: new string('[', 50_000) + new string(']', 50_000))), "no valid JSON");
        yield return new(87, "NaN", Safe(A(shape: "[NaN]")), "no valid JSON");
        yield return new(87, "400-digit number", Safe(A(shape: $"[{new string('9', 400)}]")), "shape[0]");
        yield return new(88, "metadata not string", Safe("""{"__metadata__":{"k":1}}""", 0), "metadata are strings");
        yield return new(89, "100,000 names [< 2 s]", Safe("{" + string.Join(',', Enumerable.Range(0, 100_000).Select(i => $"\"t{i}\":" + A("[0]", "[0,0]")[5..^1])) + "}", 0), "accepted");
        yield return new(90, "I64 weights [on use]", () =>
        {
            using SafetensorsFile file = SafetensorsFile.Read(St("""{"weight_ih_l0":{"dtype":"I64","shape":[2],"data_offsets":[0,16]}}""", 16), "f");
            PyTorchWeights.Find(file)[0].ToLayers();
        }, "I64", "weight_ih_l0");
        yield return new(91, "one bias only", Torch(Layer(0)[..3]), "bias_hh is missing");
        yield return new(91, "no weight_hh", Torch(Layer(0)[0], Layer(0)[2]), "weight_hh_l0 is missing");
        yield return new(91, "7 rows", Torch(("weight_ih_l0", [7, 3]), ("weight_hh_l0", [7, 2])), "7 rows", "8");
        yield return new(91, "hh not square", Torch(("weight_ih_l0", [8, 3]), ("weight_hh_l0", [8, 3])), "8 rows for 3 hidden units");
        yield return new(91, "Keras orientation under torch names", Torch(("weight_ih_l0", [3, 8]), ("weight_hh_l0", [2, 8])), "transposed");
        yield return new(91, "layers 0 and 2", Torch([.. Layer(0), .. Layer(2, I: 2)]), "layer 1 is missing");
        yield return new(91, "half of reverse", Torch([.. Layer(0), .. Layer(0, "_reverse"), .. Layer(1, I: 4)]), "weight_ih_l1_reverse");
        yield return new(91, "weight_hr of one layer only", Torch([("weight_ih_l0", [8, 3]), ("weight_hh_l0", [8, 1]), ("weight_hr_l0", [1, 2]), ("weight_ih_l1", [8, 1]), ("weight_hh_l1", [8, 1])]), "weight_hr");
        yield return new(91, "weight_hr: proj_size", Torch(("weight_ih_l0", [8, 3]), ("weight_hh_l0", [8, 1]), ("weight_hr_l0", [1, 2])), "accepted");
    }

    private static IEnumerable<Entry> Onnx()
    {
        yield return new(92, "empty", Bytes([]), "empty");
        yield return new(92, "text", Bytes("this is not a model"), "text");
        yield return new(92, "HTML page", Bytes("<html><body>404</body></html>"), "web page");
        yield return new(92, "git-lfs pointer", Bytes("version https://git-lfs.github.com/spec/v1\n"), "git-lfs");
        yield return new(92, "zip", Bytes("PK\u0003\u0004rest"), "zip");
        yield return new(93, "cut by 1 byte", Bytes(Lstm().ToByteArray()[..^1]), "protobuf");
        yield return new(93, "cut in half", Bytes(Lstm().ToByteArray()[..200]), "protobuf");
        yield return new(94, "varint of 11 bytes", Bytes([0x08, .. Enumerable.Repeat((byte)0xFF, 10), 1]), "varint");
        yield return new(94, "length 2^31-1", Bytes([0x3A, 0xFF, 0xFF, 0xFF, 0xFF, 0x07]), "protobuf");
        yield return new(94, "length 2^63-1", Bytes([0x3A, .. Enumerable.Repeat((byte)0xFF, 8), 0x7F]), "protobuf");
        yield return new(94, "wire type 6", Bytes([0x0E, 0]), "protobuf");
        yield return new(94, "field 0", Bytes([0x00, 0]), "protobuf");
        yield return new(94, "20,000 groups", Bytes([.. Enumerable.Repeat((byte)0x0B, 20_000)]), "protobuf");
        yield return new(94, "3,000 nested graphs", () => OnnxModel.Read(Nested(3000), "m.onnx"), "nesting");
        yield return new(95, "dims ≠ raw_data", Model(m => m.Stored("W").Dims[2] = 4), "128 bytes", "has 96");
        yield return new(95, "negative dims", Model(m => { m.Stored("W").Dims[1] = -8; m.Stored("W").Dims[2] = -3; }), "-8");
        yield return new(95, "overflowing dims", Model(m => { m.Stored("W").Dims[1] = 1 << 30; m.Stored("W").Dims[2] = 1 << 30; }), "more than 2147483647 bytes");
        yield return new(95, "raw not a multiple of 4", Model(m => m.Stored("W").RawData = ByteString.CopyFrom(new byte[94])), "94");
        yield return new(95, "raw_data and float_data", Model(m => m.Stored("W").FloatData.Add(1)), "raw_data and typed data");
        yield return new(96, "string weights", Model(m => m.Stored("W").DataType = 8), "string");
        yield return new(96, "int64 weights", Model(m => { m.Graph.Initializer.Remove(m.Stored("W")); m.Graph.Initializer.Add(Longs("W", new long[24])); m.Stored("W").Dims.Clear(); m.Stored("W").Dims.AddRange([1, 8, 3]); }), "W is int64");
        yield return new(96, "weights of unknown type", Model(m => m.Stored("W").DataType = 77), "type 77");
        yield return new(97, "external data in memory", External("w.bin"), "no folder");
        yield return new(98, "W of rank 2", Model(m => { m.Stored("W").Dims.Clear(); m.Stored("W").Dims.AddRange([8, 3]); }), "W is [8, 3]");
        yield return new(98, "3H rows", Model(m => { m.Graph.Initializer.Remove(m.Stored("W")); m.Graph.Initializer.Add(Floats("W", [1, 6, 3])); }), "[1, 6, 3]", "GRU");
        yield return new(98, "R not square", Model(m => { m.Graph.Initializer.Remove(m.Stored("R")); m.Graph.Initializer.Add(Floats("R", [1, 8, 3])); }), "R is [1, 8, 3]", "[1, 12, 3]");
        yield return new(98, "half of B", Model(m => { m.Graph.Initializer.Remove(m.Stored("B")); m.Graph.Initializer.Add(Floats("B", [1, 8])); }), "[1, 16]", "Half");
        yield return new(99, "hidden_size wrong", Model(m => m.Rnn().With(Integer("hidden_size", 3))), "hidden_size is 3", "H = 2");
        yield return new(99, "hidden_size negative", Model(m => m.Rnn().With(Integer("hidden_size", -2))), "-2");
        yield return new(99, "hidden_size 2^62", Model(m => m.Rnn().With(Integer("hidden_size", 1L << 62))), "4611686018427387904");
        yield return new(99, "hidden_size float", Model(m => m.Rnn().With(Float("hidden_size", 2))), "whole number");
        yield return new(99, "hidden_size twice", Model(m => m.Rnn().Attribute.Add(Integer("hidden_size", 2))), "twice");
        yield return new(99, "hidden_size absent [infer]", Model(m => m.Rnn().Attribute.Clear()), "accepted");
        yield return new(100, "undefined input", Model(m => m.Rnn().Input[1] = "nowhere"), "'nowhere'", "defined nowhere");
        yield return new(100, "self loop", Model(m => m.Rnn().Input[0] = "Y"), "its own output");
        yield return new(100, "circle of folded nodes", Model(m => { m.Rnn().Input[1] = "a"; m.Graph.Node.Add(Node("Identity", ["b"], "a")); m.Graph.Node.Add(Node("Identity", ["a"], "b")); }), "circle");
        yield return new(100, "two writers", Model(m => m.Graph.Node.Add(Node("Identity", ["X"], "Y"))), "'Y' is written again");
        yield return new(101, "no opset", Model(m => m.OpsetImport.Clear()), "opset_import");
        yield return new(101, "opset 999, read strictly", () => Lstm(m => m.OpsetImport[0].Version = 999).Load(new OnnxReadOptions { Strict = true }), "999", "7 to 27");
        yield return new(101, "opset 1", Model(m => m.OpsetImport[0].Version = 1), "opset 1", "newer opset");
        yield return new(101, "unknown domain", Model(m => m.Rnn().Domain = "com.example"), "com.example");
        yield return new(102, "LSTM spelled out", Model(m => { m.Graph.Node.Clear(); m.Graph.Node.Add(Node("Gemm", ["X", "W"], "a")); m.Graph.Node.Add(Node("Sigmoid", ["a"], "b")); m.Graph.Node.Add(Node("Tanh", ["b"], "c")); }), "no LSTM, GRU or RNN node", "spelled out");
        yield return new(104, "computed W", Model(m => { m.Rnn().Input[1] = "w2"; m.Graph.Node.Add(Node("Sin", ["W"], "w2")); }), "W is not constant", "Sin node");
        yield return new(104, "W is an input", Model(m => { m.Graph.Initializer.Remove(m.Stored("W")); m.Graph.Input.Add(new ValueInfoProto { Name = "W" }); }), "'W' is an input");
        yield return new(105, "dynamic sizes [nothing to ask: T and N are the caller's]", Model(m => m.Graph.Input[0].Type = new TypeProto { TensorType = new TypeProto.Types.TensorTypeProto { ElemType = 1, Shape = new TensorShapeProto() } }), "accepted");
        yield return new(106, "QLSTM", Model(m => { m.Graph.Node.Clear(); m.Graph.Node.Add(Node("QLSTM", ["X"], "Y")); }), "QLSTM", "quantised");
        yield return new(106, "DynamicQuantizeLSTM", Model(m => { NodeProto q = Node("DynamicQuantizeLSTM", ["X"], "Y"); q.Domain = "com.microsoft"; m.Graph.Node.Clear(); m.Graph.Node.Add(q); }), "DynamicQuantizeLSTM", "quantised");
        // 97 in a folder and 103: OnnxModelTests.
    }

    private static IEnumerable<Entry> Frameworks()
    {
        yield return new(107, ".pt pickle in a zip", Bytes("PK\u0003\u0004archive/data.pkl"), "pickles are never opened", "safetensors");
        yield return new(107, "bare pickle", Bytes([0x80, 0x02, .. "}q\0."u8]), "pickle");
        yield return new(107, ".pt as safetensors", Safe(Encoding.UTF8.GetBytes("PK\u0003\u0004archive/data.pkl")), "no safetensors file");
        yield return new(108, "GRU bias [2, 3H] for reset before", () => KerasWeights.Import(LayerShape.Gru(3, 2, false), new float[18], new float[12], new float[12]), "reset_after=True");
        yield return new(108, "GRU bias [3H] for reset after", () => KerasWeights.Import(LayerShape.Gru(3, 2, true), new float[18], new float[12], new float[6]), "reset_after=False");
        yield return new(116, "HDF5", Bytes([0x89, .. "HDF\r\n"u8, 0x1A, 0x0A]), "HDF5");
        // 109 unit_forget_bias, 111 go_backwards and 112 masks: the framework cases. 110 gate orders: OrderTests, RtNeuralTests.
        // 113: below. 114 stateful: nothing in the weights, said in KerasWeights. 115 TensorFlow names: arrays are passed by argument, no name is read.
    }

    [Fact]
    public void Every_entry_is_refused_as_it_says_or_accepted()
    {
        var failures = new List<string>();
        foreach (Entry entry in Safetensors().Concat(Onnx()).Concat(Frameworks()))
        {
            string outcome;
            try
            {
                entry.Read();
                outcome = "accepted";
            }
            catch (Exception e) when (e is ModelFormatException or NotSupportedException or ArgumentException)
            {
                outcome = e.Message;
            }
            catch (Exception e)
            {
                outcome = $"!! {e.GetType().Name}: {e.Message}";
            }

            TestContext.Current.TestOutputHelper?.WriteLine($"{entry.Number} {entry.What}: {outcome}");
            if (outcome.Contains('\n') || outcome.StartsWith("!!", StringComparison.Ordinal) || entry.Says.Any(word => !outcome.Contains(word, StringComparison.Ordinal)))
                failures.Add($"{entry.Number} {entry.What}: {outcome}");
        }

        Assert.True(failures.Count == 0, string.Join('\n', failures));
    }

    [Fact]
    public void Hard_sigmoid_of_Keras_2_and_3_differ()
    {
        Assert.Equal((0.2f, 0.5f), (KerasWeights.HardSigmoid2.Alpha, KerasWeights.HardSigmoid2.Beta));
        Assert.Equal((1f / 6, 0.5f), (KerasWeights.HardSigmoid3.Alpha, KerasWeights.HardSigmoid3.Beta));
    }

    // A graph that holds one node whose attribute holds a graph …
    private static byte[] Nested(int depth)
    {
        static byte[] Field(int number, byte[] content)
        {
            using var stream = new MemoryStream();
            using (var output = new CodedOutputStream(stream, leaveOpen: true))
            {
                output.WriteTag(number, WireFormat.WireType.LengthDelimited);
                output.WriteBytes(ByteString.CopyFrom(content));
            }

            return stream.ToArray();
        }

        byte[] graph = Field(2, [.. "g"u8]);
        for (int i = 0; i < depth; i++)
            graph = Field(1, Field(5, Field(6, graph)));
        return Field(7, graph);
    }
}
