using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Gpu;

/// <summary>Bidirectional layers of a stack: both directions in one grid, against each direction by itself.</summary>
[Collection("devices")]
public sealed class TwoDirectionsTests
{
    // Polls: a busy machine may take a group's thread away for a while.
    private const int Patience = 1 << 26;

    public static TheoryData<string, int, int, int, SequenceLayout, bool> Sizes => new()
    {
        // cell, H, N, groups of both directions, layout, ragged
        { "lstm", 8, 1, 2, SequenceLayout.TimeMajor, false },
        { "lstm", 8, 5, 2, SequenceLayout.TimeMajor, false },
        { "lstm", 8, 3, 2, SequenceLayout.BatchMajor, false },
        { "lstm", 4, 8, 2, SequenceLayout.TimeMajor, true },
        { "gru", 8, 3, 2, SequenceLayout.BatchMajor, true },
        { "elman", 32, 4, 2, SequenceLayout.TimeMajor, true },
        { "lstm", 16, 1, 4, SequenceLayout.TimeMajor, false },
        { "gru", 12, 7, 4, SequenceLayout.TimeMajor, true },
        { "elman", 64, 2, 4, SequenceLayout.TimeMajor, false },
    };

    [Theory]
    [MemberData(nameof(Sizes))]
    public void Both_directions_in_one_launch_give_the_bits_of_two(string cell, int H, int N, int groups, SequenceLayout layout, bool ragged)
    {
        var p = new Pair(OpenCl(groups).Force(GridPersistent.Family), Shape(cell, 5, H), T: 30, N);
        using StackState state = p.CreateState();
        int[] lengths = ragged ? [.. Enumerable.Range(0, N).Select(n => (11 * n + 30) % 31)] : [];

        Result together = p.Run(state, lengths, layout);

        Assert.InRange(p.Forward(state).SharedLaunches, 1, long.MaxValue);
        Assert.Equal((0, 0), (p.Forward(state).Fallbacks, p.Reverse(state).Fallbacks));
        p.AssertSame(p.Apart(lengths, layout), together);
        p.AssertSame(together, p.Run(state, lengths, layout)); // again, warm
    }

    [Fact]
    public void A_grid_that_gives_up_runs_both_directions_again_from_where_they_were()
    {
        // Too many groups for some machines: those that wait give up at their first poll.
        var p = new Pair(OpenCl(2).Force(GridPersistent.Family, residentGroups: 4), LayerShape.Lstm(5, 16), T: 40, N: 2);
        using StackState state = p.CreateState();
        p.Forward(state).PollBudget = 1;
        Result expected = p.Apart([], SequenceLayout.TimeMajor);

        // Now and then groups keep pace so well that none waits.
        for (int i = 0; i < 50 && p.Forward(state).Fallbacks == 0; i++)
            p.AssertSame(expected, p.Run(state, [], SequenceLayout.TimeMajor));

        Assert.InRange(p.Forward(state).SharedLaunches, 1, 50);
        Assert.Equal((1, 1), (p.Forward(state).Fallbacks, p.Reverse(state).Fallbacks));
    }

    [Fact]
    public void Chunks_of_a_long_sequence_each_share_a_launch()
    {
        GpuBackend backend = OpenCl(2).Force(GridPersistent.Family);
        foreach (int[] lengths in (int[][])[[], [20, 50, 31]])
        {
            var p = new Pair(backend, LayerShape.Elman(20, 4), T: 50, N: 3);
            using StackState state = p.CreateState();
            Result expected = p.Apart(lengths, SequenceLayout.TimeMajor), together;
            using (new DeviceLimits(backend, chunkBytes: 13 * 3 * 4 * (20 + 2 * (4 + 4)))) // 13 steps of both directions
                together = p.Run(state, lengths, SequenceLayout.TimeMajor);
            // 13 + 13 + 13 + 11 steps; or 13 + 7 of three rows, 11 of two, 13 + 6 of one.
            Assert.Equal(lengths.Length == 0 ? 4 : 5, p.Forward(state).SharedLaunches);
            p.AssertSame(expected, together);
        }
    }

    [Fact]
    public void What_does_not_fit_runs_one_after_the_other()
    {
        GpuBackend grid = OpenCl(2).Force(GridPersistent.Family);
        // Short; another kernel; other groups than there is room for.
        foreach (Pair p in (Pair[])[new(grid, LayerShape.Lstm(5, 8), T: 3, N: 2), new(OpenCl(2).Force(SplitKStep.Family), LayerShape.Lstm(5, 8), T: 9, N: 2),
            new(grid, LayerShape.Lstm(5, 8 * grid.Device.Traits.Multiprocessors), T: 9, N: 1)])
        {
            using StackState state = p.CreateState();
            Result result = p.Run(state, [], SequenceLayout.TimeMajor);
            Assert.Equal(0, p.Forward(state).SharedLaunches);
            p.AssertSame(p.Apart([], SequenceLayout.TimeMajor), result);
        }
    }

    [Fact]
    public void Rows_without_a_step_keep_their_state_and_the_next_call_is_as_ever()
    {
        var p = new Pair(OpenCl(2).Force(GridPersistent.Family), LayerShape.Lstm(5, 8), T: 12, N: 3);
        using StackState state = p.CreateState();
        Result none = p.Run(state, [0, 0, 0], SequenceLayout.TimeMajor);
        Assert.All(none.Output, v => Assert.Equal(0, v));
        Assert.Equal(p.Hidden, none.Hidden[1]);
        Assert.Throws<ArgumentOutOfRangeException>(() => p.Run(state, [13, 0, 0], SequenceLayout.TimeMajor));
        p.AssertSame(p.Apart([], SequenceLayout.TimeMajor), p.Run(state, [], SequenceLayout.TimeMajor));
        Assert.Equal(1, p.Forward(state).SharedLaunches);
    }

    [Fact]
    public void A_stack_of_bidirectional_layers_agrees_with_the_reference()
    {
        GpuBackend backend = OpenCl(2).Force(GridPersistent.Family);
        StackLayer[] layers = Stack.StackTests.Random(LayerShape.Lstm(6, 8), layers: 2, bidirectional: true);
        float[] input = Problem.Uniform(new Random(4), 20 * 3 * 6), exact = new float[20 * 3 * 16], actual = new float[exact.Length];
        using var reference = new RecurrentStack(Backend.Reference, layers);
        using var stack = new RecurrentStack(backend, layers);
        using StackState expected = reference.CreateState(3), state = stack.CreateState(3);
        reference.Run(expected, 20, input, exact);
        stack.Run(state, 20, input, actual);
        for (int i = 0; i < exact.Length; i++)
            Assert.True(Math.Abs(exact[i] - actual[i]) <= 2e-6, $"h[{i}] is {actual[i]}, exact {exact[i]}");
        Assert.Equal((1, 1), (((GpuLayer)state.Of(0).Layer).SharedLaunches, ((GpuLayer)state.Of(2).Layer).SharedLaunches));
    }

    [Fact]
    public void What_is_measured_is_what_runs()
    {
        var p = new Pair(OpenCl(2).Force(GridPersistent.Family), LayerShape.Lstm(5, 8), T: 12, N: 3);
        using StackState expected = p.CreateState(), measured = p.CreateState();
        p.Run(expected, [], SequenceLayout.TimeMajor);
        p.Run(measured, [], SequenceLayout.TimeMajor);
        var output = new float[12 * 3 * 16];
        for (int i = 0; i < 3; i++)
            p.Stack.Run(expected, 12, p.Input, output);
        long before = p.Forward(measured).SharedLaunches;

        var together = (GpuStackDriver)measured.Driver!;
        Assert.True(together.SharesLaunches(0));
        double seconds = together.MeasureKernels(12, repeats: 3);

        Assert.InRange(seconds, 1e-7, 60);
        Assert.Equal(before + 3, p.Forward(measured).SharedLaunches);
        float[] a = new float[3 * 8], b = new float[a.Length];
        for (int i = 0; i < 2; i++)
        {
            expected.Of(i).CopyHiddenTo(a);
            measured.Of(i).CopyHiddenTo(b);
            Assert.Equal(a, b);
        }

        Assert.Throws<ArgumentOutOfRangeException>(() => together.MeasureKernels(0, 1));
    }

    [Fact]
    public void Warm_calls_allocate_nothing()
    {
        var p = new Pair(OpenCl(2).Force(GridPersistent.Family), LayerShape.Lstm(2, 4), T: 8, N: 2);
        using StackState state = p.CreateState();
        var output = new float[8 * 2 * 8];
        for (int i = 0; i < 20; i++)
            p.Stack.Run(state, 8, p.Input, output);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 50; i++)
            p.Stack.Run(state, 8, p.Input, output);
        Assert.Equal(0, (GC.GetAllocatedBytesForCurrentThread() - before) / 50);
        Assert.Equal(70, p.Forward(state).SharedLaunches);
    }

    [Fact]
    public void The_emulator_runs_it_too()
    {
        var p = new Pair(Named.Gpu("ilgpu-cpu").Force(GridPersistent.Family), LayerShape.Lstm(1, 4), T: 4, N: 1);
        using StackState state = p.CreateState();
        Result together = p.Run(state, [], SequenceLayout.TimeMajor);
        Assert.Equal((1, 0), (p.Forward(state).SharedLaunches, p.Forward(state).Fallbacks));
        p.AssertSame(p.Apart([], SequenceLayout.TimeMajor), together);
    }

    private static LayerShape Shape(string cell, int I, int H) => cell == "lstm" ? LayerShape.Lstm(I, H) : cell == "gru" ? LayerShape.Gru(I, H) : LayerShape.Elman(I, H);

    private static GpuBackend OpenCl(int groups)
    {
        GpuBackend backend = Named.Gpu("opencl:0");
        if (!backend.IsAvailable)
            Assert.Skip($"opencl:0: {backend.UnavailableReason}");
        int atOnce = backend.Device.Traits.Multiprocessors;
        if (atOnce < groups)
            Assert.Skip($"opencl:0 runs {atOnce} groups at once; this needs {groups}");
        return backend;
    }

    private sealed record Result(float[] Output, float[][] Hidden, float[][] Cell);

    /// <summary>A bidirectional layer with its input and start.</summary>
    private sealed class Pair
    {
        private readonly LayerWeights _forward, _reverse;
        private readonly int _steps, _rows;
        private readonly float[] _cell;

        public Pair(GpuBackend backend, LayerShape shape, int T, int N)
        {
            (Backend, Shape, _steps, _rows) = (backend, shape, T, N);
            (_forward, _reverse) = (LayerWeights.Random(shape, 1), LayerWeights.Random(shape, 2));
            var random = new Random(3);
            Input = Problem.Uniform(random, T * N * shape.InputSize);
            Hidden = Problem.Uniform(random, N * shape.HiddenSize);
            _cell = Problem.Uniform(random, N * shape.HiddenSize);
            Stack = new RecurrentStack(backend, StackLayer.Bidirectional(_forward, _reverse));
        }

        public GpuBackend Backend { get; }

        public LayerShape Shape { get; }

        public RecurrentStack Stack { get; }

        public float[] Input { get; }

        public float[] Hidden { get; }

        public GpuLayer Forward(StackState state) => (GpuLayer)state.Of(0).Layer;

        public GpuLayer Reverse(StackState state) => (GpuLayer)state.Of(1).Layer;

        public StackState CreateState()
        {
            StackState state = Stack.CreateState(_rows);
            Forward(state).PollBudget = Patience;
            return state;
        }

        /// <summary>From the start, through the stack.</summary>
        public Result Run(StackState state, int[] lengths, SequenceLayout layout)
        {
            for (int i = 0; i < 2; i++)
            {
                state.SetHidden(i, Hidden);
                if (Shape.HasCellState)
                    state.SetCell(i, _cell);
            }

            var output = new float[_steps * _rows * 2 * Shape.HiddenSize];
            Stack.Run(state, _steps, Input, output, new StackOptions { Lengths = lengths, Layout = layout });
            return new Result(output, [Read(state.Of(0), cell: false), Read(state.Of(1), cell: false)], Shape.HasCellState ? [Read(state.Of(0), cell: true), Read(state.Of(1), cell: true)] : []);
        }

        /// <summary>The same by two layers that know nothing of each other.</summary>
        public Result Apart(int[] lengths, SequenceLayout layout)
        {
            int H = Shape.HiddenSize;
            var output = new float[_steps * _rows * 2 * H];
            float[][] hidden = new float[2][], cell = Shape.HasCellState ? new float[2][] : [];
            for (int i = 0; i < 2; i++)
            {
                using RecurrentLayer layer = Backend.Force(SplitKStep.Family).Prepare(i == 0 ? _forward : _reverse);
                using LayerState state = layer.CreateState(_rows);
                state.SetHidden(Hidden);
                if (Shape.HasCellState)
                    state.SetCell(_cell);
                var side = new float[output.Length / 2];
                layer.Run(state, _steps, Input, side, new SequenceOptions { Lengths = lengths, Layout = layout, Direction = i == 0 ? Direction.Forward : Direction.Reverse });
                for (int row = 0; row < _steps * _rows; row++)
                    side.AsSpan(row * H, H).CopyTo(output.AsSpan(row * 2 * H + i * H));
                hidden[i] = Read(state, cell: false);
                if (Shape.HasCellState)
                    cell[i] = Read(state, cell: true);
            }

            return new Result(output, hidden, cell);
        }

        public void AssertSame(Result expected, Result actual)
        {
            Same("y", expected.Output, actual.Output);
            for (int i = 0; i < 2; i++)
            {
                Same($"h {i}", expected.Hidden[i], actual.Hidden[i]);
                if (Shape.HasCellState)
                    Same($"c {i}", expected.Cell[i], actual.Cell[i]);
            }
        }

        private void Same(string what, float[] expected, float[] actual)
        {
            for (int i = 0; i < expected.Length; i++)
                Assert.True(BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]), $"{Shape} T={_steps} N={_rows}: {what}[{i}] is {actual[i]}, apart {expected[i]}");
        }

        private float[] Read(LayerState state, bool cell)
        {
            var values = new float[_rows * Shape.HiddenSize];
            if (cell)
                state.CopyCellTo(values);
            else
                state.CopyHiddenTo(values);
            return values;
        }
    }
}
