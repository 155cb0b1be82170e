namespace FastRecurrence.Tests.Arguments;

/// <summary>Settings as an object, calls that can be cancelled, calls of which only the last step is wanted.</summary>
public sealed class LongRunTests
{
    private const int T = 40_000, N = 2, I = 3, H = 5;

    private static readonly LayerWeights s_weights = LayerWeights.Random(LayerShape.Lstm(I, H), 1);
    private static readonly float[] s_input = Problem.Uniform(new Random(2), T * N * I);

    [Fact]
    public void Settings_mean_what_options_mean()
    {
        const int Steps = 6;
        float[] x = s_input[..(Steps * N * I)];
        float[] y = new float[Steps * N * H], z = new float[y.Length], gates = new float[4 * y.Length], cells = new float[y.Length];
        float[] otherGates = new float[gates.Length], otherCells = new float[cells.Length];
        int[] lengths = [4, 6];
        using RecurrentLayer layer = Backend.Simd.Prepare(s_weights);
        using LayerState one = layer.CreateState(N), other = layer.CreateState(N);
        layer.Run(one, Steps, x, y, new SequenceOptions
        {
            Lengths = lengths,
            Direction = Direction.Reverse,
            Padding = Padding.Left,
            Layout = SequenceLayout.BatchMajor,
            Gates = gates,
            Cells = cells,
        });
        var settings = new SequenceSettings
        {
            Lengths = lengths,
            Direction = Direction.Reverse,
            Padding = Padding.Left,
            Layout = SequenceLayout.BatchMajor,
            Gates = otherGates,
            Cells = otherCells,
        };
        layer.Run(other, Steps, x, z, settings);
        Assert.Equal(y, z);
        Assert.Equal(gates, otherGates);
        Assert.Equal(cells, otherCells);
        Assert.Throws<ArgumentOutOfRangeException>(() => layer.Run(other, Steps, x, z, new SequenceSettings { Direction = (Direction)7 }));

        using var stack = new RecurrentStack(Backend.Simd, StackLayer.Unidirectional(s_weights));
        using StackState a = stack.CreateState(N), b = stack.CreateState(N);
        stack.Run(a, Steps, x, y, new StackOptions { Lengths = lengths, Padding = Padding.Left, Layout = SequenceLayout.BatchMajor });
        stack.Run(b, Steps, x, z, new SequenceSettings { Lengths = lengths, Padding = Padding.Left, Layout = SequenceLayout.BatchMajor });
        Assert.Equal(y, z);
        foreach (SequenceSettings wrong in (SequenceSettings[])[new() { Direction = Direction.Reverse }, new() { Gates = gates }, new() { Cells = cells }])
            Assert.Contains("setting of a single layer", Assert.Throws<ArgumentException>(() => stack.Run(b, Steps, x, z, wrong)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Blocks_have_the_bits_of_one_run()
    {
        float[] whole = new float[T * N * H], blocks = new float[whole.Length], last = new float[N * H], h = new float[N * H];
        using RecurrentLayer layer = Backend.Simd.Prepare(s_weights);
        using LayerState one = layer.CreateState(N), two = layer.CreateState(N), three = layer.CreateState(N);
        layer.Run(one, T, s_input, whole);
        layer.RunInBlocks(two, T, s_input, blocks, TestContext.Current.CancellationToken);
        Assert.Equal(whole, blocks);
        layer.RunToLast(three, T, s_input, last, TestContext.Current.CancellationToken);
        Assert.Equal(whole[^(N * H)..], last);
        three.CopyHiddenTo(h);
        Assert.Equal(last, h);

        using var stack = new RecurrentStack(Backend.Simd, StackLayer.Unidirectional(s_weights), StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Gru(H, H), 4)));
        using StackState a = stack.CreateState(N), b = stack.CreateState(N);
        stack.Run(a, T, s_input, whole);
        stack.RunToLast(b, T, s_input, last, TestContext.Current.CancellationToken);
        Assert.Equal(whole[^(N * H)..], last);
    }

    /// <summary>However long the sequence, outputs that nobody wants take no memory, and a steady call allocates nothing.</summary>
    [Fact]
    public void The_last_step_alone_allocates_nothing()
    {
        using RecurrentLayer layer = Backend.Simd.Prepare(s_weights);
        using LayerState state = layer.CreateState(N);
        float[] last = new float[N * H];
        CancellationToken token = TestContext.Current.CancellationToken;
        void Call() => layer.RunToLast(state, T, s_input, last, token);
        Call();
        Call();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Call();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void A_cancelled_call_ends_within_some_blocks_and_leaves_whole_steps()
    {
        float[] y = new float[T * N * H], z = new float[y.Length], last = new float[N * H], h = new float[N * H];
        using RecurrentLayer layer = Backend.Reference.Prepare(s_weights);
        using LayerState state = layer.CreateState(N), again = layer.CreateState(N);
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        Assert.Throws<OperationCanceledException>(() => layer.RunInBlocks(state, T, s_input, y, cancelled.Token));
        Assert.Throws<OperationCanceledException>(() => layer.RunToLast(state, T, s_input, last, cancelled.Token));
        Assert.All(y, value => Assert.Equal(0, value)); // nothing had begun

        // 64 million steps would take minutes; a layer without input needs no memory for them.
        using RecurrentLayer bias = Backend.Reference.Prepare(LayerWeights.Random(LayerShape.Lstm(0, H), 1));
        using LayerState long_ = bias.CreateState(1);
        using var soon = new CancellationTokenSource(TimeSpan.FromMilliseconds(50));
        Assert.Throws<OperationCanceledException>(() => bias.RunToLast(long_, 64_000_000, [], new float[H], soon.Token));
        layer.RunInBlocks(again, 3, s_input.AsSpan(0, 3 * N * I), z.AsSpan(0, 3 * N * H), TestContext.Current.CancellationToken);
        again.CopyHiddenTo(h);
        Assert.Equal(z[(2 * N * H)..(3 * N * H)], h);
    }

    [Fact]
    public void Wrong_arguments_are_refused_before_the_first_block()
    {
        float[] y = new float[T * N * H];
        using RecurrentLayer layer = Backend.Simd.Prepare(s_weights);
        using LayerState state = layer.CreateState(N);
        CancellationToken none = TestContext.Current.CancellationToken;
        Assert.Throws<ArgumentException>(() => layer.RunInBlocks(state, T, s_input, y.AsSpan(1), none));
        Assert.Throws<ArgumentException>(() => layer.RunToLast(state, T, s_input, new float[N * H + 1], none));
        Assert.Throws<ArgumentException>(() => layer.RunToLast(state, T, s_input, s_input.AsSpan(0, N * H), none));
        Assert.Throws<ArgumentException>(() => layer.RunToLast(state, T - 1, s_input, new float[N * H], none));
        Assert.Throws<ArgumentOutOfRangeException>(() => layer.RunToLast(state, 0, [], new float[N * H], none));
        Assert.All(y, value => Assert.Equal(0, value));
        layer.RunInBlocks(state, 0, [], [], none);
        using var both = new RecurrentStack(Backend.Simd, StackLayer.Bidirectional(s_weights, s_weights));
        using StackState two = both.CreateState(N);
        Assert.Throws<NotSupportedException>(() => both.RunToLast(two, T, s_input, new float[2 * N * H], none));
    }
}
