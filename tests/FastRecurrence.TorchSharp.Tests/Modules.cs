using FastRecurrence.TorchSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace FastRecurrence.TorchTests;

/// <summary>Which module, and how it is made.</summary>
public sealed record ModuleCase(string Cell, int Layers = 1, bool Both = false, bool BatchFirst = false, bool Bias = true, double Dropout = 0)
{
    public const int I = 5, H = 19, N = 3, T = 7;

    public int States => Layers * (Both ? 2 : 1);

    public bool HasCell => Cell == "lstm";

    public override string ToString() =>
        $"{Cell}{(Layers > 1 ? $" x{Layers}" : "")}{(Both ? " both" : "")}{(BatchFirst ? " batch first" : "")}{(Bias ? "" : " no bias")}";

    /// <summary>torch's own module.</summary>
    public Runner Torch()
    {
        switch (Cell)
        {
            case "lstm":
                var lstm = nn.LSTM(I, H, Layers, Bias, BatchFirst, Dropout, Both);
                return new Runner(lstm, (x, h, c) => Three(lstm.call(x, h is null ? null : (h, c!))), (x, h, c) => Packed(lstm.call(x, h is null ? null : (h, c!))));
            case "gru":
                var gru = nn.GRU(I, H, Layers, Bias, BatchFirst, Dropout, Both);
                return new Runner(gru, (x, h, _) => Two(gru.call(x, h)), (x, h, _) => Packed(gru.call(x, h)));
            default:
                var rnn = nn.RNN(I, H, Layers, Cell == "relu" ? nn.NonLinearities.ReLU : nn.NonLinearities.Tanh, Bias, BatchFirst, Dropout, Both);
                return new Runner(rnn, (x, h, _) => Two(rnn.call(x, h)), (x, h, _) => Packed(rnn.call(x, h)));
        }
    }

    /// <summary>The same line with this library's name.</summary>
    public Runner Fast()
    {
        switch (Cell)
        {
            case "lstm":
                var lstm = new FastLstm(I, H, Layers, Bias, BatchFirst, Dropout, Both);
                return new Runner(lstm, (x, h, c) => Three(lstm.call(x, h is null ? null : (h, c!))), (x, h, c) => Packed(lstm.call(x, h is null ? null : (h, c!))));
            case "gru":
                var gru = new FastGru(I, H, Layers, Bias, BatchFirst, Dropout, Both);
                return new Runner(gru, (x, h, _) => Two(gru.call(x, h)), (x, h, _) => Packed(gru.call(x, h)));
            default:
                var rnn = new FastRnn(I, H, Layers, Cell == "relu" ? nn.NonLinearities.ReLU : nn.NonLinearities.Tanh, Bias, BatchFirst, Dropout, Both);
                return new Runner(rnn, (x, h, _) => Two(rnn.call(x, h)), (x, h, _) => Packed(rnn.call(x, h)));
        }
    }

    /// <summary>x, or h and c, that want gradients.</summary>
    public Tensor Input() => (BatchFirst ? randn(N, T, I) : randn(T, N, I)).requires_grad_(true);

    public Tensor State() => (0.5 * randn(States, N, H)).detach().requires_grad_(true);

    private static Tensor[] Three((Tensor, Tensor, Tensor) o) => [o.Item1, o.Item2, o.Item3];

    private static Tensor[] Two((Tensor, Tensor) o) => [o.Item1, o.Item2];

    private static (nn.utils.rnn.PackedSequence, Tensor[]) Packed((nn.utils.rnn.PackedSequence, Tensor, Tensor) o) => (o.Item1, [o.Item2, o.Item3]);

    private static (nn.utils.rnn.PackedSequence, Tensor[]) Packed((nn.utils.rnn.PackedSequence, Tensor) o) => (o.Item1, [o.Item2]);
}

/// <summary>A module behind one signature.</summary>
public sealed record Runner(nn.Module Module, Func<Tensor, Tensor?, Tensor?, Tensor[]> Call,
    Func<nn.utils.rnn.PackedSequence, Tensor?, Tensor?, (nn.utils.rnn.PackedSequence Output, Tensor[] States)> CallPacked)
{
    /// <summary>Gradients of all parameters by name.</summary>
    public IEnumerable<(string Name, Tensor? Gradient)> Gradients() => Module.named_parameters().Select(p => (p.name, p.parameter.grad));
}

/// <summary>Comparisons of tensors in words.</summary>
internal static class Near
{
    /// <summary>Float against float: both round.</summary>
    private const double Tolerance = 1e-5;

    public static void Equal(Tensor expected, Tensor? actual, string what, double tolerance = Tolerance)
    {
        Assert.True(actual is not null, $"{what} is missing");
        Assert.Equal(expected.shape, actual.shape);
        double largest = Math.Max(1, expected.abs().max().item<float>()), difference = (expected - actual).abs().max().item<float>();
        Assert.True(difference <= tolerance * largest, $"{what} differs by {difference:E1}, largest value {largest:G3}");
    }

    public static void Bits(Tensor expected, Tensor actual, string what)
    {
        Assert.Equal(expected.shape, actual.shape);
        Assert.True(Same(expected, actual), $"{what} has other bits");
    }

    public static bool Same(Tensor a, Tensor b)
    {
        using Tensor first = a.contiguous(), second = b.contiguous();
        return first.bytes.SequenceEqual(second.bytes);
    }
}
