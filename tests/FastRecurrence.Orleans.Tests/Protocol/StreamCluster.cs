using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Hosting;
using Orleans.Storage;
using Orleans.TestingHost;

namespace FastRecurrence.Orleans.Tests.Protocol;

/// <summary>Silos of this process with streams, on a storage that outlives them and can be made to fail.</summary>
internal sealed class StreamCluster : IAsyncDisposable
{
    private readonly InProcessTestCluster _cluster;

    private StreamCluster(InProcessTestCluster cluster, FaultyStorage storage) => (_cluster, Storage) = (cluster, storage);

    public FaultyStorage Storage { get; }

    public InProcessTestCluster Silos => _cluster;

    public IGrainFactory Grains => _cluster.Client;

    public static async Task<StreamCluster> Start(RecurrentStack stack, Action<ClusterStreamOptions>? configure = null, int silos = 1, TimeProvider? time = null)
    {
        var builder = new InProcessTestClusterBuilder((short)silos);
        IServiceProvider? services = null;
        var storage = new FaultyStorage(() => services!.GetRequiredService<IGrainStorageSerializer>());
        builder.ConfigureSilo((_, silo) =>
        {
            if (time is not null)
                silo.Services.AddSingleton(time);
            silo.Services.AddLogging(log => log.SetMinimumLevel(LogLevel.None));
            silo.Services.AddKeyedSingleton<IGrainStorage>(ClusterStreamOptions.DefaultStorageName, storage);
            silo.AddFastRecurrenceStreams(_ => stack, configure);
        });
        InProcessTestCluster cluster = builder.Build();
        await cluster.DeployAsync();
        services = cluster.Silos[0].ServiceProvider;
        return new StreamCluster(cluster, storage);
    }

    public IStreamGrain Grain(string name) => Grains.GetGrain<IStreamGrain>(name);

    /// <summary>Ends the activation without a word to it, as when its silo dies: the next call activates the grain from the storage.</summary>
    public async Task Crash(string name)
    {
        // What an activation writes when it ends must not reach the storage.
        Storage.OnWrite(name, () => throw new IOException("the silo is dead"));
        await _cluster.DeactivateAsync(Grain(name));
        Storage.OnWrite(name, null);
    }

    public async ValueTask DisposeAsync()
    {
        await _cluster.StopAllSilosAsync();
        await _cluster.DisposeAsync();
    }
}

/// <summary>A cluster that the tests of a class share; each has streams of its own.</summary>
public abstract class ClusterFixture(int silos, Action<ClusterStreamOptions> configure) : IAsyncLifetime
{
    internal RecurrentStack Stack { get; } = Nets.Small();

    internal StreamCluster Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync() => Cluster = await StreamCluster.Start(Stack, configure, silos);

    public async ValueTask DisposeAsync()
    {
        await Cluster.DisposeAsync();
        Stack.Dispose();
        GC.SuppressFinalize(this);
    }
}

/// <summary>A caller's frames, and what one process makes of them.</summary>
internal sealed class Frames
{
    public Frames(RecurrentStack stack, int count, int seed)
    {
        (Width, OutputWidth, Count) = (stack.InputSize, stack.OutputSize, count);
        var random = new Random(seed);
        X = new float[count * Width];
        for (int i = 0; i < X.Length; i++)
            X[i] = random.NextSingle() * 2 - 1;
        Y = new float[count * OutputWidth];
        using var alone = new RecurrentStream(stack);
        alone.Run(X, Y);
    }

    public int Width { get; }

    public int OutputWidth { get; }

    public int Count { get; }

    public float[] X { get; }

    /// <summary>The outputs of a stream alone.</summary>
    public float[] Y { get; }

    public float[] Of(int first, int count = 1) => X[(first * Width)..((first + count) * Width)];

    public float[] Expected(int first, int count = 1) => Y[(first * OutputWidth)..((first + count) * OutputWidth)];
}
