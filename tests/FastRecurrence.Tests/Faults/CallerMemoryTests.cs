using System.Runtime.InteropServices;
using FastRecurrence.Tests.Conformance;

namespace FastRecurrence.Tests.Faults;

/// <summary>What a call has checked is what it uses, whatever happens to the caller's memory meanwhile.</summary>
public sealed class CallerMemoryTests
{
    private const int T = 6, N = 5, I = 3, H = 4;

    public static TheoryData<string> Core => TestBackends.CoreNames;

    /// <summary>The call itself zeroes the padding of its output, and lengths may lie there.</summary>
    [Theory]
    [MemberData(nameof(Core))]
    public void Lengths_that_the_call_overwrites_are_those_it_was_given(string name)
    {
        using RecurrentLayer layer = TestBackends.Named(name).Prepare(LayerWeights.Random(LayerShape.Lstm(I, H), 1));
        float[] x = Problem.Uniform(new Random(1), T * N * I);
        int[] lengths = [2, 6, 1, 4, 2];
        float[] expected = Run(layer, x, new float[T * N * H], lengths);

        var output = new float[T * N * H];
        Span<int> inside = MemoryMarshal.Cast<float, int>(output.AsSpan(5 * N * H)); // step 5, row 0: padding
        inside = inside[..N];
        lengths.CopyTo(inside);
        Assert.Equal(expected, Run(layer, x, output, inside));
    }

    [Theory]
    [MemberData(nameof(Core))]
    public void Lengths_that_another_thread_changes_give_one_of_the_right_results(string name)
    {
        Backend backend = TestBackends.Named(name);
        using RecurrentLayer layer = backend.Prepare(LayerWeights.Random(LayerShape.Lstm(I, H), 1));
        using var stack = new RecurrentStack(backend, StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(I, H), 1)));
        float[] x = Problem.Uniform(new Random(1), T * N * I);
        float[][] right = [.. ((int[])[0, 1, T]).Select(length => Run(layer, x, new float[T * N * H], [3, 3, length, 3, 3]))];

        int[] racing = [3, 3, 1, 3, 3];
        bool stop = false;
        var writer = new Thread(() =>
        {
            for (int i = 0; !Volatile.Read(ref stop); i++)
                Volatile.Write(ref racing[2], (i & 3) switch { 0 => 0, 1 => T, 2 => 1, _ => int.MaxValue });
        })
        { IsBackground = true };
        writer.Start();
        try
        {
            var output = new float[T * N * H];
            long end = Environment.TickCount64 + 400;
            for (int i = 0; Environment.TickCount64 < end; i++)
            {
                try
                {
                    if (i % 2 == 0)
                        Run(layer, x, output, racing);
                    else
                        Run(stack, x, output, racing);
                }
                catch (ArgumentOutOfRangeException)
                {
                    continue;
                }

                Assert.Contains(right, r => r.AsSpan().SequenceEqual(output));
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            writer.Join();
        }
    }

    [Fact]
    public void A_mask_that_another_thread_changes_gives_one_of_the_right_results()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Lstm(I, H), 1));
        float[] x = Problem.Uniform(new Random(1), T * I);
        float[] Run(bool[] mask)
        {
            using LayerState state = layer.CreateState(1);
            var y = new float[T * H];
            MaskedSequence.Run(layer, state, T, x, mask, y);
            return y;
        }

        float[] with = Run([true, true, true, true, true, true]), without = Run([true, true, false, true, true, true]);
        bool[] racing = [true, true, true, true, true, true];
        bool stop = false;
        var writer = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
                Volatile.Write(ref racing[2], !racing[2]);
        })
        { IsBackground = true };
        writer.Start();
        try
        {
            long end = Environment.TickCount64 + 400;
            while (Environment.TickCount64 < end)
            {
                float[] y = Run(racing);
                Assert.True(y.AsSpan().SequenceEqual(with) || y.AsSpan().SequenceEqual(without), "a mixture of two masks");
            }
        }
        finally
        {
            Volatile.Write(ref stop, true);
            writer.Join();
        }
    }

    private static float[] Run(RecurrentLayer layer, float[] x, float[] output, ReadOnlySpan<int> lengths)
    {
        using LayerState state = layer.CreateState(N);
        layer.Run(state, T, x, output, new SequenceOptions { Lengths = lengths });
        return output;
    }

    private static void Run(RecurrentStack stack, float[] x, float[] output, ReadOnlySpan<int> lengths)
    {
        using StackState state = stack.CreateState(N);
        stack.Run(state, T, x, output, new StackOptions { Lengths = lengths });
    }
}
