using System.Diagnostics;
using System.Text.Json;
using FastRecurrence.Orleans.Tests.Protocol;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Configuration;
using Orleans.Hosting;

namespace FastRecurrence.Orleans.Tests.Cluster;

/// <summary>
/// Three silos as processes, with Redis. Short here; FASTRECURRENCE_CLUSTER_LONG=FILE runs 300 streams for longer and writes what was measured.
/// </summary>
public sealed class RedisClusterTests
{
    private static readonly string? s_long = Environment.GetEnvironmentVariable("FASTRECURRENCE_CLUSTER_LONG");

    /// <summary>Frames of 32 ms, as the voice-activity sample has, faster than real time in the short form.</summary>
    private static readonly int s_streams = s_long is null ? 40 : 300, s_frames = s_long is null ? 250 : 1500, s_frameMilliseconds = s_long is null ? 20 : 32;

    [Fact]
    public async Task Two_of_three_silos_are_killed_under_load_then_redis_stops_and_every_output_is_the_one_of_one_process()
    {
        await using Redis redis = await Redis.Start();
        string cluster = "test-" + redis.Port;
        SiloProcess[] silos = [.. Enumerable.Range(0, 3).Select(_ => new SiloProcess(redis.Port, cluster))];
        try
        {
            await Task.WhenAll(silos.Select(silo => silo.Ready));
            using IHost client = await Connect(redis.Port, cluster);
            using RecurrentStack stack = Nets.Small();
            var load = new Load(stack, client.Services.GetRequiredService<IGrainFactory>(), s_streams, s_frames, s_frameMilliseconds);
            Task run = load.Run();

            var recoveries = new List<object>();
            for (int k = 0; k < 2; k++)
            {
                await load.Reach(s_frames * (k + 1) / 5);
                long killed = Stopwatch.GetTimestamp();
                silos[k].Kill();
                (double median, double last) = await load.Recovery(killed);
                recoveries.Add(new { killed_silo = k + 1, median_stream_s = Math.Round(median, 2), last_stream_s = Math.Round(last, 2) });
            }

            await load.Reach(s_frames * 7 / 10);
            double outage = s_long is null ? 2 : 10;
            redis.Stop();
            await Task.Delay(TimeSpan.FromSeconds(outage), TestContext.Current.CancellationToken);
            long before = load.Answered;
            redis.Continue();

            await run.WaitAsync(TimeSpan.FromMinutes(5), TestContext.Current.CancellationToken);
            Assert.Equal(s_streams, load.Right);
            Assert.Equal((long)s_streams * s_frames, load.Answered);
            Assert.True(load.Resent > 0, "no frame was sent again: the kills came too early or too late");
            if (s_long is not null)
            {
                await File.WriteAllTextAsync(s_long, JsonSerializer.Serialize(new
                {
                    kind = "streams-cluster",
                    silos = 3,
                    streams = s_streams,
                    frames_per_stream = s_frames,
                    frame_ms = s_frameMilliseconds,
                    checkpoint_frames = 20,
                    checkpoint_ms = 500,
                    probe_timeout_ms = 500,
                    missed_probes = 2,
                    streams_bit_equal = load.Right,
                    frames_answered = load.Answered,
                    frames_sent_again = load.Resent,
                    recoveries,
                    redis_stopped_s = outage,
                    frames_answered_while_stopped_or_before = before,
                    seconds = Math.Round(load.Seconds, 1),
                    processors = Environment.ProcessorCount,
                    backend = Backend.Simd.Description,
                    runtime = Environment.Version.ToString(),
                }, s_indented) + "\n", TestContext.Current.CancellationToken);
            }
        }
        finally
        {
            foreach (SiloProcess silo in silos)
                silo.Dispose();
        }
    }

    private static readonly JsonSerializerOptions s_indented = new() { WriteIndented = true };

    private static async Task<IHost> Connect(int redisPort, string cluster)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleansClient(orleans => orleans
            .Configure<ClusterOptions>(o => (o.ClusterId, o.ServiceId) = (cluster, cluster))
            .Configure<GatewayOptions>(o => o.GatewayListRefreshPeriod = TimeSpan.FromSeconds(2))
            .UseRedisClustering(o => o.ConfigurationOptions = Failures.Redis(redisPort)));
        IHost host = builder.Build();
        await host.StartAsync();
        return host;
    }
}

/// <summary>Callers that push a frame in every period, each into a stream of its own, and compare each output.</summary>
internal sealed class Load(RecurrentStack stack, IGrainFactory grains, int streams, int frames, int periodMilliseconds)
{
    private readonly long[] _lastAnswer = new long[streams];
    private readonly int[] _done = new int[streams];
    private long _answered, _resent, _begin;
    private int _right;

    public long Answered => Volatile.Read(ref _answered);

    public long Resent => Volatile.Read(ref _resent);

    public int Right => Volatile.Read(ref _right);

    public double Seconds { get; private set; }

    public async Task Run()
    {
        _begin = Stopwatch.GetTimestamp();
        await Task.WhenAll(Enumerable.Range(0, streams).Select(k => Task.Run(() => Push(k))));
        Seconds = Stopwatch.GetElapsedTime(_begin).TotalSeconds;
    }

    /// <summary>Waits until half of the streams are that far.</summary>
    public async Task Reach(int frame)
    {
        while (_done.Count(done => done >= frame) * 2 < streams)
            await Task.Delay(20);
    }

    /// <summary>Seconds from a moment to the answer by which each stream goes on again: of the median one, and of the last one.</summary>
    public async Task<(double Median, double Last)> Recovery(long since)
    {
        // What was on its way at that moment may still be answered; a stream that goes on is answered again and again.
        var first = new double[streams];
        int[] at = [.. _done];
        while (first.Contains(0))
        {
            for (int k = 0; k < streams; k++)
            {
                if (first[k] == 0 && (_done[k] >= at[k] + 2 || _done[k] == frames))
                    first[k] = Stopwatch.GetElapsedTime(since, Volatile.Read(ref _lastAnswer[k])).TotalSeconds;
            }

            await Task.Delay(5);
        }

        Array.Sort(first);
        return (first[streams / 2], first[^1]);
    }

    private async Task Push(int k)
    {
        var mine = new Frames(stack, frames, 1000 + k);
        ClusterStream stream = await ClusterStream.OpenAsync(grains, $"load-{k}");
        var y = new float[mine.Y.Length];
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < frames; i++)
        {
            await stream.PushAsync(mine.X.AsMemory(i * mine.Width, mine.Width), y.AsMemory(i * mine.OutputWidth, mine.OutputWidth));
            Interlocked.Increment(ref _answered);
            Volatile.Write(ref _lastAnswer[k], Stopwatch.GetTimestamp());
            Volatile.Write(ref _done[k], i + 1);
            // Behind time after an outage: as fast as it goes, until it has caught up.
            TimeSpan ahead = TimeSpan.FromMilliseconds((i + 1) * periodMilliseconds) - Stopwatch.GetElapsedTime(start);
            if (ahead > TimeSpan.Zero)
                await Task.Delay(ahead);
        }

        if (mine.Y.AsSpan().SequenceEqual(y))
            Interlocked.Increment(ref _right);
        Interlocked.Add(ref _resent, stream.Resent);
    }
}
