using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Orleans.Storage;

namespace FastRecurrence.Orleans.Grains;

/// <summary>What the grains of a silo share: the streams in one batch, and the storage of their checkpoints.</summary>
internal sealed class SiloStreams : IAsyncDisposable
{
    private readonly LiveStreams _streams;
    private readonly StreamScheduler _scheduler;

    public SiloStreams(IServiceProvider services, RecurrentStackSource stack, IOptions<ClusterStreamOptions> options, TimeProvider time)
    {
        (Options, Time) = (options.Value, time);
        if (Options.Fault() is { } fault)
            throw new InvalidOperationException(fault);
        Storage = services.GetKeyedService<IGrainStorage>(Options.StorageName) ?? throw new InvalidOperationException(
            $"The silo has no grain storage named '{Options.StorageName}', which the streams' checkpoints need. Add one "
            + $"(silo.AddRedisGrainStorage(\"{Options.StorageName}\", …), AddSqliteGrainStorage, AddMemoryGrainStorage) or name another in "
            + $"{nameof(ClusterStreamOptions)}.{nameof(ClusterStreamOptions.StorageName)}.");
        _streams = stack.Create(services).CreateLiveStreams(Options.InitialCapacity, Options.Team);
        _scheduler = new StreamScheduler(_streams, Options.Scheduler);
    }

    public ClusterStreamOptions Options { get; }

    public IGrainStorage Storage { get; }

    public TimeProvider Time { get; }

    public int InputSize => _streams.InputSize;

    public int OutputSize => _streams.OutputSize;

    /// <summary>Streams that are open here.</summary>
    public int Count => _streams.Count;

    public StreamHandle Open() => _streams.Open();

    public Task Close(StreamHandle stream) => _scheduler.CloseAsync(stream);

    public Task<byte[]> Save(StreamHandle stream) => _scheduler.SaveAsync(stream);

    public Task Restore(StreamHandle stream, byte[] state) => _scheduler.RestoreAsync(stream, state);

    /// <summary>One frame; false where it was refused because too many wait.</summary>
    public async ValueTask<bool> TryPush(StreamHandle stream, ReadOnlyMemory<float> frame, Memory<float> output)
    {
        try
        {
            await _scheduler.PushAsync(stream, frame, output);
            return true;
        }
        catch (StreamException e) when (e.Error == StreamError.QueueFull)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _scheduler.DisposeAsync();
        _streams.Dispose();
    }
}

/// <summary>Gives the silo its stack; a type of its own, so that a user's other stacks are never taken for it.</summary>
internal sealed record RecurrentStackSource(Func<IServiceProvider, RecurrentStack> Create);
