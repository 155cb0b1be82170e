using System.IO.Compression;
using FastRecurrence.Import;
using FastRecurrence.Onnx;
using VoiceActivity;

namespace FastRecurrence.Tests.Conformance;

/// <summary>Real pretrained models against what others computed with them.</summary>
[Collection("devices")]
public sealed class ModelTests
{
    public static TheoryData<string> Core => TestBackends.CoreNames;

    public static TheoryData<string> Complete => TestBackends.CompleteNames;

    private static string Silero => ConformanceData.Folder("models", "silero-vad", "silero_vad_16k_op15.onnx");

    [Fact]
    public void Silero_has_its_lstm_in_both_branches_of_an_if_and_folding_finds_the_right_order()
    {
        OnnxModel model = OnnxModel.Load(Silero);
        Assert.Equal(2, model.RecurrentNodes.Count);
        Assert.All(model.RecurrentNodes, node => Assert.Contains("_branch/", node.Path));
        LayerWeights folded = model.RecurrentNodes[0].RequireLayer().ReadWeights()[0], other = model.RecurrentNodes[1].RequireLayer().ReadWeights()[0];

        // The stored tensors are in PyTorch's order, the nodes see them in ONNX': both ways must lead to the same layer.
        LayerWeights stored = PyTorchWeights.Find(model.Initializers).Single().ToLayers()[0].Forward!;
        foreach (LayerWeights weights in (LayerWeights[])[other, stored])
        {
            Assert.Equal(folded.InputWeights, weights.InputWeights);
            Assert.Equal(folded.RecurrentWeights, weights.RecurrentWeights);
            Assert.Equal(folded.Bias, weights.Bias);
        }
    }

    [Theory]
    [MemberData(nameof(Core))]
    public void Silero_lstm_layer(string name)
    {
        using SafetensorsFile golden = SafetensorsFile.Open(ConformanceData.Folder("models", "golden", "silero_lstm_layer_test_wav_first256.safetensors"));
        StackLayer layer = PyTorchWeights.Find(golden, "lstm_cell.").Single().ToLayers()[0];
        float[] x = golden.ReadFloats("x"), y = golden.ReadFloats("y"), c = golden.ReadFloats("c"), output = new float[y.Length];
        using var stack = new RecurrentStack(TestBackends.Named(name), layer);
        using var stream = new RecurrentStream(stack);
        stream.Run(x, output);
        Assert.Equal(y, output, (a, b) => Math.Abs(a - b) <= 2e-6f);
        var last = new float[128];
        stream.State.CopyCellTo(0, last);
        Assert.Equal(c[^128..], last, (a, b) => Math.Abs(a - b) <= 2e-6f * Math.Max(1, Math.Abs(a)));
    }

    [Fact]
    public void Silero_probabilities_change_no_decision()
    {
        float[] samples = WavFile.Read(ConformanceData.Folder("models", "silero-vad", "test.wav"));
        double[] golden = Speech.ReadGolden(ConformanceData.Folder("models", "golden", "silero_vad_16k_op15.test_wav.ort.csv"));
        Assert.Equal(1875, golden.Length);
        using var vad = new SileroVad(Silero, Backend.Simd);
        float[] probabilities = [.. Enumerable.Range(0, golden.Length).Select(i => vad.Next(samples.AsSpan(i * SileroVad.ChunkSamples, SileroVad.ChunkSamples)))];
        (double error, int changed) = Speech.Compare(probabilities, golden);
        Assert.InRange(error, 0, 5e-6);
        Assert.Equal(0, changed);
    }

    /// <summary>Bytes → embedding → two bidirectional LSTMs → two logits a byte.</summary>
    [Theory]
    [MemberData(nameof(Complete))]
    public void Sentence_splitter(string name)
    {
        string folder = ConformanceData.Folder("models", "tract", "byte_sb_bidi_lstm");
        OnnxModel model = OnnxModel.Load(Path.Combine(folder, "model.onnx"));
        Assert.All(model.RequireLayers(), layer => Assert.False(layer.HasInitialState || layer.HasSequenceLengths)); // zeros of unknown batch; ""
        using ZipArchive archive = ZipFile.OpenRead(Path.Combine(folder, "io.npz"));
        byte[] input = Numbers(archive, "input.npy", 1, b => b[0]);
        float[] expected = Numbers(archive, "Add_26.npy", 4, b => BitConverter.ToSingle(b));
        const int N = 2, T = 58, E = 32;
        float[] embedding = model.Initializers.ReadFloats("embedding.weight"), w = model.Initializers.ReadFloats("238"), bias = model.Initializers.ReadFloats("out.bias");
        float[] x = [.. input.SelectMany(b => embedding.AsSpan(b * E, E).ToArray())], y = new float[N * T * 128];

        // ONNX keeps directions apart and this model then puts them side by side: as a stack does.
        using var stack = new RecurrentStack(TestBackends.Named(name), [.. model.RequireLayers().Select(layer => layer.ToStackLayer())]);
        using StackState state = stack.CreateState(N);
        stack.Run(state, T, x, y, new StackOptions { Layout = SequenceLayout.BatchMajor });
        for (int row = 0; row < N * T; row++)
        {
            for (int o = 0; o < 2; o++)
            {
                double logit = bias[o] + Enumerable.Range(0, 128).Sum(k => (double)y[row * 128 + k] * w[k * 2 + o]);
                Assert.Equal(expected[row * 2 + o], logit, 2e-5);
                Assert.Equal(expected[row * 2 + o] > 0, logit > 0);
            }
        }
    }

    [Fact]
    public void A_quantised_lstm_inside_scan_is_refused_clearly()
    {
        OnnxModel model = OnnxModel.Load(ConformanceData.Folder("models", "tract", "qlstm_3-2-3_T3_S1", "model.onnx"));
        Assert.Empty(model.RecurrentNodes);
        string message = Assert.Throws<NotSupportedException>(() => model.RequireLayers()).Message;
        Assert.Contains("no LSTM, GRU or RNN node", message);
        Assert.Contains("Scan", message);
    }

    private static T[] Numbers<T>(ZipArchive archive, string entry, int size, Func<byte[], T> read)
    {
        using Stream stream = archive.GetEntry(entry)!.Open();
        using var memory = new MemoryStream();
        stream.CopyTo(memory);
        byte[] bytes = memory.ToArray();
        int start = 10 + BitConverter.ToUInt16(bytes, 8);
        return [.. bytes[start..].Chunk(size).Select(read)];
    }
}
