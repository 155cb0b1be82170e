namespace LiveSpeech.Server;

/// <summary>Where the LSTM's states are: in this process, or in silos.</summary>
internal interface IStates
{
    /// <summary>A new state, of zeros.</summary>
    ValueTask<IState> OpenAsync(CancellationToken cancellationToken);

    /// <summary>Streams that are open here.</summary>
    int Count { get; }
}

/// <summary>One connection's state.</summary>
internal interface IState : IAsyncDisposable
{
    /// <summary>One step of the LSTM.</summary>
    ValueTask StepAsync(ReadOnlyMemory<float> features, Memory<float> hidden, CancellationToken cancellationToken);
}
