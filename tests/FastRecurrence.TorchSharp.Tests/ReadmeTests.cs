using System.Text.RegularExpressions;
using FastRecurrence.TorchSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace FastRecurrence.TorchTests;

/// <summary>The code of the package's readme, word for word between the marks, compiled, and run where libtorch loads.</summary>
public sealed partial class ReadmeTests
{
    [Fact]
    public void Readme_shows_code_that_compiles()
    {
        string? root = AppContext.BaseDirectory;
        while (!File.Exists(Path.Combine(root!, "FastRecurrence.sln")))
            root = Path.GetDirectoryName(root);
        string Read(string path) => File.ReadAllText(Path.Combine(root!, path)).ReplaceLineEndings("\n");
        string source = Read("tests/FastRecurrence.TorchSharp.Tests/ReadmeTests.cs");
        const string Begin = "// readme of the package\n", End = "// end of the readme\n";
        string tested = source[(source.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length)..];
        tested = tested[..tested.IndexOf(End, StringComparison.Ordinal)];
        string shown = Usings().Replace(Code().Match(Read("src/FastRecurrence.TorchSharp/PACKAGE.md")).Groups[1].Value, "").Trim('\n');
        Assert.Equal(shown, Indentation().Replace(tested, "").Trim('\n', ' '));
    }

    [Fact]
    public void Its_loop_trains()
    {
        Libtorch.Require();
        manual_seed(1);
        // readme of the package
        using var lstm = new FastLstm(3, 32, numLayers: 2, batchFirst: true);   // was: nn.LSTM(3, 32, numLayers: 2, batchFirst: true)
        using var head = nn.Linear(32, 1);
        using var adam = optim.Adam(lstm.parameters().Concat(head.parameters()), 0.01);
        Tensor x = randn(16, 20, 3), target = x.sum(2).cumsum(1).unsqueeze(2);
        double last = 0;
        for (int step = 0; step < 100; step++)
        {
            using var scope = NewDisposeScope();
            adam.zero_grad();
            (Tensor y, Tensor h, Tensor c) = lstm.call(x);
            Tensor loss = nn.functional.mse_loss(head.call(y), target);
            loss.backward();
            adam.step();
            last = loss.item<float>();
        }
        // end of the readme

        double first = (target * target).mean().item<float>(); // of an answer that is always 0
        Assert.InRange(last, 0, 0.7 * first);
    }

    [GeneratedRegex("```csharp\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex Code();

    [GeneratedRegex("^using [^(]*?;\n", RegexOptions.Multiline)]
    private static partial Regex Usings();

    [GeneratedRegex("^ {8}", RegexOptions.Multiline)]
    private static partial Regex Indentation();
}
