using FastRecurrence.Tests.Conformance;

namespace FastRecurrence.Tests.Faults;

/// <summary>Stacks: what is refused is refused before anything has moved; what has begun ends, whoever disposes meanwhile.</summary>
[Collection("devices")]
public sealed class StackFaultTests
{
    private static RecurrentStack Make(Backend backend, int layers, int H)
    {
        var stack = new StackLayer[layers];
        for (int k = 0; k < layers; k++)
            stack[k] = StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Elman(k == 0 ? 1 : H, k == layers - 1 ? 1 : H), k));
        return new RecurrentStack(backend, stack);
    }

    [Fact]
    public void A_sequence_too_long_for_the_memory_between_layers_is_refused_before_the_first_runs()
    {
        // The first layer is narrow, so that what lies behind it could be had; behind the second it could not.
        using var stack = new RecurrentStack(Backend.Simd,
            StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Elman(1, 1), 1)),
            StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Elman(1, 2048), 2)),
            StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Elman(2048, 1), 3)));
        const int T = 1 << 14, N = 64;
        using StackState state = stack.CreateState(N);
        state.SetHidden(0, Problem.Uniform(new Random(1), N));
        byte[] before = state.Save();
        float[] x = new float[T * N], y = [.. Enumerable.Repeat(7f, T * N)];
        var e = Assert.Throws<ArgumentOutOfRangeException>("sequenceLength", () => stack.Run(state, T, x, y));
        Assert.Contains("layer 1", e.Message);
        Assert.Equal(before, state.Save());
        Assert.All(y, v => Assert.Equal(7f, v));
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void A_stack_that_is_disposed_lets_the_call_in_progress_finish(string name)
    {
        Backend backend = TestBackends.Named(name);
        const int T = 40, H = 24;
        float[] x = Problem.Uniform(new Random(2), T);
        float[] expected = new float[T];
        byte[] fresh, after;
        using (RecurrentStack stack = Make(backend, 4, H))
        using (StackState state = stack.CreateState(1))
        {
            fresh = state.Save();
            stack.Run(state, T, x, expected);
            after = state.Save();
        }

        int finished = 0, refused = 0;
        for (int round = 0; round < (name.StartsWith("opencl", StringComparison.Ordinal) ? 20 : 200); round++)
        {
            RecurrentStack stack = Make(backend, 4, H);
            StackState state = stack.CreateState(1);
            var output = new float[T];
            using var barrier = new Barrier(2);
            var disposer = new Thread(() =>
            {
                barrier.SignalAndWait(TestContext.Current.CancellationToken);
                Thread.SpinWait(round % 20 * 50);
                stack.Dispose();
                stack.Dispose();
            });
            disposer.Start();
            barrier.SignalAndWait(TestContext.Current.CancellationToken);
            try
            {
                stack.Run(state, T, x, output);
                finished++;
                Assert.Equal(expected, output);
                Assert.Equal(after, state.Save());
            }
            catch (ObjectDisposedException)
            {
                refused++;
                Assert.Equal(new float[T], output);
                Assert.Equal(fresh, state.Save());
            }

            disposer.Join();
            Assert.Throws<ObjectDisposedException>(() => stack.Run(state, T, x, output));
            state.Dispose();
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{finished} calls finished, {refused} refused");
    }

    public static TheoryData<string> Names => [.. TestBackends.Complete.Select(b => b.Name)];

    [Fact]
    public void The_layers_of_a_disposed_stack_go_with_the_last_call()
    {
        var calls = new Threading.CallCount();
        Assert.True(calls.TryEnter());
        Assert.True(calls.TryEnter());
        Assert.False(calls.Close());
        Assert.True(calls.IsClosed);
        Assert.False(calls.TryEnter());
        Assert.False(calls.Leave());
        Assert.False(calls.Close());
        Assert.True(calls.Leave());

        var idle = new Threading.CallCount();
        Assert.True(idle.TryEnter());
        Assert.False(idle.Leave());
        Assert.True(idle.Close());
        Assert.False(idle.Close());
    }

    [Fact]
    public void A_warm_stack_with_lengths_and_both_directions_allocates_nothing()
    {
        LayerWeights weights = LayerWeights.Random(LayerShape.Lstm(6, 3), 1);
        using var stack = new RecurrentStack(Backend.Simd, StackLayer.Bidirectional(weights, weights), StackLayer.Bidirectional(weights, weights), StackLayer.Unidirectional(weights));
        using StackState state = stack.CreateState(3);
        float[] x = new float[4 * 3 * 6], y = new float[4 * 3 * 3];
        int[] lengths = [4, 1, 3];
        void Run() => stack.Run(state, 4, x, y, new StackOptions { Lengths = lengths, Padding = Padding.Left, Layout = SequenceLayout.BatchMajor });
        Run();
        Run();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++)
            Run();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void Indices_out_of_range_and_layers_that_are_null_are_argument_errors()
    {
        using RecurrentStack stack = Make(Backend.Simd, 2, 3);
        using StackState state = stack.CreateState(1);
        foreach (int index in (int[])[-1, 2, int.MaxValue])
        {
            Assert.Throws<ArgumentOutOfRangeException>("index", () => state.CopyHiddenTo(index, new float[3]));
            Assert.Throws<ArgumentOutOfRangeException>("index", () => state.SetHidden(index, new float[3]));
            Assert.Throws<ArgumentOutOfRangeException>("index", () => state.CopyCellTo(index, new float[3]));
            Assert.Throws<ArgumentOutOfRangeException>("index", () => state.SetCell(index, new float[3]));
            Assert.Throws<ArgumentOutOfRangeException>("index", () => stack.StateShape(index));
        }

        StackLayer layer = StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Elman(1, 1), 1));
        Assert.Contains("layers[1]", Assert.Throws<ArgumentException>("layers", () => new RecurrentStack(Backend.Simd, layer, null!)).Message);
        Assert.Contains("layers[0]", Assert.Throws<ArgumentException>("layers", () => new RecurrentStack(Backend.Simd, [null!])).Message);
        Assert.Throws<ArgumentException>("layers", () => new RecurrentStack(Backend.Simd, []));
    }

    [Fact]
    public void A_state_may_be_disposed_by_several_threads()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Lstm(2, 2), 1));
        using RecurrentStack stack = Make(Backend.Simd, 2, 3);
        for (int round = 0; round < 3000; round++)
        {
            LayerState state = layer.CreateState(1);
            StackState deep = stack.CreateState(1);
            Parallel.Invoke(state.Dispose, state.Dispose, deep.Dispose, deep.Dispose);
        }
    }

    [Fact]
    public void A_state_of_another_object_of_the_same_layer_is_told_apart_in_words()
    {
        LayerWeights weights = LayerWeights.Random(LayerShape.Gru(2, 3), 1);
        using RecurrentLayer layer = Backend.Simd.Prepare(weights), twin = Backend.Simd.Prepare(weights), other = Backend.Reference.Prepare(weights);
        using LayerState state = twin.CreateState(1), stranger = other.CreateState(1);
        Assert.Contains("another RecurrentLayer object of the same shape", Assert.Throws<ArgumentException>("state", () => layer.Step(state, new float[2], new float[3])).Message);
        Assert.Contains("on reference", Assert.Throws<ArgumentException>("state", () => layer.Step(stranger, new float[2], new float[3])).Message);
    }

    [Fact]
    public void Messages_say_a_GRU_and_an_LSTM_and_name_what_was_disposed()
    {
        using RecurrentLayer gru = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Gru(2, 3), 1));
        LayerState state = gru.CreateState(1);
        Assert.Contains("is a GRU", Assert.Throws<NotSupportedException>(() => state.SetCell(new float[3])).Message);
        Assert.Contains("is a GRU", Assert.Throws<NotSupportedException>(() => gru.Run(state, 1, new float[2], new float[3], new SequenceOptions { Cells = new float[3] })).Message);
        Assert.Contains("belongs to an LSTM; this is a GRU", Assert.Throws<ArgumentException>(() => LayerShape.Gru(2, 3) with { Peepholes = true }).Message);
        Assert.Equal("batchSize", Assert.Throws<ArgumentOutOfRangeException>(() => gru.CreateState(int.MaxValue)).ParamName);

        state.Dispose();
        Assert.EndsWith("LayerState", Assert.Throws<ObjectDisposedException>(() => gru.Step(state, new float[2], new float[3])).ObjectName);
        RecurrentLayer gone = Backend.Simd.Prepare(LayerWeights.Random(LayerShape.Gru(2, 3), 1));
        gone.Dispose();
        Assert.EndsWith("RecurrentLayer", Assert.Throws<ObjectDisposedException>(() => gone.CreateState(1)).ObjectName);
        RecurrentStack stack = Make(Backend.Simd, 2, 3);
        StackState deep = stack.CreateState(2);
        Assert.Equal("state of stack of 2 layers (elman_i1_h3, elman_i3_h1) on " + Backend.Simd.Name + ", 2 rows", deep.ToString());
        deep.Dispose();
        Assert.EndsWith("StackState", Assert.Throws<ObjectDisposedException>(() => stack.Run(deep, 1, new float[2], new float[2])).ObjectName);
        Assert.EndsWith(", disposed", deep.ToString());
        stack.Dispose();
        Assert.EndsWith("RecurrentStack", Assert.Throws<ObjectDisposedException>(() => stack.CreateState(1)).ObjectName);
        Assert.Equal("gru_i2_h3 on " + Backend.Simd.Name, gru.ToString());
        Assert.Equal($"state of gru_i2_h3 on {Backend.Simd.Name}, 1 row, disposed", state.ToString());
    }

    [Fact]
    public void A_refused_Fork_and_a_half_made_state_leave_nothing_behind()
    {
        RecurrentStack stack = Make(Backend.Simd, 3, 3);
        StackState state = stack.CreateState(1);
        using (StackState fork = state.Fork())
            Assert.Equal(state.Save(), fork.Save());
        stack.Dispose();
        Assert.Throws<ObjectDisposedException>(() => state.Fork());
        state.Reset(); // the refused Fork has given the state back
        state.Dispose();
        Assert.Throws<ObjectDisposedException>(() => state.Fork());
    }
}
