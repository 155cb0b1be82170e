using System.Diagnostics.Metrics;
using System.Globalization;
using FastRecurrence.Tests.Conformance;

namespace FastRecurrence.Tests.Streams;

/// <summary>Frames from any thread: each has one step, in its stream's order, with the bits of the stream alone, or an error of its own.</summary>
[Collection("devices")]
public sealed class SchedulerTests
{
    /// <summary>Random schedules for each backend; a nightly run sets 100000. Without it, as many as fit into the time.</summary>
    private const string CountVariable = "FASTRECURRENCE_STREAM_SCHEDULES";

    private const int I = 3, H = 7;

    public static TheoryData<string> Complete => TestBackends.CompleteNames;

    private static RecurrentStack Stack(Backend backend) =>
        new(backend, StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Lstm(I, 9), 1)), StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Gru(9, H), 2)));

    [Theory]
    [MemberData(nameof(Complete))]
    public async Task Random_schedules_lose_and_double_no_frame(string name)
    {
        int? asked = Environment.GetEnvironmentVariable(CountVariable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;
        bool slow = !name.StartsWith("simd", StringComparison.Ordinal);
        using RecurrentStack stack = Stack(TestBackends.Named(name));
        long end = Environment.TickCount64 + (slow ? 200 : 400), frames = 0, cancelled = 0, failed = 0, refused = 0, schedules = 0;
        for (int seed = 0; asked is { } count ? schedules < count : seed == 0 || Environment.TickCount64 < end; seed++)
        {
            using LiveStreams streams = stack.CreateLiveStreams(capacity: 1 + (seed % 4));
            await using var scheduler = new StreamScheduler(streams, new StreamSchedulerOptions
            {
                BatchSize = 1 + (seed % 9),
                MaxDelay = seed % 3 == 0 ? TimeSpan.Zero : TimeSpan.FromMicroseconds(20),
                MaxWaiting = 1 << 20,
                MaxWaitingPerStream = 1 << 20,
            });
            SchedulerWorld[] worlds = [new(scheduler, 2 * seed), new(scheduler, 2 * seed + 1)]; // two threads
            await Task.WhenAll(worlds.Select(world => Task.Run(() => world.Live(slow ? 20 : 40), TestContext.Current.CancellationToken)));
            schedules += worlds.Length;
            frames += worlds.Sum(world => world.Frames);
            cancelled += worlds.Sum(world => world.Cancelled);
            failed += worlds.Sum(world => world.Failed);
            refused += worlds.Sum(world => world.Refused);
        }

        TestContext.Current.TestOutputHelper?.WriteLine($"{name}: {schedules} schedules, {frames} frames, {cancelled} cancelled, {failed} failed, {refused} refused");
        Assert.True(schedules >= 2 && frames > 0);
    }

    [Fact]
    public async Task A_batch_waits_for_company_until_its_deadline()
    {
        using RecurrentStack stack = Stack(Backend.Simd);
        using LiveStreams streams = stack.CreateLiveStreams();
        var time = new ManualTime();
        await using var scheduler = new StreamScheduler(streams, new StreamSchedulerOptions { BatchSize = 3, MaxDelay = TimeSpan.FromMicroseconds(250), TimeProvider = time });
        StreamHandle[] handles = [.. Enumerable.Range(0, 4).Select(_ => scheduler.Open())];
        Task[] two = [Push(scheduler, handles[0]), Push(scheduler, handles[1])];
        await Task.Delay(20, TestContext.Current.CancellationToken);
        time.Advance(TimeSpan.FromMicroseconds(249));
        await Task.Delay(20, TestContext.Current.CancellationToken);
        Assert.All(two, task => Assert.False(task.IsCompleted));
        time.Advance(TimeSpan.FromMicroseconds(1));
        await Task.WhenAll(two).WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);

        // A full batch waits for nothing.
        await Task.WhenAll(handles.Take(3).Select(handle => Push(scheduler, handle))).WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);

        // Nor does one with a frame of every stream that is open.
        streams.Close(handles[2]);
        streams.Close(handles[3]);
        await Task.WhenAll(Push(scheduler, handles[0]), Push(scheduler, handles[1])).WaitAsync(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Streams_take_turns_and_a_queue_has_bounds()
    {
        using RecurrentStack stack = Stack(Backend.Simd);
        using LiveStreams streams = stack.CreateLiveStreams();
        await using var scheduler = new StreamScheduler(streams, new StreamSchedulerOptions { BatchSize = 2, MaxDelay = TimeSpan.Zero, MaxWaiting = 12, MaxWaitingPerStream = 8 });
        StreamHandle[] handles = [.. Enumerable.Range(0, 4).Select(_ => scheduler.Open())];
        using var gate = new ManualResetEventSlim();
        using var entered = new ManualResetEventSlim();
        var order = new List<int>();
        scheduler.Push(handles[3], new float[I], new float[H], (_, _) =>
        {
            entered.Set();
            gate.Wait(); // the scheduler's thread stands while the queue fills
        });
        Assert.True(entered.Wait(TimeSpan.FromSeconds(10), TestContext.Current.CancellationToken));
        void Add(int stream) => scheduler.Push(handles[stream], new float[I], new float[H], (state, error) => order.Add(error is null ? (int)state! : -1), stream);
        for (int i = 0; i < 8; i++)
            Add(0);
        Assert.Contains("the most of one stream", Assert.Throws<StreamException>(() => Add(0)).Message);
        Add(1);
        Add(1);
        Add(2);
        Add(2);
        StreamException full = Assert.Throws<StreamException>(() => Add(3));
        Assert.Equal(StreamError.QueueFull, full.Error);
        Assert.Equal(12, scheduler.Waiting);
        Assert.Equal(StreamError.QueueFull, (await Assert.ThrowsAsync<StreamException>(() => Push(scheduler, handles[3]))).Error);
        gate.Set();
        await scheduler.DisposeAsync();
        Assert.Equal([0, 1, 2, 0, 1, 2, 0, 0, 0, 0, 0, 0], order);
        Assert.Equal(0, scheduler.Waiting);
    }

    [Fact]
    public async Task Disposal_ends_what_waits_and_takes_no_more()
    {
        using RecurrentStack stack = Stack(Backend.Simd);
        using LiveStreams streams = stack.CreateLiveStreams();
        var scheduler = new StreamScheduler(streams, new StreamSchedulerOptions { BatchSize = 64, MaxDelay = TimeSpan.FromMinutes(1) });
        StreamHandle[] handles = [.. Enumerable.Range(0, 50).Select(_ => scheduler.Open())];
        Task[] frames = [.. Enumerable.Range(0, 400).Select(i => Push(scheduler, handles[i % 40]))];
        Task<byte[]> saved = scheduler.SaveAsync(handles[0]);
        await scheduler.DisposeAsync();
        await Task.WhenAll(frames);
        Assert.Equal(streams.Save(handles[0]), await saved);
        await scheduler.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => Push(scheduler, handles[0]));
        Assert.Throws<ObjectDisposedException>(() => { _ = scheduler.ResetAsync(handles[0]); });
        Assert.Equal(50, streams.Count);
    }

    [Fact]
    public async Task What_a_caller_throws_reaches_that_caller_alone()
    {
        using RecurrentStack stack = Stack(Backend.Simd);
        using LiveStreams streams = stack.CreateLiveStreams();
        var time = new ManualTime();
        await using var scheduler = new StreamScheduler(streams, new StreamSchedulerOptions { BatchSize = 8, MaxDelay = TimeSpan.FromMilliseconds(1), TimeProvider = time });
        StreamHandle[] handles = [.. Enumerable.Range(0, 8).Select(_ => scheduler.Open())];
        int told = 0;
        scheduler.Push(handles[0], new float[I], new float[H], (_, _) =>
        {
            Interlocked.Increment(ref told);
            throw new InvalidOperationException("a caller's own");
        });
        Task closed = Push(scheduler, handles[1]), broken = Push(scheduler, handles[2], new SchedulerWorld.Broken().Memory, new float[H]);
        Task lostOutput = Push(scheduler, handles[3], new float[I], new SchedulerWorld.Broken { Length = H }.Memory);
        streams.Close(handles[1]); // behind the scheduler's back
        Task right = Push(scheduler, handles[4]);
        time.Advance(TimeSpan.FromMilliseconds(1));
        Assert.Equal(StreamError.StaleHandle, (await Assert.ThrowsAsync<StreamException>(() => closed)).Error);
        await Assert.ThrowsAsync<InvalidOperationException>(() => broken);
        await Assert.ThrowsAsync<InvalidOperationException>(() => lostOutput);
        await right;
        Assert.Equal(1, told);
        Assert.Throws<ArgumentException>("frame", () => { _ = Push(scheduler, handles[4], new float[I + 1], new float[H]); });
        Assert.Throws<ArgumentException>("output", () => { _ = Push(scheduler, handles[4], new float[I], new float[H + 1]); });
        await Assert.ThrowsAsync<StreamException>(() => Push(scheduler, default));
        Task last = Push(scheduler, handles[4]);
        time.Advance(TimeSpan.FromMilliseconds(1));
        await last;
    }

    [Fact]
    public async Task A_warm_scheduler_allocates_nothing_for_a_frame()
    {
        using RecurrentStack stack = Stack(Backend.Simd);
        using LiveStreams streams = stack.CreateLiveStreams();
        await using var scheduler = new StreamScheduler(streams, new StreamSchedulerOptions { BatchSize = 16, MaxDelay = TimeSpan.Zero });
        StreamHandle[] handles = [.. Enumerable.Range(0, 16).Select(_ => scheduler.Open())];
        using var source = new CancellationTokenSource();
        const int Warm = 2000, Counted = 20_000;
        await Loops(scheduler, handles, Warm, source.Token);
        long before = GC.GetTotalAllocatedBytes(precise: true);
        await Loops(scheduler, handles, Counted, source.Token);
        double bytes = (GC.GetTotalAllocatedBytes(precise: true) - before) / (double)(handles.Length * Counted);
        Assert.InRange(bytes, 0, 0.5); // the loops' own tasks; a frame that allocates has 24 bytes at least
    }

    [Fact]
    public async Task Metrics_tell_what_happened()
    {
        using RecurrentStack stack = Stack(Backend.Simd);
        using LiveStreams streams = stack.CreateLiveStreams();
        var sums = new Dictionary<string, double>();
        using var listener = new MeterListener();
        object? mine = null;
        listener.InstrumentPublished = (instrument, self) =>
        {
            if (instrument.Meter.Name == StreamScheduler.MeterName && (mine ??= instrument.Meter) == instrument.Meter)
                self.EnableMeasurementEvents(instrument);
        };
        void Add(string name, double value)
        {
            lock (sums)
                sums[name] = sums.GetValueOrDefault(name) + value;
        }

        listener.SetMeasurementEventCallback<long>((instrument, value, _, _) => Add(instrument.Name, value));
        listener.SetMeasurementEventCallback<int>((instrument, value, _, _) => Add(instrument.Name, value));
        listener.SetMeasurementEventCallback<double>((instrument, value, _, _) => Add(instrument.Name, value));
        listener.Start();
        await using var scheduler = new StreamScheduler(streams, new StreamSchedulerOptions { BatchSize = 4, MaxWaitingPerStream = 1 });
        Assert.Equal(4, scheduler.BatchSize);
        StreamHandle[] handles = [.. Enumerable.Range(0, 6).Select(_ => scheduler.Open())];
        for (int i = 0; i < 10; i++)
            await Task.WhenAll(handles.Select(handle => Push(scheduler, handle)));
        await Assert.ThrowsAsync<StreamException>(() => Push(scheduler, default));
        listener.RecordObservableInstruments();
        lock (sums)
        {
            Assert.Equal(60, sums["fastrecurrence.streams.frames"]);
            Assert.Equal(60, sums["fastrecurrence.streams.batch_size"]);
            Assert.Equal(6, sums["fastrecurrence.streams.open"]);
            Assert.Equal(0, sums["fastrecurrence.streams.waiting"]);
            Assert.Equal(1, sums["fastrecurrence.streams.refusals"]);
            Assert.True(sums["fastrecurrence.streams.step_time"] > 0 && sums["fastrecurrence.streams.queue_delay"] > 0);
        }
    }

    [Fact]
    public async Task A_batch_size_that_is_not_given_is_measured()
    {
        using RecurrentStack stack = Stack(Backend.Simd);
        using LiveStreams streams = stack.CreateLiveStreams();
        await using var scheduler = new StreamScheduler(streams);
        Assert.InRange(scheduler.BatchSize, 2, 256); // a batch always pays for a layer as small as this
        Assert.Equal(0, streams.Count);
        Assert.Throws<ArgumentOutOfRangeException>("BatchSize", () => new StreamScheduler(streams, new StreamSchedulerOptions { BatchSize = -1 }));
        Assert.Throws<ArgumentOutOfRangeException>("MaxDelay", () => new StreamScheduler(streams, new StreamSchedulerOptions { MaxDelay = TimeSpan.FromTicks(-1) }));
        Assert.Throws<ArgumentOutOfRangeException>("MaxWaiting", () => new StreamScheduler(streams, new StreamSchedulerOptions { MaxWaiting = 0 }));
    }

    private static Task Push(StreamScheduler scheduler, StreamHandle handle) => Push(scheduler, handle, new float[I], new float[H]);

    private static Task Push(StreamScheduler scheduler, StreamHandle handle, ReadOnlyMemory<float> frame, Memory<float> output) =>
        scheduler.PushAsync(handle, frame, output).AsTask();

    private static Task Loops(StreamScheduler scheduler, StreamHandle[] handles, int frames, CancellationToken cancellation) =>
        Task.WhenAll(handles.Select((handle, i) => Loop(scheduler, handle, frames, i % 2 == 0 ? default : cancellation)));

    private static async Task Loop(StreamScheduler scheduler, StreamHandle handle, int frames, CancellationToken cancellation)
    {
        float[] x = new float[I], y = new float[H];
        for (int i = 0; i < frames; i++)
            await scheduler.PushAsync(handle, x, y, cancellation).ConfigureAwait(false);
    }
}
