using System.Runtime.CompilerServices;
using FastRecurrence.Gpu;
using FastRecurrence.Gpu.Families;
using ILGPU.Runtime.OpenCL;

namespace FastRecurrence.Tests.Gpu;

/// <summary>Stacks on a device: what goes to and fro, and the same bits as layers that hand their sequences on through the host.</summary>
[Collection("devices")]
public sealed class DeviceStackTests
{
    private const int T = 11, N = 4, I = 5;

    private static readonly int[] Ragged = [3, 11, 0, 7], Other = [11, 2, 5, 1];

    public static TheoryData<string, string> Backends
    {
        get
        {
            var data = new TheoryData<string, string>();
            data.Add("ilgpu-cpu", "");
            foreach (KernelFamily family in (KernelFamily[])[TiledStep.Family, SplitKStep.Family, BlockPersistent.Family, GridPersistent.Family])
                data.Add("opencl:0", family.Name);
            return data;
        }
    }

    [Fact]
    public void Two_bidirectional_layers_make_one_upload_and_one_download_a_call()
    {
        GpuBackend backend = Device("opencl:0");
        using var stack = new RecurrentStack(backend, Layers(LayerShape.Lstm(I, 8), bidirectional: true));
        using StackState state = stack.CreateState(N);
        float[] x = Problem.Uniform(new Random(1), T * N * I), y = new float[T * N * stack.OutputSize];
        foreach (SequenceLayout layout in Enum.GetValues<SequenceLayout>())
        {
            Assert.Equal((1, 1), Moved([], layout)); // nothing of a dense call needs an order, from the first on
            Assert.Equal((2, 1), Moved(Ragged, layout)); // the order of the rows is new
            Assert.Equal((1, 1), Moved(Ragged, layout));
            Assert.Equal((2, 1), Moved(Other, layout));
            Assert.Equal((1, 1), Moved(Other, layout));
        }

        (long Up, long Down) Moved(int[] lengths, SequenceLayout layout)
        {
            TransferCount count = backend.Device.Transfers;
            (long up, long down) = (count.Uploads, count.Downloads);
            stack.Run(state, T, x, y, new StackOptions { Lengths = lengths, Layout = layout });
            return (count.Uploads - up, count.Downloads - down);
        }
    }

    [Fact]
    public void A_ragged_layer_makes_one_upload_and_one_download_a_call()
    {
        GpuBackend backend = Device("opencl:0");
        using RecurrentLayer layer = backend.Prepare(LayerWeights.Random(LayerShape.Lstm(I, 8), 1));
        using LayerState state = layer.CreateState(N);
        float[] x = Problem.Uniform(new Random(1), T * N * I), y = new float[T * N * 8];
        Assert.Equal((2, 1), Moved(Ragged, Direction.Forward));
        Assert.Equal((1, 1), Moved(Ragged, Direction.Reverse)); // the same order
        Assert.Equal((2, 1), Moved(Other, Direction.Forward));
        Assert.Equal((1, 1), Moved([11, 7, 7, 0], Direction.Reverse)); // in order
        Assert.Equal((1, 1), Moved([], Direction.Reverse));

        (long Up, long Down) Moved(int[] lengths, Direction direction)
        {
            TransferCount count = backend.Device.Transfers;
            (long up, long down) = (count.Uploads, count.Downloads);
            layer.Run(state, T, x, y, new SequenceOptions { Lengths = lengths, Direction = direction });
            return (count.Uploads - up, count.Downloads - down);
        }
    }

    /// <summary>Every kernel, dense and ragged, both layouts and paddings, whole and in chunks of one step and of three; the host's way is the judge.</summary>
    [Theory]
    [MemberData(nameof(Backends))]
    public void A_stack_on_the_device_has_the_bits_of_layers_through_the_host(string name, string family)
    {
        GpuBackend backend = Device(name);
        if (family.Length > 0)
            backend = backend.Force(KernelFamily.All.Single(f => f.Name == family));
        bool isSlow = name == "ilgpu-cpu";
        foreach (LayerShape shape in (LayerShape[])[LayerShape.Lstm(I, 8), LayerShape.Gru(I, 6), LayerShape.Lstm(I, 9) with { ProjectionSize = 7 }])
        {
            if (isSlow && shape.Cell == CellKind.Gru)
                break;
            foreach (StackLayer[] layers in isSlow ? (StackLayer[][])[Layers(shape, bidirectional: true)] : [Layers(shape, bidirectional: true), Mixed(shape)])
            {
                using var stack = new RecurrentStack(backend, layers);
                using StackState whole = stack.CreateState(N), host = stack.CreateState(N), chunked = stack.CreateState(N);
                foreach ((int[] lengths, SequenceLayout layout, Padding padding) in isSlow ? Ways.Where((_, i) => i == 4) : Ways)
                {
                    string what = $"{stack} [{string.Join(", ", lengths)}] {layout} {padding}";
                    float[] expected = RunThroughHost(backend, stack, host, lengths, layout, padding);
                    AssertSame($"{what}, whole", expected, Run(stack, whole, lengths, layout, padding));
                    foreach (int steps in isSlow ? (int[])[3] : [1, 3])
                    {
                        float[] y;
                        chunked.Restore(whole.Save()); // what went before does not matter, only that they end alike
                        Start(chunked);
                        using (new DeviceLimits(backend, chunkBytes: 4L * N * steps * 60))
                            y = Run(stack, chunked, lengths, layout, padding);
                        AssertSame($"{what}, in chunks", expected, y);
                        Assert.Equal(host.Save(), chunked.Save());
                    }

                    Assert.Equal(host.Save(), whole.Save());
                }
            }
        }
    }

    [Fact]
    public void A_call_too_large_for_the_device_goes_through_the_host()
    {
        GpuBackend backend = Device("opencl:0");
        using var stack = new RecurrentStack(backend, Layers(LayerShape.Lstm(I, 8), bidirectional: true));
        using StackState state = stack.CreateState(N);
        TransferCount count = backend.Device.Transfers;
        long down = count.Downloads;
        RunThroughHost(backend, stack, state, [], SequenceLayout.TimeMajor, Padding.Right);
        Assert.Equal(4, count.Downloads - down); // two layers, two directions
    }

    [Fact]
    public void Warm_calls_allocate_nothing_on_either_side()
    {
        GpuBackend backend = Device("opencl:0");
        using var stack = new RecurrentStack(backend, Layers(LayerShape.Lstm(I, 8), bidirectional: true));
        using RecurrentLayer layer = backend.Prepare(LayerWeights.Random(LayerShape.Lstm(I, 8), 1));
        using StackState state = stack.CreateState(N);
        using LayerState layerState = layer.CreateState(N);
        float[] x = Problem.Uniform(new Random(1), T * N * I), y = new float[T * N * 16], h = new float[T * N * 8];
        void Calls()
        {
            stack.Run(state, T, x, y);
            stack.Run(state, T, x, y, new StackOptions { Lengths = Ragged });
            stack.Run(state, T, x, y, new StackOptions { Lengths = Other, Layout = SequenceLayout.BatchMajor });
            layer.Run(layerState, T, x, h, new SequenceOptions { Lengths = Ragged });
            layer.Run(layerState, T, x, h, new SequenceOptions { Lengths = Other, Direction = Direction.Reverse });
        }

        for (int i = 0; i < 20; i++)
            Calls();
        (long managed, long device) = (GC.GetAllocatedBytesForCurrentThread(), backend.Device.Transfers.Allocations);
        for (int i = 0; i < 20; i++)
            Calls();
        Assert.Equal(0, (GC.GetAllocatedBytesForCurrentThread() - managed) / 20);
        Assert.Equal(device, backend.Device.Transfers.Allocations);
    }

    /// <summary>The second layer's launch fails: rows that were sorted are those from before the call in every layer, and the next call is as ever.</summary>
    [Fact]
    public void A_sorted_call_that_fails_leaves_every_layer_as_it_was()
    {
        GpuBackend backend = Device("opencl:0");
        using var stack = new RecurrentStack(backend, Layers(LayerShape.Lstm(I, 8), bidirectional: false));
        using StackState state = stack.CreateState(N), other = stack.CreateState(N);
        Start(state);
        byte[] before = state.Save();
        ref FamilyRun kernels = ref Recurrence((GpuState)state.Of(1));
        FamilyRun whole = kernels;
        kernels = new Broken();
        float[] x = Problem.Uniform(new Random(1), T * N * I);
        var e = Assert.Throws<DeviceException>(() => stack.Run(state, T, x, new float[T * N * 8], new StackOptions { Lengths = Ragged }));
        Assert.Contains("stack of 2 layers", e.Message);
        Assert.IsType<CLException>(e.InnerException);
        kernels = whole;
        Assert.Equal(before, state.Save());
        AssertSame("after a failure", Run(stack, other, Ragged, default, default), Run(stack, state, Ragged, default, default));
        Assert.Equal(other.Save(), state.Save());
    }

    /// <summary>A sequence stays one run of its kernels, whatever is asked for beside h.</summary>
    [Fact]
    public void Gates_and_c_of_every_step_leave_a_sequence_one_run()
    {
        foreach (KernelFamily family in (KernelFamily[])[BlockPersistent.Family, GridPersistent.Family])
        {
            using var layer = (GpuLayer)Device("opencl:0").Force(family).Prepare(LayerWeights.Random(LayerShape.Lstm(I, 8), 1));
            using LayerState state = layer.CreateState(N);
            Assert.Equal(family, ((GpuState)state).Choice.Family);
            ref FamilyRun kernels = ref Recurrence((GpuState)state);
            var counting = new Counting(kernels);
            kernels = counting;
            float[] x = Problem.Uniform(new Random(1), T * N * I), y = new float[T * N * 8];
            layer.Run(state, T, x, y, new SequenceOptions { Cells = new float[y.Length], Gates = new float[4 * y.Length] });
            layer.Run(state, T, x, y, new SequenceOptions { Cells = new float[y.Length], Lengths = Ragged, Direction = Direction.Reverse });
            Assert.Equal([(11, 4), (3, 3), (4, 2), (4, 1)], counting.Runs);
        }
    }

    /// <summary>What a recorded call is known by: the memory of every view, and not what lies in it.</summary>
    [Fact]
    public void Calls_are_told_apart_by_where_their_rows_lie()
    {
        GpuBackend backend = Device("ilgpu-cpu");
        using var layer = (GpuLayer)backend.Prepare(LayerWeights.Random(LayerShape.Lstm(I, 8), 1));
        using LayerState state = layer.CreateState(N);
        var s = (GpuState)state;
        Workspace w = s.Workspace;
        StepChunk chunk = new(layer, s, 1, N) { Input = w.Input, Preactivation = w.Preactivation, Output = w.Output, Wanted = w.Wanted(false, false) };
        Assert.Equal(GraphKey.Of(chunk), GraphKey.Of(chunk));
        Assert.Equal(3 * sizeof(float), GraphKey.Address(w.Input.SubView(3)) - GraphKey.Address(w.Input));
        foreach (StepChunk other in (StepChunk[])[
            chunk with { Input = w.Input.SubView(1) }, chunk with { Preactivation = w.Preactivation.SubView(1) }, chunk with { Output = w.Output.SubView(1) },
            chunk with { Wanted = w.Wanted(true, false) }, chunk with { Wanted = w.Wanted(false, true) }, chunk with { Rows = N - 1 }])
            Assert.NotEqual(GraphKey.Of(chunk), GraphKey.Of(other));

        IntPtr own = GraphKey.Address(s.Hidden);
        using (backend.Device.Enter())
        {
            s.Sort([1, 0, 2, 3]);
            Assert.NotEqual(own, GraphKey.Address(s.Hidden));
            s.EndSorting();
        }

        Assert.Equal(own, GraphKey.Address(s.Hidden));
    }

    private sealed class Counting(FamilyRun kernels) : FamilyRun
    {
        public List<(int Steps, int Rows)> Runs { get; } = [];

        public override bool MayBeRecorded => kernels.MayBeRecorded;

        public override bool WantsUnwritten(int steps) => kernels.WantsUnwritten(steps);

        public override void Run(in StepChunk chunk)
        {
            Runs.Add((chunk.Steps, chunk.Rows));
            kernels.Run(chunk);
        }

        public override void Dispose()
        {
            kernels.Dispose();
            base.Dispose();
        }
    }

    private sealed class Broken : FamilyRun
    {
        public override void Run(in StepChunk chunk) => throw new CLException("the launch failed");
    }

    private static IEnumerable<(int[] Lengths, SequenceLayout Layout, Padding Padding)> Ways =>
        from lengths in (int[][])[[], Ragged, [11, 4, 4, 1]]
        from layout in Enum.GetValues<SequenceLayout>()
        from padding in lengths.Length == 0 ? [Padding.Right] : Enum.GetValues<Padding>()
        select (lengths, layout, padding);

    private static StackLayer[] Layers(LayerShape shape, bool bidirectional) => Stack.StackTests.Random(shape, layers: 2, bidirectional);

    /// <summary>Reverse alone, then both with directions of different widths, then forward.</summary>
    private static StackLayer[] Mixed(LayerShape shape)
    {
        int P = shape.OutputSize;
        LayerShape second = Sized(shape, P, shape.HiddenSize), wider = Sized(shape, P, shape.HiddenSize + 3);
        return
        [
            StackLayer.Unidirectional(LayerWeights.Random(shape, 11), Direction.Reverse),
            StackLayer.Bidirectional(LayerWeights.Random(second, 12), LayerWeights.Random(wider, 13)),
            StackLayer.Unidirectional(LayerWeights.Random(Sized(shape, P + wider.OutputSize, shape.HiddenSize), 14)),
        ];
    }

    private static LayerShape Sized(LayerShape shape, int inputSize, int hiddenSize) => shape.Cell == CellKind.Gru
        ? LayerShape.Gru(inputSize, hiddenSize)
        : LayerShape.Lstm(inputSize, hiddenSize) with { ProjectionSize = shape.ProjectionSize };

    private static void Start(StackState state)
    {
        for (int i = 0; i < state.Stack.StateCount; i++)
        {
            LayerShape shape = state.Stack.StateShape(i);
            var random = new Random(i);
            state.SetHidden(i, Problem.Uniform(random, N * shape.OutputSize));
            if (shape.HasCellState)
                state.SetCell(i, Problem.Uniform(random, N * shape.HiddenSize));
        }
    }

    private static float[] Run(RecurrentStack stack, StackState state, int[] lengths, SequenceLayout layout, Padding padding)
    {
        Start(state);
        float[] x = Problem.Uniform(new Random(1), T * N * I), y = new float[T * N * stack.OutputSize];
        y.AsSpan().Fill(float.NaN);
        stack.Run(state, T, x, y, new StackOptions { Lengths = lengths, Layout = layout, Padding = padding });
        return y;
    }

    private static float[] RunThroughHost(GpuBackend backend, RecurrentStack stack, StackState state, int[] lengths, SequenceLayout layout, Padding padding)
    {
        using var _ = new DeviceLimits(backend, sequenceBytes: 0);
        return Run(stack, state, lengths, layout, padding);
    }

    private static void AssertSame(string what, float[] expected, float[] actual)
    {
        for (int i = 0; i < expected.Length; i++)
            Assert.True(BitConverter.SingleToInt32Bits(expected[i]) == BitConverter.SingleToInt32Bits(actual[i]), $"{what}: y[{i}] is {actual[i]}, expected {expected[i]}");
    }

    private static GpuBackend Device(string name)
    {
        GpuBackend backend = Named.Gpu(name);
        if (!backend.IsAvailable)
            Assert.Skip($"{name}: {backend.UnavailableReason}");
        return backend;
    }

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "<Recurrence>k__BackingField")]
    private static extern ref FamilyRun Recurrence(GpuState state);
}
