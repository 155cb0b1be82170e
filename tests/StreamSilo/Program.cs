using System.Globalization;
using System.Net;
using FastRecurrence;
using FastRecurrence.Orleans;
using FastRecurrence.StreamSilo;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans.Configuration;
using Orleans.Hosting;

// stream-silo REDIS-PORT CLUSTER SILO-PORT GATEWAY-PORT: a silo that runs until it is told to end (or killed); says "ready" when it takes calls.
int[] ports = [.. new[] { args[0], args[2], args[3] }.Select(text => int.Parse(text, CultureInfo.InvariantCulture))];
using RecurrentStack stack = Nets.Small();
HostApplicationBuilder builder = Host.CreateApplicationBuilder();
builder.Logging.ClearProviders().AddConsole(console => console.LogToStandardErrorThreshold = LogLevel.Trace).SetMinimumLevel(LogLevel.Error);
builder.UseOrleans(silo => silo
    .Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (args[1], args[1]))
    .Configure<ClusterMembershipOptions>(Failures.Notice)
    .ConfigureEndpoints(IPAddress.Loopback, ports[1], ports[2])
    .UseRedisClustering(o => o.ConfigurationOptions = Failures.Redis(ports[0]))
    .AddRedisGrainStorage(ClusterStreamOptions.DefaultStorageName, o => o.ConfigurationOptions = Failures.Redis(ports[0]))
    .AddFastRecurrenceStreams(_ => stack, o => (o.CheckpointFrames, o.CheckpointInterval, o.MaxUnsavedFrames) = (20, TimeSpan.FromMilliseconds(500), 256)));
using IHost host = builder.Build();
await host.StartAsync();
Console.WriteLine("ready");
await host.WaitForShutdownAsync();
