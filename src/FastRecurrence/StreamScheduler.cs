using FastRecurrence.Streams;

namespace FastRecurrence;

/// <summary>
/// Makes batches of frames that come when they like: from any thread, each for one stream. A thread of its own takes what waits, one frame of each stream, up
/// to a batch size or a deadline, and makes one step of <see cref="LiveStreams"/> with it. A stream's frames keep their order, and each has exactly one
/// step or an error; streams take turns.
/// </summary>
/// <remarks>
/// Safe to use from any number of threads. Use a stream through its scheduler or through <see cref="LiveStreams"/>, not through both at a time: a frame whose
/// stream another call has, or that was closed there, ends with that <see cref="StreamException"/>. Pushing allocates nothing once as many frames as now have
/// waited before. Continuations of <see cref="PushAsync"/> run on the thread pool; callbacks of <see cref="Push"/> run on the scheduler's thread and hold up
/// all streams while they do. What a caller's memory, callback or continuation throws reaches that caller alone.
/// <para>
/// Its meter has the name <see cref="MeterName"/> and the instruments <c>fastrecurrence.streams.</c>: <c>open</c>, <c>waiting</c>, <c>frames</c>,
/// <c>refusals</c> (by <c>reason</c>), <c>cancelled</c>, <c>failures</c>, <c>queue_delay</c>, <c>batch_size</c> and <c>step_time</c>.
/// </para>
/// </remarks>
public sealed class StreamScheduler : IAsyncDisposable
{
    /// <summary>The name of the meter, for whoever listens.</summary>
    public const string MeterName = "FastRecurrence.Streams";

    private readonly SchedulerQueue _queue;
    private readonly SchedulerPump _pump;

    /// <summary>Starts the scheduler's thread; measures the batch size first, where none is given, which takes some tens of milliseconds.</summary>
    /// <param name="streams">Not disposed with the scheduler.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentOutOfRangeException">A number of the options is negative, or a bound is 0.</exception>
    public StreamScheduler(LiveStreams streams, StreamSchedulerOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(streams);
        options ??= new StreamSchedulerOptions();
        ArgumentOutOfRangeException.ThrowIfNegative(options.BatchSize, nameof(options.BatchSize));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxStepTime, TimeSpan.Zero, nameof(options.MaxStepTime));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxDelay, TimeSpan.Zero, nameof(options.MaxDelay));
        ArgumentOutOfRangeException.ThrowIfGreaterThan(options.MaxDelay, TimeSpan.FromMinutes(1), nameof(options.MaxDelay));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxWaiting, 1, nameof(options.MaxWaiting));
        ArgumentOutOfRangeException.ThrowIfLessThan(options.MaxWaitingPerStream, 1, nameof(options.MaxWaitingPerStream));
        ArgumentNullException.ThrowIfNull(options.TimeProvider, nameof(options.TimeProvider));
        Streams = streams;
        BatchSize = options.BatchSize > 0 ? options.BatchSize : BatchMeasurement.Measure(streams, options.MaxStepTime);
        SchedulerQueue? queue = null;
        var metrics = new StreamMetrics(options.MeterFactory, () => streams.Count, () => queue?.Waiting ?? 0);
        _queue = queue = new SchedulerQueue(streams, options, metrics);
        _pump = new SchedulerPump(streams, queue, metrics, options.TimeProvider, BatchSize);
    }

    /// <summary>The streams.</summary>
    public LiveStreams Streams { get; }

    /// <summary>Most streams of one step, given or measured.</summary>
    public int BatchSize { get; }

    /// <summary>Frames that wait for their step.</summary>
    public int Waiting => _queue.Waiting;

    /// <summary>Opens a stream with a zero state, at once.</summary>
    /// <exception cref="StreamException">There is no room.</exception>
    public StreamHandle Open() => Streams.Open();

    /// <summary>Gives a stream its next frame; done when the output is there.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="frame">x, <c>[I]</c>. Belongs to the scheduler until the task is done.</param>
    /// <param name="output">y, <c>[H]</c>, likewise; must not overlap memory of a frame that waits.</param>
    /// <param name="cancellationToken">
    /// Takes a frame back that still waits: it then never was, and its memory is the caller's again. A frame that is in a step is finished.
    /// </param>
    /// <returns>
    /// Ends with a <see cref="StreamException"/> when the frame was refused (too many wait, or the handle is stale), or its stream could not make the step.
    /// Await it once, as every <see cref="ValueTask"/>.
    /// </returns>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    /// <exception cref="ObjectDisposedException">The scheduler was disposed.</exception>
    public ValueTask PushAsync(StreamHandle stream, ReadOnlyMemory<float> frame, Memory<float> output, CancellationToken cancellationToken = default)
    {
        RequireLengths(frame, output);
        if (cancellationToken.IsCancellationRequested)
            return ValueTask.FromCanceled(cancellationToken);
        StreamItem item = _queue.Rent();
        (item.Input, item.Output) = (frame, output);
        ValueTask task = item.Task;
        if (cancellationToken.CanBeCanceled)
            item.Cancellation = cancellationToken.UnsafeRegister(static (item, token) => ((StreamItem)item!).Cancel(token), item);
        if (_queue.Add(stream, item) is not { } refusal)
            return task;
        Discard(item);
        return refusal is ObjectDisposedException ? throw refusal
            : refusal is OperationCanceledException ? ValueTask.FromCanceled(cancellationToken) : ValueTask.FromException(refusal);
    }

    /// <summary>As <see cref="PushAsync"/>, with a callback in place of a task.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="frame">x, <c>[I]</c>. Belongs to the scheduler until the callback.</param>
    /// <param name="output">y, <c>[H]</c>, likewise.</param>
    /// <param name="completed">
    /// Called once, on the scheduler's thread, with <paramref name="state"/> and what went wrong, or null. All streams wait while it runs; what it throws is
    /// counted and else ignored.
    /// </param>
    /// <param name="state">For the callback.</param>
    /// <exception cref="ArgumentException">A length does not fit.</exception>
    /// <exception cref="StreamException">Too many frames wait, or the handle is stale. The callback is not called.</exception>
    /// <exception cref="ObjectDisposedException">The scheduler was disposed.</exception>
    public void Push(StreamHandle stream, ReadOnlyMemory<float> frame, Memory<float> output, Action<object?, Exception?> completed, object? state = null)
    {
        ArgumentNullException.ThrowIfNull(completed);
        RequireLengths(frame, output);
        StreamItem item = _queue.Rent();
        (item.Input, item.Output, item.Completed, item.CompletedState) = (frame, output, completed, state);
        if (_queue.Add(stream, item) is not { } refusal)
            return;
        Discard(item);
        throw refusal;
    }

    /// <summary>Closes a stream once the frames that wait have had their steps; from now on it takes no more.</summary>
    public Task CloseAsync(StreamHandle stream) => InTurn(stream, streams => streams.Close(stream), closes: true);

    /// <summary>Sets h and c of a stream to zero, after the frames that wait and before those that come.</summary>
    public Task ResetAsync(StreamHandle stream) => InTurn(stream, streams => streams.Reset(stream));

    /// <summary>The state of a stream after the frames that wait, as <see cref="LiveStreams.Save(StreamHandle)"/> gives it.</summary>
    public Task<byte[]> SaveAsync(StreamHandle stream) => InTurn(stream, streams => streams.Save(stream));

    /// <summary>Gives a stream a saved state, after the frames that wait and before those that come.</summary>
    /// <param name="stream">The stream.</param>
    /// <param name="saved">What a save gave; not to be changed until the task is done.</param>
    public Task RestoreAsync(StreamHandle stream, ReadOnlyMemory<byte> saved) => InTurn(stream, streams => streams.Restore(stream, saved.Span));

    /// <summary>Opens a stream that goes on from the state of another after the frames of that one that wait.</summary>
    public Task<StreamHandle> ForkAsync(StreamHandle stream) => InTurn(stream, streams => streams.Fork(stream));

    /// <summary>Takes no more frames, ends those that wait without further delay, then the thread. Open streams stay open.</summary>
    public ValueTask DisposeAsync()
    {
        _queue.Close();
        return new ValueTask(_pump.Ended);
    }

    private Task<bool> InTurn(StreamHandle stream, Action<LiveStreams> call, bool closes = false) => InTurn(stream, streams =>
    {
        call(streams);
        return true;
    }, closes);

    private Task<T> InTurn<T>(StreamHandle stream, Func<LiveStreams, T> call, bool closes = false)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        StreamItem item = _queue.Rent();
        item.Call = () =>
        {
            try
            {
                done.SetResult(call(Streams));
            }
            catch (Exception e)
            {
                done.SetException(e);
            }
        };
        if (_queue.Add(stream, item, closes) is not { } refusal)
            return done.Task;
        Discard(item);
        return refusal is ObjectDisposedException ? throw refusal : Task.FromException<T>(refusal);
    }

    private static void Discard(StreamItem item)
    {
        item.Cancellation.Dispose();
        item.Return();
    }

    private void RequireLengths(ReadOnlyMemory<float> frame, Memory<float> output)
    {
        Extents.Require(nameof(frame), frame.Length, "I", Streams.InputSize);
        Extents.Require(nameof(output), output.Length, "H", Streams.OutputSize);
    }
}
