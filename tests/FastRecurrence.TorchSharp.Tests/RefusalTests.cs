using FastRecurrence.TorchSharp;
using TorchSharp;
using static TorchSharp.torch;

namespace FastRecurrence.TorchTests;

/// <summary>What is not supported is refused by name, before any work where that is possible.</summary>
public class RefusalTests
{
    public static TheoryData<string, string> BadInputs => new()
    {
        { "double", "Float64" },
        { "device", "meta" },
        { "features", "[4, 2, 6]" },
        { "dimensions", "[4]" },
        { "no steps", "0 steps" },
        { "hidden rows", "h0 has the shape [1, 3, 8]" },
        { "hidden type", "h0 is Float64" },
        { "cell", "c0 has the shape" },
    };

    [Theory, MemberData(nameof(BadInputs))]
    public void Bad_input_is_refused_with_what_was_expected(string what, string says)
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        using var lstm = new FastLstm(5, 8);
        Tensor x = what switch
        {
            "double" => randn(4, 2, 5, dtype: ScalarType.Float64),
            "device" => empty(4, 2, 5, device: META),
            "features" => randn(4, 2, 6),
            "dimensions" => randn(4),
            "no steps" => randn(0, 2, 5),
            _ => randn(4, 2, 5),
        };
        (Tensor, Tensor)? states = what switch
        {
            "hidden rows" => (zeros(1, 3, 8), zeros(1, 2, 8)),
            "hidden type" => (zeros(1, 2, 8, dtype: ScalarType.Float64), zeros(1, 2, 8)),
            "cell" => (zeros(1, 2, 8), zeros(1, 2, 9)),
            _ => null,
        };
        string message = Assert.ThrowsAny<ArgumentException>(() => lstm.call(x, states)).Message;
        Assert.Contains(says, message, StringComparison.Ordinal);
        using (no_grad())
            Assert.Equal([4, 2, 8], lstm.call(randn(4, 2, 5)).Item1.shape);
    }

    [Fact]
    public void Parameters_of_another_type_are_refused()
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        using var gru = new FastGru(5, 8);
        gru.to(ScalarType.Float64);
        Assert.Contains("weight_ih_l0 is Float64", Assert.Throws<ArgumentException>(() => gru.call(randn(4, 2, 5))).Message, StringComparison.Ordinal);
        gru.to(ScalarType.Float32);
        Assert.Equal([4, 2, 8], gru.call(randn(4, 2, 5)).Item1.shape);
    }

    [Fact]
    public void Constructor_arguments_are_checked()
    {
        Libtorch.Require();
        Assert.Throws<ArgumentOutOfRangeException>("inputSize", () => new FastLstm(0, 8));
        Assert.Throws<ArgumentOutOfRangeException>("hiddenSize", () => new FastGru(5, 0));
        Assert.Throws<ArgumentOutOfRangeException>("numLayers", () => new FastRnn(5, 8, 0));
        Assert.Throws<ArgumentOutOfRangeException>("dropout", () => new FastLstm(5, 8, 2, dropout: 1));
        Assert.ThrowsAny<ArgumentException>(() => new FastLstm(5, 8, projSize: 8));
        Assert.Throws<ArgumentOutOfRangeException>("nonLinearity", () => new FastRnn(5, 8, 1, (nn.NonLinearities)7));
    }

    [Fact]
    public void Gradients_of_gradients_are_refused_and_the_module_says_why()
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        using var lstm = new FastLstm(5, 8);
        Tensor x = randn(4, 2, 5).requires_grad_(true), loss = lstm.call(x).Item1.sum();
        Assert.ThrowsAny<Exception>(() => loss.backward(create_graph: true));
        Assert.Contains("create_graph", lstm.BackwardFailure, StringComparison.Ordinal);
        Assert.True(x.grad is null);
        lstm.call(x).Item1.sum().backward();
        Assert.NotNull(x.grad);
    }

    [Fact]
    public void Gradients_may_be_asked_for_without_accumulating_them()
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        using var lstm = new FastLstm(5, 8);
        Tensor x = randn(4, 2, 5).requires_grad_(true);
        Tensor dx = autograd.grad([lstm.call(x).Item1.sum()], [x])[0];
        lstm.call(x).Item1.sum().backward();
        Near.Bits(x.grad!, dx, "x");
    }

    [Fact]
    public void Input_that_was_changed_in_place_is_refused()
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        using var rnn = new FastRnn(5, 8);
        Tensor x = randn(4, 2, 5), loss = rnn.call(x).Item1.sum();
        x.add_(1);
        Assert.ThrowsAny<Exception>(() => loss.backward());
        Assert.Contains("inplace", rnn.BackwardFailure, StringComparison.Ordinal);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void Weights_that_were_changed_and_used_since_are_refused(bool afterOnePass)
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        using var rnn = new FastRnn(5, 8);
        Tensor x = randn(4, 2, 5), loss = rnn.call(x).Item1.sum();
        if (afterOnePass)
            loss.backward(retain_graph: true);
        using (no_grad())
            rnn.get_parameter("weight_hh_l0")!.mul_(0.5);
        rnn.call(x);
        Assert.ThrowsAny<Exception>(() => loss.backward());
        Assert.Contains("weights have changed", rnn.BackwardFailure, StringComparison.Ordinal);
    }

    [Fact]
    public void A_module_that_was_disposed_is_refused()
    {
        Libtorch.Require();
        using var scope = NewDisposeScope();
        var lstm = new FastLstm(5, 8);
        Tensor loss = lstm.call(randn(4, 2, 5).requires_grad_(true)).Item1.sum();
        lstm.Dispose();
        Assert.ThrowsAny<Exception>(() => lstm.call(randn(4, 2, 5)));
        Assert.ThrowsAny<Exception>(() => loss.backward());
        Assert.Contains("disposed", lstm.BackwardFailure, StringComparison.OrdinalIgnoreCase);
    }
}
