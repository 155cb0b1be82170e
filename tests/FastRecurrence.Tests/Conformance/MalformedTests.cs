using System.Diagnostics;
using System.Text.Json;
using FastRecurrence.Import;
using FastRecurrence.Onnx;

namespace FastRecurrence.Tests.Conformance;

/// <summary>Every file of the manifest: its expected outcome, no other exception, quickly and without much memory.</summary>
public sealed class MalformedTests
{
    private static IEnumerable<(string Path, string Expect)> Files(string section, string folder)
    {
        string root = ConformanceData.Folder("malformed");
        using JsonDocument manifest = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(root, "manifest.json")));
        return [.. manifest.RootElement.GetProperty(section).EnumerateArray().Select(f => (Path.Combine(root, folder, f.GetProperty("file").GetString()!), f.GetProperty("expect").GetString()!))];
    }

    /// <summary>The refusal's message, or null when all went well; any other exception fails the test.</summary>
    private static string? Refusal(Action action)
    {
        try
        {
            action();
            return null;
        }
        catch (Exception e) when (e is ModelFormatException or NotSupportedException)
        {
            Assert.DoesNotContain('\n', e.Message);
            return e.Message;
        }
    }

    private static void Check(string section, string folder, Action<string> load, Action<string> use)
    {
        int count = 0;
        foreach ((string path, string expect) in Files(section, folder))
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            long start = Stopwatch.GetTimestamp();
            string? onLoad = Refusal(() => load(path)), onUse = onLoad ?? Refusal(() => use(path));
            Assert.True(Stopwatch.GetElapsedTime(start) < TimeSpan.FromSeconds(10), path);
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated < 2 * (4 * new FileInfo(path).Length + (16 << 20)), $"{path}: {allocated} bytes"); // read twice here
            bool right = expect switch
            {
                "accept" => onUse is null,
                "reject" => onLoad is not null,
                "reject-on-use" => onUse is not null,
                "reject-or-support" or "accept-or-documented" => onUse is null, // supported
                "no-crash" => true,
                _ => false,
            };
            Assert.True(right, $"{path}: expected {expect}, but loading says '{onLoad}' and using '{onUse}'");
            if (onLoad is not null)
                Assert.Contains(Path.GetFileName(path), onLoad);
            TestContext.Current.TestOutputHelper?.WriteLine($"{Path.GetFileName(path)} [{expect}]: {onUse ?? "accepted"}");
            count++;
        }

        Assert.True(count >= 37, $"{count} files in the manifest");
    }

    [Fact]
    public void Safetensors() => Check("safetensors", "safetensors",
        path => SafetensorsFile.Open(path).Dispose(),
        path =>
        {
            using SafetensorsFile file = SafetensorsFile.Open(path);
            foreach (PyTorchModule module in PyTorchWeights.Find(file))
                module.ToLayers();
            foreach (TensorInfo info in file.Tensors)
                Assert.Equal(info.ElementCount, file.ReadFloats(info.Name).Length);
        });

    [Fact]
    public void Onnx() => Check("onnx", "",
        path => OnnxModel.Load(path),
        path =>
        {
            foreach (OnnxLayer layer in OnnxModel.Load(path).RequireLayers())
            {
                using OnnxOperator node = layer.Prepare(Backend.Reference);
                int I = layer.Shapes[0].InputSize, D = layer.Shapes.Count, H = layer.Shapes[0].HiddenSize;
                node.Run(new OnnxInputs(2, 1, new float[2 * I]), new OnnxOutputs { Y = new float[2 * D * H], LastHidden = new float[D * H] });
            }
        });

    [Fact]
    public void The_tricky_but_valid_files_mean_what_they_say()
    {
        string root = ConformanceData.Folder("malformed", "onnx-valid-but-tricky");
        Assert.Equal(SequenceLayout.BatchMajor, OnnxModel.Load(Path.Combine(root, "layout_1.onnx")).RequireLayers()[0].Layout);
        LayerShape lower = OnnxModel.Load(Path.Combine(root, "lowercase_activations.onnx")).RequireLayers()[0].Shapes[0];
        Assert.Equal(Activation.Sigmoid, lower.GateActivation.Kind);
        Assert.NotNull(OnnxModel.Load(Path.Combine(root, "nan_weight.onnx")).RequireLayers()[0].ReadWeights()[0].FindNonFinite());
        LayerWeights ok = OnnxModel.Load(ConformanceData.Folder("malformed", "onnx", "ok_lstm.onnx")).RequireLayers()[0].ReadWeights()[0];
        Assert.Equal("lstm_i3_h2", ok.Shape.ToString());
    }

    [Fact]
    public void Accepted_safetensors_hold_the_right_values()
    {
        string root = ConformanceData.Folder("malformed", "safetensors");
        using SafetensorsFile scalar = SafetensorsFile.Open(Path.Combine(root, "ok_scalar.safetensors"));
        Assert.Single(scalar.ReadFloats(Assert.Single(scalar.Tensors).Name));
        using SafetensorsFile odd = SafetensorsFile.Open(Path.Combine(root, "ok_nan_inf_values.safetensors"));
        Assert.Contains(odd.ReadFloats(odd.Tensors[0].Name), float.IsNaN);
        using SafetensorsFile lstm = SafetensorsFile.Open(Path.Combine(root, "lstm_ok.safetensors"));
        PyTorchModule module = Assert.Single(PyTorchWeights.Find(lstm));
        Assert.Equal((CellKind.Lstm, 3, 2, 1), (module.Cell, module.InputSize, module.HiddenSize, module.LayerCount));
        Assert.Equal(lstm.ReadFloats("weight_ih_l0"), module.ToLayers()[0].Forward!.InputWeights.ToArray());
        using SafetensorsFile projected = SafetensorsFile.Open(Path.Combine(root, "lstm_projection.safetensors"));
        Assert.Equal(1, Assert.Single(PyTorchWeights.Find(projected)).ProjectionSize);
    }
}
