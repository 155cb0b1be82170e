using System.Text.RegularExpressions;
using System.Xml.Linq;
using FastRecurrence.Gpu;
using FastRecurrence.Import;
using FastRecurrence.Onnx;

namespace FastRecurrence.Cli.Tests.Readme;

/// <summary>The examples in the documentation of public members: here they are compiled and run, line by line the same.</summary>
[Collection("devices")]
public sealed partial class DocumentationExamples
{
    private static readonly string s_source = File.ReadAllText(Path.Combine(Repository.Root, "tests/FastRecurrence.Cli.Tests/Readme/DocumentationExamples.cs")).ReplaceLineEndings("\n");

    public static TheoryData<string, string> Examples =>
    [
        .. from assembly in new[] { typeof(Backend).Assembly, typeof(OnnxModel).Assembly, typeof(GpuBackends).Assembly }
           from member in XDocument.Load(Path.ChangeExtension(assembly.Location, ".xml")).Descendants("member")
           from code in member.Elements("example").Elements("code")
           select ((string)member.Attribute("name")!, code.Value),
    ];

    [Fact]
    public void Main_members_have_one()
    {
        string[] documented = [.. Examples.Select(e => e.Data.Item1.Split('(')[0]).Order(StringComparer.Ordinal)];
        string[] tested = [.. Marks().Matches(s_source).Select(m => m.Groups[1].Value).Order(StringComparer.Ordinal)];
        Assert.Equal(tested, documented);
        Assert.True(documented.Length >= 10);
    }

    [Theory]
    [MemberData(nameof(Examples))]
    public void Documentation_shows_the_code_that_runs_here(string member, string code)
    {
        string begin = $"// example of {member.Split('(')[0]}\n";
        int start = s_source.IndexOf(begin, StringComparison.Ordinal) + begin.Length;
        Assert.True(start >= begin.Length, $"no example of {member} is compiled");
        string tested = s_source[start..s_source.IndexOf("// end of example", start, StringComparison.Ordinal)];
        Assert.Equal(Lines(tested), Lines(code));
    }

    [Fact]
    public void Weights_become_a_layer()
    {
        // example of M:FastRecurrence.Backend.Prepare
        LayerWeights weights = LayerWeights.Random(LayerShape.Lstm(inputSize: 3, hiddenSize: 5), seed: 1);
        using RecurrentLayer layer = Backend.Simd.Prepare(weights); // packed once; threads may share it
        // end of example
        Assert.Equal(5, layer.Shape.HiddenSize);
    }

    [Fact]
    public void A_layer_runs()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Lstm(3, 5), seed: 1));
        // example of M:FastRecurrence.RecurrentLayer.Run
        const int T = 4, N = 2;
        using LayerState state = layer.CreateState(N);
        float[] x = new float[T * N * layer.Shape.InputSize], h = new float[T * N * layer.Shape.OutputSize];
        layer.Run(state, T, x, h);
        // end of example
        Assert.NotEqual(0, h[^1]);
    }

    [Fact]
    public void A_state_is_copied_out_and_in()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Gru(3, 5), seed: 1));
        float[] x = new float[3], h = new float[5];
        // example of T:FastRecurrence.LayerState
        using LayerState state = layer.CreateState(batchSize: 1);
        float[] before = new float[layer.Shape.OutputSize];
        state.CopyHiddenTo(before);
        layer.Step(state, x, h);
        state.SetHidden(before); // as if the step had not been
        // end of example
        float[] again = new float[5];
        layer.Step(state, x, again);
        Assert.Equal(h, again);
    }

    [Fact]
    public void Variations_are_set_with_with()
    {
        // example of T:FastRecurrence.LayerShape
        LayerShape lstm = LayerShape.Lstm(inputSize: 40, hiddenSize: 128) with { ProjectionSize = 64, Peepholes = true };
        LayerShape gru = LayerShape.Gru(inputSize: 40, hiddenSize: 128, linearBeforeReset: false);
        LayerShape relu = LayerShape.Elman(inputSize: 40, hiddenSize: 128, Activation.Relu);
        // end of example
        Assert.Equal((64, 128, 128), (lstm.OutputSize, gru.OutputSize, relu.OutputSize));
    }

    [Fact]
    public void Rows_have_lengths()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Lstm(3, 5), seed: 1));
        using LayerState state = layer.CreateState(batchSize: 3);
        const int T = 5;
        float[] x = new float[T * 3 * 3], h = new float[T * 3 * 5];
        // example of T:FastRecurrence.SequenceOptions
        int[] lengths = [5, 2, 4];
        layer.Run(state, T, x, h, new SequenceOptions { Lengths = lengths, Direction = Direction.Reverse });
        // end of example
        Assert.Equal(0, h[(4 * 3 + 1) * 5]);
        Assert.NotEqual(0, h[(1 * 3 + 1) * 5]);
    }

    [Fact]
    public void Layers_stand_on_one_another()
    {
        LayerWeights Random(LayerShape shape) => LayerWeights.Random(shape, seed: 1);
        LayerWeights forward = Random(LayerShape.Lstm(3, 4)), reverse = Random(LayerShape.Lstm(3, 4)), top = Random(LayerShape.Gru(8, 2));
        // example of T:FastRecurrence.StackLayer
        using var stack = new RecurrentStack(Backend.Simd, StackLayer.Bidirectional(forward, reverse), StackLayer.Unidirectional(top));
        using StackState state = stack.CreateState(batchSize: 1);
        // end of example
        Assert.Equal(3, stack.StateCount);
    }

    [Fact]
    public void A_stream_goes_on()
    {
        using var stack = new RecurrentStack(Backend.Simd, StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(3, 5), seed: 1)));
        float[] frame = new float[3], y = new float[5];
        // example of T:FastRecurrence.RecurrentStream
        using var stream = new RecurrentStream(stack);
        stream.Step(frame, y);
        byte[] saved = stream.State.Save(); // and later, perhaps elsewhere:
        stream.State.Restore(saved);
        // end of example
        Assert.NotEqual(0, y[0]);
    }

    [Fact]
    public void Threads_are_lent()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Lstm(3, 5), seed: 1));
        // example of T:FastRecurrence.WorkerTeam
        using var team = new WorkerTeam(workers: 2);
        using LayerState state = layer.CreateState(batchSize: 64, team); // calls with this state may use the team
        // end of example
        Assert.Equal(2, team.Workers);
    }

    [Fact]
    public void A_device_or_the_processor_is_chosen()
    {
        // example of T:FastRecurrence.Gpu.GpuBackends
        foreach (Backend b in GpuBackends.All)
            Console.WriteLine($"{b.Name}: {b.UnavailableReason ?? b.Description}");
        Backend device = GpuBackends.All.FirstOrDefault(b => b.IsAvailable && !b.IsCpuDevice) ?? Backend.Simd;
        // end of example
        Assert.True(device.IsAvailable);
    }

    [Fact]
    public void Files_become_layers()
    {
        string path = Path.Combine(Directory.CreateTempSubdirectory("fastrecurrence").FullName, "model.safetensors");
        using (FileStream written = File.Create(path))
            SafetensorsWriter.Write(written, PyTorchWeights.Export([StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(3, 5), seed: 1))]));
        // example of M:FastRecurrence.Import.PyTorchWeights.Find
        using SafetensorsFile file = SafetensorsFile.Open(path);
        foreach (PyTorchModule module in PyTorchWeights.Find(file))
            Console.WriteLine($"{module.Prefix}: {module.Refusal ?? "can be taken"}");
        using var stack = new RecurrentStack(Backend.Simd, PyTorchWeights.Find(file)[0].ToLayers());
        // end of example
        Assert.Equal(5, stack.OutputSize);
        File.Delete(path);
        Assert.ThrowsAny<IOException>(() => FromOnnx(path));
    }

    private static void FromOnnx(string path)
    {
        // example of M:FastRecurrence.Onnx.OnnxModel.Load
        OnnxModel model = OnnxModel.Load(path);
        using var stack = new RecurrentStack(Backend.Simd, [.. model.RequireLayers().Select(l => l.ToStackLayer())]);
        // end of example
    }

    private static string Lines(string code) => string.Join('\n', code.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0));

    [GeneratedRegex(@"// example of ([TM]:[A-Za-z.]+)\n")]
    private static partial Regex Marks();
}
