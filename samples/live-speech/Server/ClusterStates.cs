using FastRecurrence.Orleans;
using Orleans;

namespace LiveSpeech.Server;

/// <summary>A grain for each connection, on whichever silo it lives; it outlives silos.</summary>
internal sealed class ClusterStates(IGrainFactory grains) : IStates
{
    private int _count;

    public int Count => Volatile.Read(ref _count);

    public async ValueTask<IState> OpenAsync(CancellationToken cancellationToken)
    {
        ClusterStream stream = await ClusterStream.OpenAsync(grains, Guid.NewGuid().ToString("N"), cancellationToken: cancellationToken);
        Interlocked.Increment(ref _count);
        return new State(this, stream);
    }

    private sealed class State(ClusterStates owner, ClusterStream stream) : IState
    {
        public ValueTask StepAsync(ReadOnlyMemory<float> features, Memory<float> hidden, CancellationToken cancellationToken) =>
            stream.PushAsync(features, hidden, cancellationToken);

        public async ValueTask DisposeAsync()
        {
            Interlocked.Decrement(ref owner._count);
            await stream.CloseAsync();
        }
    }
}
