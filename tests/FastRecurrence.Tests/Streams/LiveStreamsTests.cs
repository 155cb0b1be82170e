using System.Globalization;
using FastRecurrence.Tests.Conformance;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Streams;

/// <summary>Live streams have the bits of each stream alone, whatever the company, and refuse what is wrong.</summary>
[Collection("devices")]
public sealed class LiveStreamsTests
{
    /// <summary>Random schedules for each backend; a nightly run sets 100000. Without it, as many as fit into the time.</summary>
    private const string CountVariable = "FASTRECURRENCE_STREAM_SCHEDULES";

    public static TheoryData<string> Complete => TestBackends.CompleteNames;

    public static TheoryData<string> Simd => [.. TestBackends.Core.Where(b => b != Backend.Reference).Select(b => b.Name)];

    private static readonly LayerShape[] s_shapes =
    [
        LayerShape.Lstm(3, 13), LayerShape.Elman(5, 21), LayerShape.Gru(4, 9), LayerShape.Gru(3, 37, linearBeforeReset: false),
        LayerShape.Lstm(2, 17) with { ProjectionSize = 7 }, LayerShape.Lstm(3, 9) with { Peepholes = true, Clip = 0.8f }, LayerShape.Lstm(1, 64),
    ];

    private static StackLayer[] Layers(int kind, bool dense = true)
    {
        LayerShape first = s_shapes[kind % s_shapes.Length], second = s_shapes[(kind * 3 + 1) % s_shapes.Length];
        var layers = new List<StackLayer> { StackLayer.Unidirectional(LayerWeights.Random(first, kind)) };
        if (kind % 2 != 0)
            layers.Add(StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Gru(first.OutputSize, second.HiddenSize), kind + 1)));
        if (kind % 3 == 0 && dense)
            layers.Add(StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Dense(layers[^1].OutputSize, 4), kind + 2)));
        return [.. layers];
    }

    [Theory]
    [MemberData(nameof(Complete))]
    public void Random_schedules_have_the_bits_of_each_stream_alone(string name)
    {
        Backend backend = TestBackends.Named(name);
        int? asked = Environment.GetEnvironmentVariable(CountVariable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;
        bool slow = !name.StartsWith("simd", StringComparison.Ordinal);
        int kinds = slow ? 3 : 14, budget = slow ? 400 : 800, schedules = 0;
        long steps = 0, refused = 0, end = Environment.TickCount64 + budget;
        for (int kind = 0; kind < kinds; kind++)
        {
            using var stack = new RecurrentStack(backend, Layers(kind, dense: Backend.All.Contains(backend))); // devices have no dense layers
            int share = asked is { } all ? (all + kinds - 1) / kinds : 1000;
            for (int i = 0; i < share && (asked is not null || i < 2 || Environment.TickCount64 < end - (kinds - 1 - kind) * budget / kinds); i++)
            {
                int seed = kind + i * kinds;
                using var world = new StreamWorld(stack, seed, most: i % 50 == 49 ? 40 : 8);
                world.Live(slow ? 12 : 24);
                schedules++;
                steps += world.Steps;
                refused += world.Refused;
            }
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {schedules} schedules, {steps} steps of a stream, {refused} calls refused");
        Assert.True(schedules >= kinds && steps > 0 && (refused > 0 || schedules < 50)); // a slow device on a busy machine has time for few
    }

    [Theory]
    [InlineData(WeightFormat.Bfloat16)]
    [InlineData(WeightFormat.Int8)]
    public void Narrow_weights_are_right_one_row_at_a_time(WeightFormat format)
    {
        using var stack = new RecurrentStack(Backend.Simd, format, StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(370, 370), 1)),
            StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Gru(370, 370), 2)));
        for (int seed = 0; seed < 4; seed++)
        {
            using var world = new StreamWorld(stack, seed);
            world.Live(24);
        }
    }

    [Theory]
    [MemberData(nameof(Simd))]
    public void A_warm_call_allocates_nothing(string name)
    {
        using var stack = new RecurrentStack(TestBackends.Named(name), Layers(3));
        using LiveStreams streams = stack.CreateLiveStreams();
        StreamHandle[] handles = [.. Enumerable.Range(0, 40).Select(_ => streams.Open())];
        int[] lengths = [.. Enumerable.Range(0, 40).Select(i => i % 4)];
        float[] x = new float[3 * 40 * streams.InputSize], y = new float[3 * 40 * streams.OutputSize];
        var saved = new byte[streams.SavedSize];
        int turn = 0;
        void Call()
        {
            int n = 1 + turn++ % 40;
            Array.Reverse(handles);
            streams.Step(handles.AsSpan(0, n), x.AsSpan(0, n * streams.InputSize), y.AsSpan(0, n * streams.OutputSize));
            streams.Run(handles, 3, lengths, x, y);
            streams.Save(handles[0], saved);
            streams.Restore(handles[1], saved);
            streams.Reset(handles[2]);
            streams.Close(handles[3]);
            handles[3] = streams.Fork(handles[4]);
        }

        for (int i = 0; i < 100; i++)
            Call();
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++)
            Call();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    [Fact]
    public void Growing_moves_each_stream_once_and_stops_nobody()
    {
        using var stack = new RecurrentStack(Backend.Simd, Layers(0));
        using LiveStreams streams = stack.CreateLiveStreams(capacity: 1);
        int I = streams.InputSize, H = streams.OutputSize;
        StreamHandle first = streams.Open();
        using var alone = new RecurrentStream(stack);
        float[] x = Problem.Uniform(new Random(1), 3000 * I), expected = new float[3000 * H], actual = new float[3000 * H];
        alone.Run(x, expected);
        Exception? failure = null;
        var opener = new Thread(() =>
        {
            try
            {
                for (int i = 0; i < 3000; i++)
                    streams.Open();
            }
            catch (Exception e)
            {
                failure = e;
            }
        });
        opener.Start();
        for (int t = 0; t < 3000; t++)
            streams.Step([first], x.AsSpan(t * I, I), actual.AsSpan(t * H, H));
        opener.Join();
        Assert.Null(failure);
        Assert.Equal(expected, actual);
        Assert.Equal((3001, 4096), (streams.Count, streams.Capacity));
    }

    [Fact]
    public void Threads_with_streams_of_their_own_go_on_beside_each_other()
    {
        using var stack = new RecurrentStack(Backend.Simd, Layers(1));
        using LiveStreams streams = stack.CreateLiveStreams(capacity: 2);
        int I = streams.InputSize, H = streams.OutputSize;
        StreamHandle wanted = streams.Open();
        long inUse = 0;
        Exception?[] failures = new Exception?[4];
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(id => new Thread(() =>
        {
            try
            {
                var random = new Random(id);
                List<(StreamHandle Handle, RecurrentStream Alone)> mine = [];
                float[] alone = new float[H], one = new float[I];
                for (int i = 0; i < 600; i++)
                {
                    if (mine.Count < 5 || random.Next(10) == 0)
                        mine.Add((streams.Open(), new RecurrentStream(stack)));
                    if (mine.Count > 9)
                    {
                        streams.Close(mine[0].Handle);
                        mine[0].Alone.Dispose();
                        mine.RemoveAt(0);
                    }

                    float[] x = Problem.Uniform(random, mine.Count * I), y = new float[mine.Count * H];
                    streams.Step([.. mine.Select(stream => stream.Handle)], x, y);
                    for (int k = 0; k < mine.Count; k++)
                    {
                        mine[k].Alone.Step(x.AsSpan(k * I, I), alone);
                        BackendContract.AssertSameBits($"thread {id}", $"stream {k}", alone, y.AsSpan(k * H, H));
                    }

                    try
                    {
                        streams.Step([wanted], one, alone);
                    }
                    catch (StreamException e) when (e.Error == StreamError.StreamInUse)
                    {
                        Interlocked.Increment(ref inUse);
                    }
                }
            }
            catch (Exception e)
            {
                failures[id] = e;
            }
        }))];
        Array.ForEach(threads, thread => thread.Start());
        Array.ForEach(threads, thread => thread.Join());
        Assert.All(failures, Assert.Null);
        streams.Step([wanted], new float[I], new float[H]); // nobody has it any more
    }

    [Fact]
    public void A_stream_that_is_no_number_harms_only_itself()
    {
        using var stack = new RecurrentStack(Backend.Simd, Layers(1));
        using LiveStreams streams = stack.CreateLiveStreams();
        int I = streams.InputSize, H = streams.OutputSize;
        StreamHandle[] handles = [.. Enumerable.Range(0, 30).Select(_ => streams.Open())];
        RecurrentStream[] alone = [.. handles.Select(_ => new RecurrentStream(stack))];
        float[] y = new float[30 * H], expected = new float[H];
        for (int t = 0; t < 4; t++)
        {
            float[] x = Problem.Uniform(new Random(t), 30 * I);
            if (t == 1)
                x[17 * I] = float.NaN;
            streams.Step(handles, x, y);
            for (int i = 0; i < 30; i++)
            {
                alone[i].Step(x.AsSpan(i * I, I), expected);
                Assert.Equal(i == 17 && t >= 1, float.IsNaN(y[i * H]));
                Assert.Equal(expected, y[(i * H)..((i + 1) * H)]);
            }
        }
    }

    [Fact]
    public void A_limit_and_a_reverse_layer_are_refused_by_name()
    {
        using var stack = new RecurrentStack(Backend.Simd, Layers(0));
        using LiveStreams streams = stack.CreateLiveStreams(capacity: 1, limit: 3);
        StreamHandle[] handles = [streams.Open(), streams.Open(), streams.Open()];
        Assert.Equal(StreamError.TooManyStreams, Assert.Throws<StreamException>(() => streams.Open()).Error);
        Assert.Equal(StreamError.TooManyStreams, Assert.Throws<StreamException>(() => streams.Fork(handles[0])).Error);
        Assert.Equal((3, 3), (streams.Count, streams.Capacity));
        streams.Close(handles[1]);
        StreamHandle again = streams.Open();
        Assert.NotEqual(handles[1], again);
        Assert.Equal(StreamError.StaleHandle, Assert.Throws<StreamException>(() => streams.Reset(handles[1])).Error);

        LayerWeights weights = LayerWeights.Random(LayerShape.Lstm(3, 4), 1);
        using var both = new RecurrentStack(Backend.Simd, StackLayer.Unidirectional(weights), StackLayer.Bidirectional(LayerWeights.Random(LayerShape.Lstm(4, 4), 1),
            LayerWeights.Random(LayerShape.Lstm(4, 4), 2)));
        Assert.Contains("layer 1", Assert.Throws<NotSupportedException>(() => both.CreateLiveStreams()).Message);
        Assert.Throws<ArgumentOutOfRangeException>("capacity", () => stack.CreateLiveStreams(0));
        Assert.Throws<ArgumentOutOfRangeException>("capacity", () => stack.CreateLiveStreams(4, limit: 3));
    }

    [Fact]
    public void Nothing_is_taken_after_disposal()
    {
        using var stack = new RecurrentStack(Backend.Simd, Layers(0));
        LiveStreams streams = stack.CreateLiveStreams();
        StreamHandle handle = streams.Open();
        streams.Dispose();
        streams.Dispose();
        Assert.Equal(0, streams.Count);
        Assert.Throws<ObjectDisposedException>(() => streams.Open());
        Assert.Throws<ObjectDisposedException>(() => streams.Close(handle));
        Assert.Throws<ObjectDisposedException>(() => streams.Step([handle], new float[streams.InputSize], new float[streams.OutputSize]));

        LiveStreams others = stack.CreateLiveStreams();
        StreamHandle other = others.Open();
        stack.Dispose();
        Assert.Throws<ObjectDisposedException>(() => others.Step([other], new float[streams.InputSize], new float[streams.OutputSize]));
        Assert.Throws<ObjectDisposedException>(() => others.Open());
        others.Close(other);
    }
}
