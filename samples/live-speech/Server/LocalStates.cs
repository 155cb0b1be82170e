using FastRecurrence;

namespace LiveSpeech.Server;

/// <summary>All states in one batch of this process.</summary>
internal sealed class LocalStates : IStates, IAsyncDisposable
{
    private readonly LiveStreams _streams;
    private readonly StreamScheduler _scheduler;

    public LocalStates(RecurrentStack stack)
    {
        _streams = stack.CreateLiveStreams();
        _scheduler = new StreamScheduler(_streams);
    }

    public int Count => _streams.Count;

    public ValueTask<IState> OpenAsync(CancellationToken cancellationToken) => new(new State(_scheduler, _scheduler.Open()));

    public async ValueTask DisposeAsync()
    {
        await _scheduler.DisposeAsync();
        _streams.Dispose();
    }

    private sealed class State(StreamScheduler scheduler, StreamHandle stream) : IState
    {
        public ValueTask StepAsync(ReadOnlyMemory<float> features, Memory<float> hidden, CancellationToken cancellationToken) =>
            scheduler.PushAsync(stream, features, hidden, cancellationToken);

        public async ValueTask DisposeAsync() => await scheduler.CloseAsync(stream);
    }
}
