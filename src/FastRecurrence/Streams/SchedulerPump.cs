namespace FastRecurrence.Streams;

/// <summary>
/// The thread that takes batch after batch. What fails is told to whoever it concerns: a frame whose memory throws, a stream that was closed behind the
/// scheduler's back, a callback that throws; the others go on.
/// </summary>
internal sealed class SchedulerPump
{
    private readonly LiveStreams _streams;
    private readonly SchedulerQueue _queue;
    private readonly StreamMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ITimer? _timer;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly int _batchSize;
    private readonly List<StreamItem> _frames = [], _calls = [];
    private readonly StreamHandle[] _handles;
    private readonly float[] _x, _y;

    public SchedulerPump(LiveStreams streams, SchedulerQueue queue, StreamMetrics metrics, TimeProvider time, int batchSize)
    {
        (_streams, _queue, _metrics, _time, _batchSize) = (streams, queue, metrics, time, batchSize);
        _handles = new StreamHandle[batchSize];
        _x = new float[Extents.Elements("x of a batch", nameof(StreamSchedulerOptions.BatchSize), batchSize, streams.InputSize)];
        _y = new float[Extents.Elements("y of a batch", nameof(StreamSchedulerOptions.BatchSize), batchSize, streams.OutputSize)];
        if (time != TimeProvider.System)
            _timer = time.CreateTimer(static queue => ((SchedulerQueue)queue!).Wake(), queue, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        new Thread(Run) { IsBackground = true, Name = "FastRecurrence stream scheduler" }.Start();
    }

    /// <summary>Ends once everything that waited is done.</summary>
    public Task Ended => _ended.Task;

    private void Run()
    {
        while (_queue.Take(_batchSize, _frames, _calls, _timer))
        {
            foreach (StreamItem call in _calls)
                Call(call);
            int count = Gather();
            if (count > 0)
                Step(count);
        }

        _timer?.Dispose();
        _metrics.Dispose();
        _ended.SetResult();
    }

    private static void Call(StreamItem item)
    {
        item.Call!(); // keeps its own exceptions for its own task
        item.Return();
    }

    /// <summary>Copies the frames together; those whose memory throws are told so and are out.</summary>
    private int Gather()
    {
        int count = 0, I = _streams.InputSize;
        long now = _time.GetTimestamp();
        for (int i = 0; i < _frames.Count; i++)
        {
            StreamItem item = _frames[i];
            if (_metrics.QueueDelay.Enabled)
                _metrics.QueueDelay.Record(_time.GetElapsedTime(item.Pushed, now).TotalSeconds);
            try
            {
                item.Input.Span.CopyTo(_x.AsSpan(count * I, I));
            }
            catch (Exception e)
            {
                Fail(item, e);
                continue;
            }

            _handles[count] = item.Queue!.Stream;
            _frames[count++] = item;
        }

        _frames.RemoveRange(count, _frames.Count - count);
        return count;
    }

    private void Step(int count)
    {
        int I = _streams.InputSize, H = _streams.OutputSize;
        long start = _time.GetTimestamp();
        while (true)
        {
            try
            {
                _streams.Step(_handles.AsSpan(0, count), _x.AsSpan(0, count * I), _y.AsSpan(0, count * H));
                break;
            }
            catch (StreamException e) when (e.Index >= 0)
            {
                Fail(_frames[e.Index], e); // no stream has moved: the others try again without it
                _frames.RemoveAt(e.Index);
                _handles.AsSpan(e.Index + 1, count - e.Index - 1).CopyTo(_handles.AsSpan(e.Index));
                _x.AsSpan((e.Index + 1) * I, (count - e.Index - 1) * I).CopyTo(_x.AsSpan(e.Index * I));
                if (--count == 0)
                    return;
            }
            catch (Exception e)
            {
                foreach (StreamItem item in _frames)
                    Fail(item, e);
                return;
            }
        }

        _metrics.StepTime.Record(_time.GetElapsedTime(start).TotalSeconds);
        _metrics.BatchSize.Record(count);
        _metrics.Frames.Add(count);
        for (int i = 0; i < count; i++)
        {
            try
            {
                _y.AsSpan(i * H, H).CopyTo(_frames[i].Output.Span);
            }
            catch (Exception e)
            {
                Fail(_frames[i], e);
                continue;
            }

            Complete(_frames[i], null);
        }
    }

    private void Fail(StreamItem item, Exception error)
    {
        _metrics.Failed.Add(1);
        Complete(item, error);
    }

    private void Complete(StreamItem item, Exception? error)
    {
        if (item.Complete(error))
            _metrics.Failed.Add(1);
    }
}
