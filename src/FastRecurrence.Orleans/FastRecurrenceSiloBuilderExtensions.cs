using FastRecurrence.Orleans.Grains;
using FastRecurrence.Orleans.Storage;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Orleans.Hosting;
using Orleans.Storage;

namespace FastRecurrence.Orleans;

/// <summary>Live streams for a silo.</summary>
public static class FastRecurrenceSiloBuilderExtensions
{
    /// <summary>
    /// Lets the silo run streams of a stack, all of them in one batch. Their checkpoints go to the grain storage named
    /// <see cref="ClusterStreamOptions.DefaultStorageName"/>, or as the options say; add one beside this call.
    /// </summary>
    /// <param name="builder">The silo.</param>
    /// <param name="stack">Gives the stack, once a silo; the same weights on every silo. It is not disposed with the silo.</param>
    /// <param name="configure">Checkpoints and bounds; null for the defaults.</param>
    /// <exception cref="InvalidOperationException">The silo has a stack already.</exception>
    public static ISiloBuilder AddFastRecurrenceStreams(
        this ISiloBuilder builder, Func<IServiceProvider, RecurrentStack> stack, Action<ClusterStreamOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(stack);
        if (builder.Services.Any(service => service.ServiceType == typeof(RecurrentStackSource)))
            throw new InvalidOperationException("AddFastRecurrenceStreams was called before: a silo has one stack.");
        builder.Services.AddSingleton(new RecurrentStackSource(stack));
        builder.Services.AddSingleton<SiloStreams>();
        builder.Services.TryAddSingleton(TimeProvider.System);
        if (configure is not null)
            builder.Services.Configure(configure);
        // Options or a storage that do not fit end the silo's start, and not the first call.
        return builder.AddStartupTask((services, _) => Task.FromResult(services.GetRequiredService<SiloStreams>()));
    }

    /// <summary>
    /// One machine, no other service: localhost clustering, and checkpoints in memory or in a file. In memory, streams survive neither the end of the
    /// process nor of a silo that held their checkpoint: they are then lost, and say so. In a file they survive both; several silos of the machine may
    /// share it.
    /// </summary>
    /// <param name="builder">The silo.</param>
    /// <param name="file">A SQLite file, made where there is none; null for memory.</param>
    /// <param name="siloPort">Where silos find this one.</param>
    /// <param name="gatewayPort">Where clients find it.</param>
    /// <param name="primarySiloPort">The silo that keeps the list of silos, which the others need; null for this one.</param>
    public static ISiloBuilder UseOneMachineForStreams(
        this ISiloBuilder builder, string? file = null, int siloPort = 11111, int gatewayPort = 30000, int? primarySiloPort = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.UseLocalhostClustering(siloPort, gatewayPort,
            primarySiloPort is { } port ? new System.Net.IPEndPoint(System.Net.IPAddress.Loopback, port) : null);
        return file is null ? builder.AddMemoryGrainStorage(ClusterStreamOptions.DefaultStorageName)
            : builder.AddSqliteGrainStorage(ClusterStreamOptions.DefaultStorageName, file);
    }

    /// <summary>
    /// Grain storage in a SQLite file, for one machine: versions are checked as Orleans asks, writes of many grains share a transaction, and what was
    /// confirmed survives the end of the process and of the machine.
    /// </summary>
    /// <param name="builder">The silo.</param>
    /// <param name="name">The storage's name.</param>
    /// <param name="file">Made where there is none; its folder must exist. Several processes of the machine may share it.</param>
    public static ISiloBuilder AddSqliteGrainStorage(this ISiloBuilder builder, string name, string file)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(name);
        ArgumentException.ThrowIfNullOrEmpty(file);
        builder.Services.AddKeyedSingleton<IGrainStorage>(name, (services, _) => ActivatorUtilities.CreateInstance<SqliteGrainStorage>(services, file));
        return builder;
    }
}
