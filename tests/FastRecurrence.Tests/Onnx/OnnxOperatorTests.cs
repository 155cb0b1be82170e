using FastRecurrence.Onnx;
using FastRecurrence.Onnx.Proto;
using FastRecurrence.TestKit.Cases;
using FastRecurrence.Tests.Conformance;
using FastRecurrence.Tests.Contract;
using static FastRecurrence.TestKit.Models.TinyModel;

namespace FastRecurrence.Tests.Onnx;

/// <summary>What ONNX' text leaves open, decided; and the runner's own edges.</summary>
[Collection("devices")]
public sealed class OnnxOperatorTests
{
    private const int I = 3, H = 2;

    public static TheoryData<string> Complete => TestBackends.CompleteNames;

    private static OnnxOperator Prepare(string backend, Action<ModelProto>? change = null) => Lstm(change).Load().RequireLayers()[0].Prepare(TestBackends.Named(backend));

    private static void Bidirectional(ModelProto model)
    {
        model.Rnn().With(Text("direction", "bidirectional"));
        foreach ((string name, long[] shape) in (ReadOnlySpan<(string, long[])>)[("W", [2, 8, 3]), ("R", [2, 8, 2]), ("B", [2, 16])])
        {
            model.Graph.Initializer.Remove(model.Stored(name));
            model.Graph.Initializer.Add(Floats(name, shape));
        }
    }

    [Theory]
    [MemberData(nameof(Complete))]
    public void A_row_without_steps_ends_with_zeros_even_from_an_initial_state(string backend)
    {
        using OnnxOperator node = Prepare(backend);
        float[] y = new float[2 * 2 * H], h = new float[2 * H], c = new float[2 * H], start = [1, 2, 3, 4];
        node.Run(new OnnxInputs(2, 2, Problem.Uniform(new Random(1), 2 * 2 * I)) { Lengths = [0, 1], InitialHidden = start, InitialCell = start }, new OnnxOutputs { Y = y, LastHidden = h, LastCell = c });
        Assert.Equal([0, 0], h[..2]);
        Assert.Equal([0, 0], c[..2]);
        Assert.Equal(y[2..4], h[2..4]);
        Assert.All([.. y[..2], .. y[4..]], v => Assert.Equal(0, v));
        Assert.NotEqual(0, h[2]);
    }

    [Theory]
    [MemberData(nameof(Complete))]
    public void No_steps_give_zero_states_and_no_rows_give_nothing(string backend)
    {
        using OnnxOperator node = Prepare(backend, Bidirectional);
        float[] h = [1, 1, 1, 1], c = [1, 1, 1, 1];
        node.Run(new OnnxInputs(0, 1, []) { InitialHidden = [5, 5, 5, 5] }, new OnnxOutputs { LastHidden = h, LastCell = c });
        Assert.Equal(new float[4], h);
        Assert.Equal(new float[4], c);
        node.Run(new OnnxInputs(3, 0, []), new OnnxOutputs());
    }

    /// <summary>Layout 1 moves numbers and changes none: states are batch-major too.</summary>
    [Theory]
    [MemberData(nameof(Complete))]
    public void Layout_1_is_layout_0_transposed(string backend)
    {
        const int T = 4, N = 3, D = 2;
        using OnnxOperator timeMajor = Prepare(backend, Bidirectional), batchMajor = Prepare(backend, m =>
        {
            Bidirectional(m);
            m.Rnn().With(Integer("layout", 1));
        });
        var random = new Random(2);
        float[] x = Problem.Uniform(random, T * N * I), h0 = Problem.Uniform(random, D * N * H), c0 = Problem.Uniform(random, D * N * H);
        int[] lengths = [4, 0, 2];
        float[] y = new float[T * D * N * H], h = new float[D * N * H], c = new float[D * N * H], y1 = new float[y.Length], h1 = new float[h.Length], c1 = new float[c.Length];
        float[] Swap(float[] v, int a, int b, int width) => [.. NumberTensor.SwapOuter(Problem.Widen(v), a, b, width).Select(d => (float)d)];
        timeMajor.Run(new OnnxInputs(T, N, x) { Lengths = lengths, InitialHidden = h0, InitialCell = c0 }, new OnnxOutputs { Y = y, LastHidden = h, LastCell = c });
        batchMajor.Run(new OnnxInputs(T, N, Swap(x, T, N, I)) { Lengths = lengths, InitialHidden = Swap(h0, D, N, H), InitialCell = Swap(c0, D, N, H) }, new OnnxOutputs { Y = y1, LastHidden = h1, LastCell = c1 });
        Assert.Equal(h, Swap(h1, N, D, H));
        Assert.Equal(c, Swap(c1, N, D, H));
        for (int t = 0; t < T; t++)
        {
            for (int d = 0; d < D; d++)
            {
                for (int n = 0; n < N; n++)
                    Assert.Equal(y.AsSpan(((t * D + d) * N + n) * H, H).ToArray(), y1.AsSpan(((n * T + t) * D + d) * H, H).ToArray());
            }
        }
    }

    [Fact]
    public void Calls_that_do_not_fit_are_refused()
    {
        using OnnxOperator node = Prepare("reference");
        Assert.Throws<ArgumentException>("x", () => node.Run(new OnnxInputs(1, 1, new float[4]), new OnnxOutputs()));
        Assert.Throws<ArgumentException>("y", () => node.Run(new OnnxInputs(1, 1, new float[3]), new OnnxOutputs { Y = new float[3] }));
        Assert.Throws<ArgumentException>("initialHidden", () => node.Run(new OnnxInputs(1, 2, new float[6]) { InitialHidden = new float[2] }, new OnnxOutputs()));
        Assert.Throws<ArgumentException>("lengths", () => node.Run(new OnnxInputs(1, 2, new float[6]) { Lengths = [1] }, new OnnxOutputs()));
        Assert.Throws<ArgumentOutOfRangeException>("lengths", () => node.Run(new OnnxInputs(1, 2, new float[6]) { Lengths = [1, 2] }, new OnnxOutputs()));
    }

    /// <summary>A clip bounds preactivations, not c: from c = 100 under clip 1, f is at most σ(1).</summary>
    [Theory]
    [MemberData(nameof(Complete))]
    public void A_clip_does_not_bound_the_cell(string backend)
    {
        using OnnxOperator node = Prepare(backend, m => m.Rnn().With(Float("clip", 1)));
        float[] c = new float[H];
        node.Run(new OnnxInputs(1, 1, [1000, 1000, 1000]) { InitialCell = [100, 100] }, new OnnxOutputs { LastCell = c });
        Assert.All(c, v => Assert.True(Math.Abs(v) > 20));
    }
}
