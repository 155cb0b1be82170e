using FastRecurrence.Cpu;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Simd;

/// <summary>On the CPU the bits do not depend on width, batch size, position in the batch, tile, chunk or alignment.</summary>
public sealed class BitIdentityTests
{
    private static readonly Backend[] Cpu = [.. Backend.All.Where(b => b.Name != "reference")];

    [Fact]
    public void Every_width_gives_the_same_bits()
    {
        Assert.Equal(5, Cpu.Length);
        foreach (Problem p in Problem.Sizes().Concat(Problem.Variations()))
        {
            float[]? expected = null;
            foreach (Backend backend in Cpu)
            {
                float[] actual = Run(backend, p.Weights, p.Input, p.T, p.N);
                expected ??= actual;
                BackendContract.AssertSameBits(p, backend.Name, expected, actual);
            }
        }
    }

    [Theory]
    [InlineData("simd-256")]
    [InlineData("simd-512")]
    [InlineData("scalar")]
    public void A_row_alone_has_the_bits_it_has_in_any_batch(string name)
    {
        Backend backend = Named.Core(name);
        foreach (Problem largest in Problem.Each(13, 21, 5, 101))
        {
            int I = largest.Shape.InputSize, P = largest.Shape.OutputSize, T = largest.T;
            float[] all = Run(backend, largest.Weights, largest.Input, T, largest.N);
            foreach (int N in (int[])[1, 2, 3, 4, 5, 6, 7, 31, 32, 33, 97])
            {
                for (int first = 0; first + N <= largest.N; first += Math.Max(1, largest.N - N))
                {
                    float[] part = Run(backend, largest.Weights, Rows(largest.Input, T, largest.N, I, first, N), T, N);
                    BackendContract.AssertSameBits(largest, $"rows {first}..{first + N} as a batch of {N}", Rows(all, T, largest.N, P, first, N), part);
                }
            }
        }
    }

    /// <summary>There tiles fetch what is needed next, all of it or shares.</summary>
    [Theory]
    [InlineData(300, nameof(CacheLevel.Third))]
    [InlineData(960, nameof(CacheLevel.Memory))]
    public void Weights_from_beyond_the_second_cache_level_give_the_same_bits(int H, string at)
    {
        const int T = 2;
        LayerShape shape = LayerShape.Lstm(H, H);
        Assert.Equal(at, Tuning.Current.LevelOf(sizeof(float) * (shape.InputWeightCount + (long)shape.RecurrentWeightCount)).ToString());
        LayerWeights weights = LayerWeights.Random(shape, 3);
        float[] input = Problem.Uniform(new Random(4), T * 26 * H);
        foreach (Backend backend in (Backend[])[Named.Core("simd-256"), Named.Core("simd-512")])
        {
            using RecurrentLayer layer = backend.Prepare(weights);
            float[] alone = Run(layer, Rows(input, T, 26, H, 3, 1), T, 1);
            // 1, 2, 3, 5 tiles of up to six rows.
            foreach (int N in (int[])[4, 10, 16, 26])
            {
                float[] all = Run(layer, Rows(input, T, 26, H, 0, N), T, N);
                BackendContract.AssertSameBits($"{shape}, {backend.Name}", $"row 3 of {N}", alone, Rows(all, T, N, H, 3, 1));
            }
        }
    }

    [Fact]
    public void A_row_of_a_ragged_batch_has_the_bits_it_has_alone()
    {
        foreach (LayerShape shape in Ragged.Shapes)
        {
            var ragged = new Ragged(shape, Direction.Forward, Padding.Right, SequenceLayout.TimeMajor);
            Problem p = ragged.Dense;
            int I = shape.InputSize, P = shape.OutputSize;
            using RecurrentLayer layer = Backend.Simd.Prepare(p.Weights);
            var output = new float[p.T * p.N * P];
            using (LayerState state = layer.CreateState(p.N))
                layer.Run(state, p.T, ragged.Input, output, new SequenceOptions { Lengths = Ragged.Lengths });
            for (int n = 0; n < p.N; n++)
            {
                int length = Ragged.Lengths[n];
                float[] alone = Run(Backend.Simd, p.Weights, Rows(p.Input, p.T, p.N, I, n, 1)[..(length * I)], length, 1);
                BackendContract.AssertSameBits(ragged, $"row {n}", alone, Rows(output, p.T, p.N, P, n, 1).AsSpan(0, length * P));
            }
        }
    }

    [Fact]
    public void Denormals_are_kept_and_agree_with_the_reference()
    {
        // h halves from 1 down to 2⁻¹⁴⁰, far below the smallest normal float.
        LayerShape shape = LayerShape.Elman(1, 3, Activation.Linear);
        var weights = new LayerWeights(shape, new float[3], [0.5f, 0, 0, 0, 0.5f, 0, 0, 0, 0.5f]);
        foreach (Backend backend in Cpu)
        {
            using RecurrentLayer layer = backend.Prepare(weights);
            using LayerState state = layer.CreateState(1);
            state.SetHidden([1f, -1f, 0.75f]);
            var output = new float[140 * 3];
            layer.Run(state, 140, new float[140], output);
            for (int t = 0; t < 140; t++)
                Assert.Equal([(float)Math.ScaleB(1, -t - 1), (float)Math.ScaleB(-1, -t - 1), (float)Math.ScaleB(0.75, -t - 1)], output[(t * 3)..(t * 3 + 3)]);
        }
    }

    [Fact]
    public void Misaligned_spans_give_the_same_bits()
    {
        foreach (Problem p in Problem.Each(9, 17, 3, 4))
        {
            float[] expected = Run(Backend.Simd, p.Weights, p.Input, p.T, p.N);
            using RecurrentLayer layer = Backend.Simd.Prepare(p.Weights);
            for (int offset = 0; offset < 16; offset++)
            {
                var input = new float[p.Input.Length + offset];
                p.Input.CopyTo(input, offset);
                var output = new Guarded(expected.Length, offset);
                using LayerState state = layer.CreateState(p.N);
                layer.Run(state, p.T, input.AsSpan(offset), output.Span);
                output.AssertWrittenInside(p);
                BackendContract.AssertSameBits(p, $"offset {offset}", expected, output.Span);
            }
        }
    }

    private static float[] Run(Backend backend, LayerWeights weights, float[] input, int T, int N)
    {
        using RecurrentLayer layer = backend.Prepare(weights);
        return Run(layer, input, T, N);
    }

    private static float[] Run(RecurrentLayer layer, float[] input, int T, int N)
    {
        using LayerState state = layer.CreateState(N);
        var output = new float[T * N * layer.Shape.OutputSize];
        layer.Run(state, T, input, output);
        return output;
    }

    private static float[] Rows(float[] sequence, int T, int N, int width, int first, int count)
    {
        var rows = new float[T * count * width];
        for (int t = 0; t < T; t++)
            Array.Copy(sequence, (t * N + first) * width, rows, t * count * width, count * width);
        return rows;
    }
}
