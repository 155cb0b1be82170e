using System.Buffers;
using FastRecurrence.Tests.Contract;

namespace FastRecurrence.Tests.Streams;

/// <summary>
/// A random schedule of pushes, cancellations and calls for one thread's own streams. Each stream's record says what was asked of it in which order and what
/// came of it; played again on a <see cref="RecurrentStream"/> alone it gives every output to the bit: no frame is lost, doubled or out of order.
/// </summary>
internal sealed class SchedulerWorld(StreamScheduler scheduler, int seed)
{
    private readonly Random _random = new(seed);
    private readonly List<Record> _open = [], _all = [];
    private readonly LiveStreams _streams = scheduler.Streams;

    public long Frames { get; private set; }

    public long Cancelled { get; private set; }

    public long Failed { get; private set; }

    public long Refused { get; private set; }

    public async Task Live(int actions)
    {
        for (int i = 0; i < actions; i++)
        {
            int action = _random.Next(24);
            if (_open.Count == 0 || (action == 0 && _open.Count < 6))
            {
                var record = new Record(scheduler.Open());
                _open.Add(record);
                _all.Add(record);
                continue;
            }

            Record stream = _open[_random.Next(_open.Count)];
            await Act(action, stream);
        }

        await Task.WhenAll(_all.SelectMany(record => record.Entries).Select(entry => entry.Settled));
        Check();
    }

    private async Task Act(int action, Record stream)
    {
        switch (action)
        {
            case 1:
                stream.Entries.Add(new Entry("close", Settle(scheduler.CloseAsync(stream.Handle))));
                _open.Remove(stream);
                StreamException e = await Assert.ThrowsAsync<StreamException>(() => Push(stream.Handle, new float[_streams.InputSize], new float[_streams.OutputSize], default).AsTask());
                Assert.Equal(StreamError.StaleHandle, e.Error);
                Refused++;
                break;
            case 2:
                stream.Entries.Add(new Entry("reset", Settle(scheduler.ResetAsync(stream.Handle))));
                break;
            case 3:
                Task<byte[]> saved = scheduler.SaveAsync(stream.Handle);
                stream.Entries.Add(new Entry("save", Settle(saved)) { Saved = saved });
                if (_random.Next(2) == 0)
                {
                    byte[] bytes = await saved;
                    stream.Entries.Add(new Entry("restore", Settle(scheduler.RestoreAsync(stream.Handle, bytes))) { Saved = saved });
                }

                break;
            case 4 when _open.Count < 6:
                Task<StreamHandle> fork = scheduler.ForkAsync(stream.Handle);
                int at = stream.Entries.Count;
                var copy = new Record(await fork) { Parent = stream, ParentEntries = at };
                _open.Add(copy);
                _all.Add(copy);
                break;
            case 5:
                Failed++;
                stream.Entries.Add(new Entry("fail", Settle(Push(stream.Handle, new Broken().Memory, new float[_streams.OutputSize], default).AsTask())) { MustFail = true });
                break;
            case 6:
                await stream.Entries.Select(entry => entry.Settled).LastOrDefault(Task.FromResult<Exception?>(null));
                break;
            default:
                PushFrame(stream);
                break;
        }
    }

    private void PushFrame(Record stream)
    {
        float[] x = Problem.Uniform(_random, _streams.InputSize), y = new float[_streams.OutputSize];
        CancellationTokenSource? source = _random.Next(5) == 0 ? new CancellationTokenSource() : null;
        var entry = new Entry("frame", Settle(Push(stream.Handle, x, y, source?.Token ?? default).AsTask())) { X = x, Y = y };
        stream.Entries.Add(entry);
        if (source is null)
            return;
        if (_random.Next(2) == 0)
            Thread.Yield();
        source.Cancel();
        source.Dispose();
    }

    private ValueTask Push(StreamHandle stream, ReadOnlyMemory<float> x, Memory<float> y, CancellationToken cancellation) =>
        scheduler.PushAsync(stream, x, y, cancellation);

    private void Check()
    {
        foreach (Record record in _all)
        {
            using var alone = new RecurrentStream(_streams.Stack);
            Start(record, alone);
            foreach (Entry entry in record.Entries)
                Replay(entry, alone, check: true);
        }
    }

    private void Start(Record record, RecurrentStream alone)
    {
        if (record.Parent is not { } parent)
            return;
        Start(parent, alone);
        foreach (Entry entry in parent.Entries.Take(record.ParentEntries))
            Replay(entry, alone, check: false);
        alone.State.Restore(alone.State.Save()); // a fork goes through float, which the reference feels
    }

    private void Replay(Entry entry, RecurrentStream alone, bool check)
    {
        Exception? error = entry.Settled.Result;
        switch (entry.What)
        {
            case "frame" when error is OperationCanceledException:
                Cancelled += check ? 1 : 0;
                Assert.All(entry.Y!, value => Assert.Equal(0f, value));
                return;
            case "frame":
                Assert.Null(error);
                Frames += check ? 1 : 0;
                var expected = new float[alone.State.Stack.OutputSize];
                alone.Step(entry.X, expected);
                if (check)
                    BackendContract.AssertSameBits("scheduler", "frame", expected, entry.Y);
                return;
            case "fail":
                Assert.IsType<InvalidOperationException>(error);
                return;
        }

        Assert.Null(error);
        if (entry.What == "reset")
            alone.Reset();
        else if (entry.What == "save" && check)
            Assert.Equal(alone.State.Save(), entry.Saved!.Result);
        else if (entry.What == "restore")
            alone.State.Restore(entry.Saved!.Result);
    }

    private static async Task<Exception?> Settle(Task task)
    {
        try
        {
            await task;
            return null;
        }
        catch (Exception e)
        {
            return e;
        }
    }

    private sealed class Record(StreamHandle handle)
    {
        public StreamHandle Handle { get; } = handle;

        public List<Entry> Entries { get; } = [];

        public Record? Parent { get; init; }

        public int ParentEntries { get; init; }
    }

    private sealed class Entry(string what, Task<Exception?> settled)
    {
        public string What { get; } = what;

        public Task<Exception?> Settled { get; } = settled;

        public float[]? X { get; init; }

        public float[]? Y { get; init; }

        public Task<byte[]>? Saved { get; init; }

        public bool MustFail { get; init; }
    }

    /// <summary>A caller's memory that is gone when the step comes.</summary>
    internal sealed class Broken : MemoryManager<float>
    {
        public override Memory<float> Memory => CreateMemory(Length);

        public int Length { get; init; } = 3;

        public override Span<float> GetSpan() => throw new InvalidOperationException("this memory is gone");

        public override MemoryHandle Pin(int elementIndex = 0) => throw new InvalidOperationException("this memory is gone");

        public override void Unpin()
        {
        }

        protected override void Dispose(bool disposing)
        {
        }
    }
}
