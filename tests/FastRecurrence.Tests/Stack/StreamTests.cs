using FastRecurrence.Tests.Conformance;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Stack;

public sealed class StreamTests
{
    private const int T = 23, N = 2, I = 3;

    public static TheoryData<string> Core => TestBackends.CoreNames;

    private static RecurrentStack Make(Backend backend, int seed = 3) =>
        new(backend, StackTests.Random(LayerShape.Lstm(I, 13), 3, bidirectional: false, seed));

    [Theory]
    [MemberData(nameof(Core))]
    public void Chunks_of_any_size_have_the_bits_of_one_run(string name)
    {
        using RecurrentStack stack = Make(TestBackends.Named(name));
        float[] x = Problem.Uniform(new Random(1), T * N * I), whole = new float[T * N * stack.OutputSize];
        using (var stream = new RecurrentStream(stack, N))
            stream.Run(x, whole);
        foreach (int chunk in (int[])[1, 2, 7, 22])
        {
            using var stream = new RecurrentStream(stack, N);
            var y = new float[whole.Length];
            for (int t = 0; t < T; t += chunk)
            {
                int steps = Math.Min(chunk, T - t), o = N * stack.OutputSize;
                if (steps == 1)
                    stream.Step(x.AsSpan(t * N * I, N * I), y.AsSpan(t * o, o));
                else
                    stream.Run(x.AsSpan(t * N * I, steps * N * I), y.AsSpan(t * o, steps * o));
            }

            Assert.Equal(whole, y);
        }
    }

    [Theory]
    [MemberData(nameof(Core))]
    public void Saved_and_forked_states_go_on_as_the_original(string name)
    {
        Backend backend = TestBackends.Named(name);
        using RecurrentStack stack = Make(backend);
        float[] x = Problem.Uniform(new Random(1), T * N * I);
        int o = stack.OutputSize, half = 11;
        float[] first = new float[half * N * o], rest = new float[(T - half) * N * o], again = new float[rest.Length];
        using var stream = new RecurrentStream(stack, N);
        stream.Run(x.AsSpan(0, half * N * I), first);
        byte[] saved = stream.State.Save();
        using RecurrentStream fork = stream.Fork();
        stream.Run(x.AsSpan(half * N * I), rest);

        fork.Run(x.AsSpan(half * N * I), again);
        AssertSame(backend, rest, again);

        using RecurrentStack twin = Make(backend); // another object of the same weights, as after a restart
        using var restored = new RecurrentStream(twin, N);
        restored.State.Restore(saved);
        restored.Run(x.AsSpan(half * N * I), again);
        AssertSame(backend, rest, again);

        Assert.Equal(saved.Length, stream.State.SavedSize);
        restored.Reset();
        Assert.All(restored.State.Save().AsSpan(24, saved.Length - 32).ToArray(), b => Assert.Equal(0, b));
    }

    // The reference keeps its state in double and saves it in float.
    private static void AssertSame(Backend backend, float[] expected, float[] actual)
    {
        if (backend == Backend.Reference)
            Assert.Equal(expected, actual, (a, b) => Math.Abs(a - b) < 1e-6f);
        else
            Assert.Equal(expected, actual);
    }

    [Fact]
    public void Every_damaged_byte_of_a_saved_state_is_noticed_and_changes_nothing()
    {
        using RecurrentStack stack = Make(Backend.Simd);
        using StackState state = stack.CreateState(N);
        state.SetHidden(1, Problem.Uniform(new Random(4), N * 13));
        byte[] saved = state.Save();
        for (int i = 0; i < saved.Length; i++)
        {
            byte[] damaged = [.. saved];
            damaged[i] ^= 0x10;
            Assert.Throws<ModelFormatException>(() => state.Restore(damaged));
            Assert.Throws<ModelFormatException>(() => state.Restore(saved.AsSpan(0, i)));
        }

        Assert.Throws<ModelFormatException>(() => state.Restore([.. saved, 0]));
        Assert.Equal(saved, state.Save());
    }

    [Fact]
    public void A_state_of_other_weights_or_rows_is_refused()
    {
        using RecurrentStack stack = Make(Backend.Simd), other = Make(Backend.Simd, seed: 4);
        using StackState state = stack.CreateState(N), stranger = other.CreateState(N), wide = stack.CreateState(N + 1);
        Assert.Contains("weights", Assert.Throws<ArgumentException>("source", () => stranger.Restore(state.Save())).Message);
        Assert.Contains("3 rows", Assert.Throws<ArgumentException>("source", () => state.Restore(wide.Save())).Message);
        Assert.Throws<ArgumentException>("destination", () => state.Save(new byte[state.SavedSize - 1]));
    }

    [Fact]
    public void A_reverse_layer_cannot_stream()
    {
        using var stack = new RecurrentStack(Backend.Reference, StackTests.Random(LayerShape.Lstm(I, 4), 2, bidirectional: true));
        Assert.Contains("layer 0", Assert.Throws<NotSupportedException>(() => new RecurrentStream(stack)).Message);
    }

    [Fact]
    public void Half_a_step_is_refused()
    {
        using RecurrentStack stack = Make(Backend.Simd);
        using var stream = new RecurrentStream(stack, N);
        Assert.Throws<ArgumentException>("output", () => stream.Run(new float[N * I], new float[N * stack.OutputSize + 1]));
        Assert.Throws<ArgumentException>("input", () => stream.Run(new float[N * I + 1], new float[N * stack.OutputSize]));
    }

    [Fact]
    public void A_warm_stream_allocates_nothing()
    {
        using RecurrentStack stack = Make(Backend.Simd);
        using var stream = new RecurrentStream(stack, N);
        float[] x = new float[4 * N * I], y = new float[4 * N * stack.OutputSize];
        var saved = new byte[stream.State.SavedSize];
        void Work()
        {
            stream.Run(x, y);
            stream.Step(x.AsSpan(0, N * I), y.AsSpan(0, N * stack.OutputSize));
            stream.State.Save(saved);
            stream.State.Restore(saved);
        }

        Work();
        Work();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            Work();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }
}
