using System.Text.RegularExpressions;
using FastRecurrence.Gpu;
using FastRecurrence.Import;
using FastRecurrence.Onnx;

namespace FastRecurrence.Cli.Tests.Readme;

/// <summary>The code of the packages' readmes, word for word between the marks, compiled; that of a package for devices runs.</summary>
[Collection("devices")]
public sealed partial class PackageExamples
{
    [Theory]
    [InlineData("FastRecurrence")]
    [InlineData("FastRecurrence.Onnx")]
    [InlineData("FastRecurrence.Gpu")]
    public void Readmes_show_code_that_compiles(string package)
    {
        string root = Repository.Root;
        string readme = File.ReadAllText(Path.Combine(root, "src", package, "PACKAGE.md")).ReplaceLineEndings("\n");
        string source = File.ReadAllText(Path.Combine(root, "tests/FastRecurrence.Cli.Tests/Readme/PackageExamples.cs")).ReplaceLineEndings("\n");
        string begin = $"// readme of {package}\n", end = $"// end of {package}\n";
        string tested = source[(source.IndexOf(begin, StringComparison.Ordinal) + begin.Length)..source.IndexOf(end, StringComparison.Ordinal)];
        string shown = Usings().Replace(Code().Match(readme).Groups[1].Value, "").Trim('\n');
        Assert.Equal(shown, Indentation().Replace(tested, "").Trim('\n', ' '));
    }

    [Fact]
    public void A_device_or_the_processor_takes_a_step()
    {
        // readme of FastRecurrence.Gpu
        foreach (Backend b in Backend.All.Concat(GpuBackends.All))
            Console.WriteLine($"{b.Name}: {b.UnavailableReason ?? b.Description}");

        Backend device = GpuBackends.All.FirstOrDefault(b => b.IsAvailable && !b.IsCpuDevice) ?? Backend.Simd;
        using RecurrentLayer layer = device.Prepare(LayerWeights.Random(LayerShape.Lstm(256, 256), seed: 1));
        using LayerState state = layer.CreateState(batchSize: 64);
        float[] x = new float[64 * 256], h = new float[64 * 256];
        layer.Step(state, x, h);
        // end of FastRecurrence.Gpu

        Assert.Contains(h, v => v != 0);
    }

    [Fact]
    public void Files_that_are_absent_are_named()
    {
        Assert.Contains("model.safetensors", Assert.ThrowsAny<Exception>(PyTorch).Message);
        Assert.Contains("model.onnx", Assert.ThrowsAny<Exception>(Onnx).Message);
    }

    private static void PyTorch()
    {
        // readme of FastRecurrence
        // An nn.LSTM, nn.GRU or nn.RNN in a safetensors file; the file is read while the layers are made.
        using SafetensorsFile file = SafetensorsFile.Open("model.safetensors");
        using var stack = new RecurrentStack(Backend.Simd, PyTorchWeights.Find(file)[0].ToLayers());

        const int T = 100;                                // one sequence of 100 steps
        float[] x = new float[T * stack.InputSize], y = new float[T * stack.OutputSize];
        using StackState state = stack.CreateState(batchSize: 1);
        stack.Run(state, T, x, y);                        // x [T, N, I] in, h [T, N, H] out
        // end of FastRecurrence
    }

    private static void Onnx()
    {
        // readme of FastRecurrence.Onnx
        OnnxModel model = OnnxModel.Load("model.onnx");
        using var stack = new RecurrentStack(Backend.Simd, [.. model.RequireLayers().Select(l => l.ToStackLayer())]);

        const int T = 100;
        float[] x = new float[T * stack.InputSize], y = new float[T * stack.OutputSize];
        using StackState state = stack.CreateState(batchSize: 1);
        stack.Run(state, T, x, y);
        // end of FastRecurrence.Onnx
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Code();

    [GeneratedRegex("^using [A-Za-z.]+;\n", RegexOptions.Multiline)]
    private static partial Regex Usings();

    [GeneratedRegex("^ {8}", RegexOptions.Multiline)]
    private static partial Regex Indentation();
}
