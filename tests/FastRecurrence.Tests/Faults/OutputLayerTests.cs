using FastRecurrence.Reference;
using FastRecurrence.Tests.Conformance;

namespace FastRecurrence.Tests.Faults;

/// <summary>The output layer: any size, no state, shared between threads, one chain from the bias in ascending k.</summary>
[Collection(nameof(Bits.OneAtATime))]
public sealed class OutputLayerTests
{
    public static TheoryData<string> Core => TestBackends.CoreNames;

    /// <summary>The reference sums in double.</summary>
    public static TheoryData<string> Simd => [.. TestBackends.Core.Where(b => b != Backend.Reference).Select(b => b.Name)];

    [Theory]
    [MemberData(nameof(Core))]
    public void Every_size_and_activation_agrees_with_the_double_reference(string name)
    {
        Backend backend = TestBackends.Named(name);
        foreach ((int rows, int H, int O) in (ReadOnlySpan<(int, int, int)>)[(1, 1, 1), (1, 5, 3), (2, 16, 33), (7, 9, 64), (97, 20, 65), (200, 3, 130), (1, 130, 257)])
        {
            foreach (ActivationFunction f in (ReadOnlySpan<ActivationFunction>)[Activation.Linear, Activation.Sigmoid, Activation.Tanh, Activation.Relu, new(Activation.HardSigmoid, 0.3f, 0.4f)])
            {
                var random = new Random(H + O);
                float[] h = Problem.Uniform(random, rows * H), w = Problem.Uniform(random, O * H), b = Problem.Uniform(random, O);
                double[] exact = ReferenceOutput.Apply(Problem.Widen(h), Problem.Widen(w), Problem.Widen(b), f);
                using var layer = new OutputLayer(backend, H, O, w, b, f);
                var y = new Guarded(rows * O);
                layer.Run(h, y.Span);
                for (int i = 0; i < exact.Length; i++)
                    Assert.True(Math.Abs(exact[i] - y.Span[i]) <= 2e-6 * Math.Max(1, Math.Abs(exact[i])), $"{layer}, {rows} rows: y[{i}] is {y.Span[i]}, exact {exact[i]}");
                y.AssertWrittenInside(layer);
            }
        }
    }

    /// <summary>The bits of an Elman layer without recurrence, which is how they were computed before.</summary>
    [Theory]
    [MemberData(nameof(Simd))]
    public void Every_value_is_one_chain_from_the_bias_in_ascending_k(string name)
    {
        const int Rows = 101, H = 300, O = 70;
        var random = new Random(5);
        float[] h = Problem.Uniform(random, Rows * H), w = Problem.Uniform(random, O * H), b = Problem.Uniform(random, O), y = new float[Rows * O], alone = new float[O];
        using var layer = new OutputLayer(TestBackends.Named(name), H, O, w, b);
        layer.Run(h, y);
        for (int row = 0; row < Rows; row++)
        {
            layer.Run(h.AsSpan(row * H, H), alone);
            for (int i = 0; i < O; i++)
            {
                float sum = b[i];
                for (int k = 0; k < H; k++)
                    sum = MathF.FusedMultiplyAdd(h[row * H + k], w[i * H + k], sum);
                Assert.Equal(BitConverter.SingleToUInt32Bits(sum), BitConverter.SingleToUInt32Bits(y[row * O + i]));
                Assert.Equal(BitConverter.SingleToUInt32Bits(sum), BitConverter.SingleToUInt32Bits(alone[i]));
            }
        }
    }

    [Fact]
    public void A_vocabulary_takes_the_memory_of_its_weights_alone()
    {
        const int H = 32, O = 100_003;
        float[] w = Problem.Uniform(new Random(1), O * H), y = new float[2 * O];
        long before = GC.GetTotalMemory(forceFullCollection: true);
        using var layer = new OutputLayer(Backend.Simd, H, O, w);
        long bytes = GC.GetTotalMemory(forceFullCollection: true) - before, needed = sizeof(float) * (O * H + O);
        Assert.InRange(bytes, needed / 2, needed * 105 / 100);
        layer.Run(w.AsSpan(0, 2 * H), y);
        Assert.Equal(w[..H].Sum(v => v * (double)v), y[0], 1e-5);
    }

    [Fact]
    public void Many_threads_share_one_layer()
    {
        const int H = 50, O = 40;
        using var layer = new OutputLayer(Backend.Simd, H, O, Problem.Uniform(new Random(1), O * H), activation: Activation.Tanh);
        float[][] inputs = [.. Enumerable.Range(0, 8).Select(i => Problem.Uniform(new Random(i), 3 * H))];
        float[] Run(float[] h)
        {
            var y = new float[3 * O];
            layer.Run(h, y);
            return y;
        }

        float[][] expected = [.. inputs.Select(Run)];
        Parallel.For(0, 400, new ParallelOptions { MaxDegreeOfParallelism = 8 }, i => Assert.Equal(expected[i % 8], Run(inputs[i % 8])));
    }

    [Fact]
    public void A_call_allocates_nothing()
    {
        using var layer = new OutputLayer(Backend.Simd, 30, 50, Problem.Uniform(new Random(1), 1500), activation: Activation.Tanh);
        float[] h = new float[120 * 30], y = new float[120 * 50];
        layer.Run(h, y);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            layer.Run(h, y);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void A_NaN_of_yesterday_or_of_another_row_reaches_nothing()
    {
        using var layer = new OutputLayer(Backend.Simd, 2, 1, [1, 2], [0.5f]);
        var y = new float[3];
        layer.Run([float.NaN, 1, 1, 1, 2, 2], y);
        Assert.True(float.IsNaN(y[0]));
        Assert.Equal([3.5f, 6.5f], y[1..]);
        layer.Run([1, 1], y.AsSpan(0, 1));
        Assert.Equal(3.5f, y[0]);
    }

    [Fact]
    public void A_refused_call_says_both_numbers_and_writes_nothing()
    {
        var e = Assert.Throws<ArgumentException>(() => new OutputLayer(Backend.Simd, hiddenSize: 2, outputSize: 1, new float[3]));
        Assert.Contains("[1, 2] = 2", e.Message);
        Assert.Contains("3 values", e.Message);
        Assert.Equal("bias", Assert.Throws<ArgumentException>(() => new OutputLayer(Backend.Simd, 2, 1, new float[2], new float[3])).ParamName);

        var layer = new OutputLayer(Backend.Simd, 2, 3, new float[6]);
        float[] y = [7, 7, 7, 7, 7, 7, 7];
        Assert.Contains("5 values", Assert.Throws<ArgumentException>("hidden", () => layer.Run(new float[5], y)).Message);
        Assert.Contains("7 values, expected 6", Assert.Throws<ArgumentException>("output", () => layer.Run(new float[4], y)).Message);
        Assert.Throws<ArgumentException>("output", () => layer.Run(y.AsSpan(0, 4), y.AsSpan(1, 6)));
        layer.Dispose();
        layer.Dispose();
        Assert.Contains("OutputLayer", Assert.Throws<ObjectDisposedException>(() => layer.Run(new float[4], new float[6])).Message);
        Assert.All(y, v => Assert.Equal(7f, v));
    }
}
