namespace FastRecurrence.Tests.Faults;

/// <summary>What a run that fails in its middle leaves behind: a backend that runs rows where they lie, and breaks. Devices: <c>FailingDeviceTests</c>.</summary>
public sealed class FailingRunTests
{
    private const int T = 3, N = 4, I = 2, H = 2;

    private static readonly int[] Lengths = [1, 3, 0, 2];

    private static readonly float[] Rows = [1, 1, 2, 2, 3, 3, 4, 4];

    /// <summary>It fails when it is told to.</summary>
    private sealed class Broken() : Backend("broken", "fails when it is told to", null)
    {
        public int CallsUntilFailure { get; set; } = int.MaxValue;

        public void Work()
        {
            if (CallsUntilFailure > 0 && CallsUntilFailure-- > 1)
                return;
            CallsUntilFailure = int.MaxValue;
            throw new IOException("the device broke");
        }

        private protected override RecurrentLayer PrepareCore(LayerWeights weights) => new Layer(weights, this);

        private sealed class Layer(LayerWeights weights, Broken backend) : RecurrentLayer(weights.Shape, backend)
        {
            private protected override LayerState CreateStateCore(int batchSize, WorkerTeam? team) => new State(this, batchSize);

            private protected override void RunCore(LayerState state, in SortedSequence sequence)
            {
                var s = (State)state;
                for (int step = 0; step < sequence.Steps; step++)
                {
                    backend.Work();
                    for (int i = 0; i < sequence.RowsAt(step, s.BatchSize); i++)
                    {
                        for (int unit = 0; unit < H; unit++)
                            sequence.Output[sequence.MemoryRow(step, i, s.BatchSize) * H + unit] = s.H[sequence.StateRow(i) * H + unit] += 10;
                    }
                }
            }
        }

        private sealed class State(Layer layer, int batchSize) : LayerState(layer, batchSize)
        {
            public float[] H { get; } = new float[batchSize * layer.Shape.HiddenSize];

            public float[] C { get; } = new float[batchSize * layer.Shape.HiddenSize];

            private protected override void ResetCore()
            {
                Array.Clear(H);
                Array.Clear(C);
            }

            private protected override void CopyCore(bool cell, Span<float> destination) => (cell ? C : H).CopyTo(destination);

            private protected override void SetCore(bool cell, ReadOnlySpan<float> source)
            {
                source.CopyTo(cell ? C : H);
            }
        }
    }

    private static (Broken Backend, RecurrentLayer Layer, LayerState State) Start()
    {
        var backend = new Broken();
        RecurrentLayer layer = backend.Prepare(LayerWeights.Random(LayerShape.Lstm(I, H), 1));
        LayerState state = layer.CreateState(N);
        state.SetHidden(Rows);
        state.SetCell(Rows);
        return (backend, layer, state);
    }

    private static void Run(RecurrentLayer layer, LayerState state) =>
        layer.Run(state, T, new float[T * N * I], new float[T * N * H], new SequenceOptions { Lengths = Lengths });

    private static float[] Hidden(LayerState state)
    {
        var values = new float[N * H];
        state.CopyHiddenTo(values);
        return values;
    }

    private static float[] Cell(LayerState state)
    {
        var values = new float[N * H];
        state.CopyCellTo(values);
        return values;
    }

    [Fact]
    public void A_run_that_succeeds_leaves_every_row_in_its_place()
    {
        (_, RecurrentLayer layer, LayerState state) = Start();
        Run(layer, state);
        Assert.Equal([11, 11, 32, 32, 3, 3, 24, 24], Hidden(state));
        Assert.Equal(Rows, Cell(state));
    }

    /// <summary>Row n of the state stays row n's: its h is that of a step of its own.</summary>
    [Fact]
    public void A_run_that_fails_anywhere_leaves_every_row_in_its_place()
    {
        for (int call = 1; call <= T; call++)
        {
            (Broken backend, RecurrentLayer layer, LayerState state) = Start();
            backend.CallsUntilFailure = call;
            Assert.Equal("the device broke", Assert.Throws<IOException>(() => Run(layer, state)).Message);
            Assert.Equal(Rows.Select((h, i) => h + 10 * Math.Min(call - 1, Lengths[i / H])), Hidden(state));
            Assert.Equal(Rows, Cell(state));
            state.SetHidden(Rows);
            Run(layer, state);
            Assert.Equal([11, 11, 32, 32, 3, 3, 24, 24], Hidden(state));
        }
    }

    /// <summary>Three layers of three steps each make nine calls; the fifth is the second layer's second step.</summary>
    [Fact]
    public void A_stack_that_fails_has_moved_the_layers_below_and_not_those_above_and_can_be_restored()
    {
        var backend = new Broken();
        StackLayer layer = StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(I, H), 1));
        using var stack = new RecurrentStack(backend, layer, layer, layer);
        using StackState state = stack.CreateState(N);
        for (int k = 0; k < 3; k++)
        {
            state.SetHidden(k, Rows);
            state.SetCell(k, Rows);
        }

        byte[] saved = state.Save();
        float[] x = new float[T * N * I], y = new float[T * N * H], expected = new float[y.Length];
        backend.CallsUntilFailure = 5;
        Assert.Equal("the device broke", Assert.Throws<IOException>(() => stack.Run(state, T, x, y)).Message);
        Assert.Equal(Rows.Select(v => v + 30), Hidden(0));
        Assert.Equal(Rows.Select(v => v + 10), Hidden(1));
        Assert.Equal(Rows, Hidden(2));
        Assert.Equal(new float[y.Length], y);

        state.Restore(saved);
        stack.Run(state, T, x, y);
        using StackState fresh = stack.CreateState(N);
        fresh.Restore(saved);
        stack.Run(fresh, T, x, expected);
        Assert.Equal(expected, y);
        Assert.Equal(fresh.Save(), state.Save());

        float[] Hidden(int index)
        {
            var values = new float[N * H];
            state.CopyHiddenTo(index, values);
            return values;
        }
    }

    [Fact]
    public void A_backend_without_an_output_layer_says_where_there_is_one() =>
        Assert.Contains("Backend.Simd", Assert.Throws<NotSupportedException>(() => _ = new OutputLayer(new Broken(), 2, 1, new float[2])).Message);
}
