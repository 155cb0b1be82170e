using Orleans;
using Orleans.TestingHost;

namespace FastRecurrence.Orleans.Tests.Protocol;

/// <summary>What becomes of streams when activations, silos and the storage fail.</summary>
public sealed class FaultTests(FaultTests.Silos silos) : IClassFixture<FaultTests.Silos>
{
    private static readonly ClusterStreamClientOptions s_short = new() { Patience = TimeSpan.FromSeconds(1), AttemptTimeout = TimeSpan.FromSeconds(1) };
    private readonly RecurrentStack _stack = silos.Stack;
    private readonly StreamCluster _cluster = silos.Cluster;

    /// <summary>Two silos for all of them.</summary>
    public sealed class Silos() : ClusterFixture(silos: 2, Options);

    private static void Options(ClusterStreamOptions o) =>
        (o.CheckpointFrames, o.MaxFramesPerCall, o.MaxUnsavedFrames, o.CheckpointInterval, o.StorageTimeout) = (4, 8, 16, TimeSpan.FromSeconds(30), TimeSpan.FromMilliseconds(300));

    [Fact]
    public async Task A_stream_goes_on_from_its_checkpoint_and_says_from_which_frame_to_send_again()
    {
        var frames = new Frames(_stack, 40, 1);
        IStreamGrain grain = _cluster.Grain("crash");
        Guid id = (await grain.Open(Guid.NewGuid())).Incarnation;
        await grain.Push(new StreamFrames(id, 0, 0, frames.Of(0, 3)));
        await grain.Checkpoint(id);
        await grain.Push(new StreamFrames(id, 3, 3, frames.Of(3, 2)));
        await _cluster.Crash("crash");

        StreamAnswer answer = await grain.Push(new StreamFrames(id, 5, 5, frames.Of(5)));
        Assert.Equal((StreamAnswerKind.Gap, 3L, 3L), (answer.Kind, answer.Next, answer.Durable));
        Assert.Equal(frames.Expected(3, 3), (await grain.Push(new StreamFrames(id, 3, 3, frames.Of(3, 3)))).Outputs);
    }

    [Fact]
    public async Task An_answer_that_got_lost_with_its_silo_is_in_the_checkpoint()
    {
        var frames = new Frames(_stack, 40, 2);
        IStreamGrain grain = _cluster.Grain("answer");
        Guid id = (await grain.Open(Guid.NewGuid())).Incarnation;
        await grain.Push(new StreamFrames(id, 0, 0, frames.Of(0, 2)));
        await grain.Push(new StreamFrames(id, 2, 2, frames.Of(2, 3)));
        await grain.Checkpoint(id);
        await _cluster.Crash("answer");
        StreamAnswer again = await grain.Push(new StreamFrames(id, 2, 2, frames.Of(2, 3)));
        Assert.Equal((StreamAnswerKind.Applied, 5L), (again.Kind, again.Next));
        Assert.Equal(frames.Expected(2, 3), again.Outputs);
    }

    [Fact]
    public async Task A_caller_sees_every_output_once_while_activations_end_all_the_time()
    {
        int resent = 0;
        await Task.WhenAll(Enumerable.Range(0, 12).Select(async k =>
        {
            string name = $"restless-{k}";
            var frames = new Frames(_stack, 80, k);
            ClusterStream stream = await ClusterStream.OpenAsync(_cluster.Grains, name);
            var random = new Random(k);
            var y = new float[frames.Y.Length];
            for (int at = 0; at < frames.Count;)
            {
                int count = Math.Min(random.Next(1, 6), frames.Count - at);
                await stream.PushAsync(frames.Of(at, count), y.AsMemory(at * frames.OutputWidth, count * frames.OutputWidth));
                at += count;
                if (random.Next(4) == 0)
                    await _cluster.Crash(name);
                if (random.Next(8) == 0)
                    await _cluster.Silos.DeactivateAsync(_cluster.Grain(name));
            }

            Assert.Equal(frames.Y, y);
            Interlocked.Add(ref resent, (int)stream.Resent);
            await stream.CheckpointAsync();
            Assert.Equal(stream.Next, stream.Durable);
        }));
        Assert.True(resent > 0, "no frame was sent again: the test tests nothing");
    }

    [Fact]
    public async Task A_lost_checkpoint_is_an_exception_and_never_a_zero_state()
    {
        var frames = new Frames(_stack, 40, 3);
        ClusterStream stream = await ClusterStream.OpenAsync(_cluster.Grains, "lost", s_short);
        var y = new float[8 * frames.OutputWidth];
        await stream.PushAsync(frames.Of(0, 8), y);
        await stream.CheckpointAsync();
        await _cluster.Crash("lost");
        _cluster.Storage.Lose("lost");
        StreamLostException e = await Assert.ThrowsAsync<StreamLostException>(() => stream.PushAsync(frames.Of(8, 8), y).AsTask());
        Assert.Contains("no checkpoint", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_storage_that_went_back_further_than_the_caller_remembers_has_lost_the_stream()
    {
        var frames = new Frames(_stack, 40, 4);
        ClusterStream stream = await ClusterStream.OpenAsync(_cluster.Grains, "older", s_short);
        var y = new float[8 * frames.OutputWidth];
        (byte[], string) old = _cluster.Storage.Get("older");
        await stream.PushAsync(frames.Of(0, 8), y);
        await stream.CheckpointAsync();
        await _cluster.Crash("older");
        _cluster.Storage.Put("older", old);
        StreamLostException e = await Assert.ThrowsAsync<StreamLostException>(() => stream.PushAsync(frames.Of(8, 8), y).AsTask());
        Assert.Contains("went back to frame 0", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_damaged_checkpoint_and_one_of_other_weights_are_lost()
    {
        var frames = new Frames(_stack, 40, 5);
        ClusterStream stream = await ClusterStream.OpenAsync(_cluster.Grains, "damaged", s_short);
        var y = new float[8 * frames.OutputWidth];
        await stream.PushAsync(frames.Of(0, 8), y);
        await stream.CheckpointAsync();
        using RecurrentStack others = Nets.Small(seed: 7);
        await using (StreamCluster elsewhere = await StreamCluster.Start(others))
        {
            ClusterStream other = await ClusterStream.OpenAsync(elsewhere.Grains, "damaged", s_short);
            await other.PushAsync(frames.Of(0, 8), y);
            await other.CheckpointAsync();
            await _cluster.Crash("damaged");
            (byte[] Payload, string Etag) mine = _cluster.Storage.Get("damaged");
            _cluster.Storage.Put("damaged", elsewhere.Storage.Get("damaged"));
            StreamLostException weights = await Assert.ThrowsAsync<StreamLostException>(() => stream.PushAsync(frames.Of(8, 8), y).AsTask());
            Assert.Contains("cannot be taken", weights.Message, StringComparison.Ordinal);
            _cluster.Storage.Put("damaged", mine);
        }

        // One digit of the state in the record's text.
        (byte[] payload, string etag) = _cluster.Storage.Get("damaged");
        string text = System.Text.Encoding.UTF8.GetString(payload);
        int at = text.IndexOf("\"State\"", StringComparison.Ordinal) + 120;
        Assert.True(at > 120 && at < text.Length, text);
        _cluster.Storage.Put("damaged", (System.Text.Encoding.UTF8.GetBytes(text[..at] + (text[at] == 'A' ? 'B' : 'A') + text[(at + 1)..]), etag));
        await _cluster.Silos.DeactivateAsync(_cluster.Grain("damaged"));
        await Assert.ThrowsAsync<StreamLostException>(() => stream.PushAsync(frames.Of(8, 8), y).AsTask());

        // As the message says: open it anew.
        ClusterStream anew = await ClusterStream.OpenAsync(_cluster.Grains, "damaged");
        await anew.PushAsync(frames.Of(0, 8), y);
        Assert.Equal(frames.Expected(0, 8), y);
    }

    [Fact]
    public async Task Throwing_storage_of_one_stream_refuses_its_frames_in_time_and_harms_no_other()
    {
        Frames sick = new(_stack, 64, 6), well = new(_stack, 64, 7);
        ClusterStream bad = await ClusterStream.OpenAsync(_cluster.Grains, "sick", s_short), good = await ClusterStream.OpenAsync(_cluster.Grains, "well");
        _cluster.Storage.OnWrite("sick", () => throw new IOException("no space left"));
        var y = new float[8 * sick.OutputWidth];
        await bad.PushAsync(sick.Of(0, 8), y);
        await bad.PushAsync(sick.Of(8, 8), y);
        Assert.Equal(sick.Expected(8, 8), y);
        // 16 frames are in no checkpoint: the next ones are refused, not dropped.
        TimeoutException e = await Assert.ThrowsAsync<TimeoutException>(() => bad.PushAsync(sick.Of(16, 8), y).AsTask());
        Assert.Contains("no space left", e.Message, StringComparison.Ordinal);
        for (int at = 0; at < 64; at += 8)
        {
            await good.PushAsync(well.Of(at, 8), y);
            Assert.Equal(well.Expected(at, 8), y);
        }

        _cluster.Storage.OnWrite("sick", null);
        for (int at = 16; at < 64; at += 8)
        {
            await bad.PushAsync(sick.Of(at, 8), y);
            Assert.Equal(sick.Expected(at, 8), y);
        }

        Assert.Equal(0, bad.Resent);
    }

    [Fact]
    public async Task Storage_that_hangs_makes_frames_wait()
    {
        var frames = new Frames(_stack, 64, 8);
        ClusterStream stream = await ClusterStream.OpenAsync(_cluster.Grains, "hang");
        var release = new TaskCompletionSource();
        _cluster.Storage.OnWrite("hang", () => release.Task);
        var y = new float[32 * frames.OutputWidth];
        Task push = stream.PushAsync(frames.Of(0, 32), y).AsTask();
        await Task.Delay(800, TestContext.Current.CancellationToken);
        Assert.False(push.IsCompleted);
        release.SetResult();
        await push;
        Assert.Equal(frames.Expected(0, 32), y);
    }

    [Fact]
    public async Task Storage_that_cannot_be_read_or_opened_refuses_and_recovers()
    {
        var frames = new Frames(_stack, 64, 9);
        _cluster.Storage.OnWrite("unread", () => throw new IOException("cut off"));
        await Assert.ThrowsAsync<TimeoutException>(() => ClusterStream.OpenAsync(_cluster.Grains, "unread", s_short));
        Assert.False(_cluster.Storage.Has("unread"));
        _cluster.Storage.OnWrite("unread", null);
        ClusterStream stream = await ClusterStream.OpenAsync(_cluster.Grains, "unread", s_short);
        var y = new float[8 * frames.OutputWidth];
        await stream.PushAsync(frames.Of(0, 8), y);
        await _cluster.Crash("unread");
        _cluster.Storage.OnRead("unread", () => throw new IOException("cut off"));
        await Assert.ThrowsAsync<TimeoutException>(() => stream.PushAsync(frames.Of(8, 8), y).AsTask());
        _cluster.Storage.OnRead("unread", null);
        await stream.PushAsync(frames.Of(8, 8), y);
        Assert.Equal(frames.Expected(8, 8), y);
    }

    [Fact]
    public async Task An_activation_that_is_no_longer_the_one_gives_way()
    {
        var frames = new Frames(_stack, 64, 10);
        ClusterStream stream = await ClusterStream.OpenAsync(_cluster.Grains, "two");
        var y = new float[64 * frames.OutputWidth];
        await stream.PushAsync(frames.Of(0, 8), y.AsMemory(0, 8 * frames.OutputWidth));
        await stream.CheckpointAsync();
        for (int at = 8; at < 64; at += 8)
        {
            _cluster.Storage.Touch("two");
            await stream.PushAsync(frames.Of(at, 8), y.AsMemory(at * frames.OutputWidth, 8 * frames.OutputWidth));
        }

        Assert.Equal(frames.Y, y);
        Assert.True(stream.Resent > 0);
    }

    [Fact]
    public async Task A_silo_that_stops_saves_its_streams_and_one_that_is_killed_loses_none()
    {
        await using StreamCluster cluster = await StreamCluster.Start(_stack, Options, silos: 3);
        var frames = Enumerable.Range(0, 30).Select(k => new Frames(_stack, 30, k)).ToArray();
        ClusterStream[] streams = await Task.WhenAll(frames.Select((_, k) => ClusterStream.OpenAsync(cluster.Grains, $"silo-{k}")));
        async Task Push(int first) => await Task.WhenAll(streams.Select(async (stream, k) =>
        {
            var y = new float[10 * frames[k].OutputWidth];
            await stream.PushAsync(frames[k].Of(first, 10), y);
            Assert.Equal(frames[k].Expected(first, 10), y);
        }));
        await Push(0);
        await cluster.Silos.StopSiloAsync(cluster.Silos.Silos[2]);
        await Push(10);
        Assert.All(streams, stream => Assert.Equal(0, stream.Resent));
        await cluster.Silos.KillSiloAsync(cluster.Silos.Silos[1]);
        await Push(20);
    }
}
