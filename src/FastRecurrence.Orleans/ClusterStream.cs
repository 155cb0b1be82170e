using System.Globalization;
using Orleans;
using Orleans.Runtime;

namespace FastRecurrence.Orleans;

/// <summary>
/// A caller's end of a stream on the cluster. It numbers the frames, keeps those that are in no checkpoint yet, and sends them again when the stream
/// goes on from an earlier checkpoint on another silo; the caller sees each output once. One call at a time.
/// </summary>
/// <remarks>
/// After a push that failed or was cancelled, push the same frames again, or give the stream up: whether they were applied is found out by their numbers.
/// </remarks>
public sealed class ClusterStream
{
    private readonly IStreamGrain _grain;
    private readonly ClusterStreamClientOptions _options;
    private readonly Guid _incarnation;
    private readonly int _maxFrames;
    private readonly Queue<(long First, float[] Values)> _kept = new();
    private int _isBusy;

    private ClusterStream(IStreamGrain grain, string name, StreamPosition position, ClusterStreamClientOptions options)
    {
        (_grain, Name, _options, _incarnation, _maxFrames) = (grain, name, options, position.Incarnation, position.MaxFrames);
        (InputSize, OutputSize, Next, Durable) = (position.InputSize, position.OutputSize, position.Next, position.Durable);
    }

    /// <summary>The stream's name in the cluster.</summary>
    public string Name { get; }

    /// <summary>I, values of a frame.</summary>
    public int InputSize { get; }

    /// <summary>H, values of the output of a frame.</summary>
    public int OutputSize { get; }

    /// <summary>The number of the frame that is pushed next.</summary>
    public long Next { get; private set; }

    /// <summary>All frames below are in a checkpoint; those from it to <see cref="Next"/> are kept here.</summary>
    public long Durable { get; private set; }

    /// <summary>Frames that were sent again because the stream went on from a checkpoint.</summary>
    public long Resent { get; private set; }

    /// <summary>Begins a stream with a zero state.</summary>
    /// <param name="grains">The client or the silo's factory.</param>
    /// <param name="name">Its name in the cluster, such as a session's id.</param>
    /// <param name="options">Patience; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="InvalidOperationException">A stream of this name is open: resume it, or close it first.</exception>
    /// <exception cref="TimeoutException">The cluster did not answer as long as the patience lasted.</exception>
    public static async Task<ClusterStream> OpenAsync(
        IGrainFactory grains, string name, ClusterStreamClientOptions? options = null, CancellationToken cancellationToken = default)
    {
        var incarnation = Guid.NewGuid();
        return await StartAsync(grains, name, options, grain => grain.Open(incarnation), cancellationToken);
    }

    /// <summary>Takes a stream over, at its next frame, whoever opened it. The first owner should push no more.</summary>
    /// <param name="grains">The client or the silo's factory.</param>
    /// <param name="name">Its name in the cluster.</param>
    /// <param name="options">Patience; null for the defaults.</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="StreamLostException">There is no stream of this name, or its checkpoint is lost.</exception>
    /// <exception cref="TimeoutException">The cluster did not answer as long as the patience lasted.</exception>
    public static Task<ClusterStream> ResumeAsync(
        IGrainFactory grains, string name, ClusterStreamClientOptions? options = null, CancellationToken cancellationToken = default) =>
        StartAsync(grains, name, options, grain => grain.TakeOver(), cancellationToken);

    /// <summary>Pushes frames and gives their outputs.</summary>
    /// <param name="frames">x, <c>[frames, I]</c>, at least one frame. Copied.</param>
    /// <param name="outputs">y, <c>[frames, H]</c>. Defined only after success.</param>
    /// <param name="cancellationToken">Ends the waiting; the frames may be applied all the same.</param>
    /// <exception cref="ArgumentException">The lengths do not fit, or a value is NaN or infinite. Nothing was applied.</exception>
    /// <exception cref="InvalidOperationException">Another call is in progress, or somebody else pushes into this stream.</exception>
    /// <exception cref="StreamLostException">The state cannot be had any more.</exception>
    /// <exception cref="TimeoutException">The cluster did not answer as long as the patience lasted.</exception>
    public async ValueTask PushAsync(ReadOnlyMemory<float> frames, Memory<float> outputs, CancellationToken cancellationToken = default)
    {
        int count = frames.Length / InputSize;
        if (count == 0 || count * InputSize != frames.Length)
        {
            throw new ArgumentException(
                string.Create(CultureInfo.InvariantCulture, $"frames has {frames.Length} values, not one or more frames of I = {InputSize}."), nameof(frames));
        }

        if (outputs.Length != (long)count * OutputSize)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"outputs has {outputs.Length} values; {count} frames give frames×H = {count}×{OutputSize} = {(long)count * OutputSize}."), nameof(outputs));
        }

        Enter();
        try
        {
            for (int done = 0; done < count;)
            {
                int part = Math.Min(_maxFrames, count - done);
                float[] values = frames.Slice(done * InputSize, part * InputSize).ToArray();
                done += await SendAsync(values, part, outputs[(done * OutputSize)..], cancellationToken);
            }
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Has a checkpoint written now; afterwards no frame is kept here.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task CheckpointAsync(CancellationToken cancellationToken = default)
    {
        Enter();
        try
        {
            while (Durable < Next)
            {
                StreamPosition position = await TryAsync(_grain, Name, _options, grain => grain.Checkpoint(_incarnation), cancellationToken);
                if (position.Next < Next)
                    await ResendAsync(position.Next, cancellationToken);
                else
                    Release(position.Durable);
            }
        }
        finally
        {
            Leave();
        }
    }

    /// <summary>Ends the stream and deletes its checkpoint.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    public async Task CloseAsync(CancellationToken cancellationToken = default)
    {
        Enter();
        try
        {
            await TryAsync(_grain, Name, _options, async grain =>
            {
                await grain.Close(_incarnation);
                return true;
            }, cancellationToken);
            _kept.Clear();
        }
        finally
        {
            Leave();
        }
    }

    private static async Task<ClusterStream> StartAsync(
        IGrainFactory grains, string name, ClusterStreamClientOptions? options, Func<IStreamGrain, Task<StreamPosition>> start,
        CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(grains);
        ArgumentException.ThrowIfNullOrEmpty(name);
        options = (options ?? new ClusterStreamClientOptions()).Checked();
        IStreamGrain grain = grains.GetGrain<IStreamGrain>(name);
        return new ClusterStream(grain, name, await TryAsync(grain, name, options, start, cancellationToken), options);
    }

    /// <summary>Frames as the next ones; how many were taken, at least one.</summary>
    private async Task<int> SendAsync(float[] values, int count, Memory<float> outputs, CancellationToken cancellationToken)
    {
        while (true)
        {
            var frames = new StreamFrames(_incarnation, Next, Next, values);
            StreamAnswer answer = await TryAsync(_grain, Name, _options, grain => grain.Push(frames), cancellationToken);
            switch (answer.Kind)
            {
                case StreamAnswerKind.Applied:
                    answer.Outputs.CopyTo(outputs);
                    int taken = answer.Outputs.Length / OutputSize;
                    _kept.Enqueue((Next, taken == count ? values : values[..(taken * InputSize)]));
                    Next += taken;
                    Release(answer.Durable);
                    return taken;
                case StreamAnswerKind.Gap:
                    await ResendAsync(answer.Next, cancellationToken);
                    break;
                default:
                    throw new InvalidOperationException(string.Create(CultureInfo.InvariantCulture,
                        $"Stream '{Name}' stands at frame {answer.Next}, beyond frame {Next} of this caller: somebody else pushes into it. "
                        + $"Resume it to take it over."));
            }
        }
    }

    /// <summary>What the stream asks for again; its outputs are known to the caller, and their bits are the same.</summary>
    private async Task ResendAsync(long from, CancellationToken cancellationToken)
    {
        while (from < Next)
        {
            if (_kept.Count == 0 || from < _kept.Peek().First)
            {
                throw new StreamLostException(Name, string.Create(CultureInfo.InvariantCulture,
                    $"the storage went back to frame {from}, although it had confirmed all frames below {Durable}."));
            }

            (long first, float[] values) = _kept.First(part => from < part.First + part.Values.Length / InputSize);
            var frames = new StreamFrames(_incarnation, from, from, values[((int)(from - first) * InputSize)..]);
            StreamAnswer answer = await TryAsync(_grain, Name, _options, grain => grain.Push(frames), cancellationToken);
            if (answer.Kind == StreamAnswerKind.Applied)
                Resent += answer.Outputs.Length / OutputSize;
            from = answer.Next;
        }
    }

    /// <summary>Forgets the frames below one.</summary>
    private void Release(long durable)
    {
        Durable = Math.Max(Durable, durable);
        while (_kept.TryPeek(out (long First, float[] Values) part) && part.First + part.Values.Length / InputSize <= Durable)
            _kept.Dequeue();
    }

    /// <summary>Makes a call until it is answered: silos die, storages stop, queues fill up.</summary>
    private static async Task<T> TryAsync<T>(
        IStreamGrain grain, string name, ClusterStreamClientOptions options, Func<IStreamGrain, Task<T>> call, CancellationToken cancellationToken)
    {
        long begin = Environment.TickCount64;
        TimeSpan pause = options.FirstPause;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            try
            {
                return await call(grain).WaitAsync(options.AttemptTimeout, cancellationToken);
            }
            catch (Exception e) when (MayPass(e))
            {
                TimeSpan waited = TimeSpan.FromMilliseconds(Environment.TickCount64 - begin);
                if (waited + pause > options.Patience)
                {
                    throw new TimeoutException(string.Create(CultureInfo.InvariantCulture,
                        $"Stream '{name}' did not answer for {waited.TotalSeconds:f1} s; the last try ended with {e.GetType().Name}: {e.Message}"), e);
                }
            }

            await Task.Delay(pause, cancellationToken);
            pause = pause * 2 < ClusterStreamClientOptions.LongestPause ? pause * 2 : ClusterStreamClientOptions.LongestPause;
        }
    }

    /// <summary>Whether the same call may succeed later. What the runtime throws about silos and connections are <see cref="OrleansException"/>s.</summary>
    private static bool MayPass(Exception e) =>
        e is StreamUnavailableException or TimeoutException or OrleansException or IOException or System.Net.Sockets.SocketException;

    private void Enter()
    {
        if (Interlocked.Exchange(ref _isBusy, 1) != 0)
            throw new InvalidOperationException($"Stream '{Name}': another call is in progress. A ClusterStream takes one call at a time.");
    }

    private void Leave() => Volatile.Write(ref _isBusy, 0);
}
