using Orleans;

namespace FastRecurrence.Orleans.Tests.Protocol;

/// <summary>When checkpoints are written, and what options are refused.</summary>
public sealed class CheckpointTests
{
    [Fact]
    public async Task After_so_many_frames_and_not_before()
    {
        using RecurrentStack stack = Nets.Small();
        await using StreamCluster cluster = await StreamCluster.Start(stack, o => (o.CheckpointFrames, o.CheckpointInterval) = (10, TimeSpan.FromHours(1)));
        ClusterStream stream = await ClusterStream.OpenAsync(cluster.Grains, "count");
        var y = new float[stack.OutputSize];
        for (int i = 0; i < 9; i++)
            await stream.PushAsync(new float[stack.InputSize], y);
        Assert.Equal(1, cluster.Storage.Writes);
        await stream.PushAsync(new float[stack.InputSize], y);
        await Until(() => cluster.Storage.Writes == 2);
        await stream.PushAsync(new float[stack.InputSize], y);
        Assert.Equal(10, stream.Durable);
    }

    [Fact]
    public async Task After_so_long_although_few_frames_came()
    {
        using RecurrentStack stack = Nets.Small();
        await using StreamCluster cluster = await StreamCluster.Start(stack, o => (o.CheckpointFrames, o.CheckpointInterval) = (1000, TimeSpan.FromMilliseconds(50)));
        ClusterStream stream = await ClusterStream.OpenAsync(cluster.Grains, "time");
        var y = new float[stack.OutputSize];
        await stream.PushAsync(new float[stack.InputSize], y);
        await Until(() => cluster.Storage.Writes == 2);
        // Once: a stream that rests writes no more.
        await Task.Delay(300, TestContext.Current.CancellationToken);
        Assert.Equal(2, cluster.Storage.Writes);
        // A failure is tried again.
        cluster.Storage.OnWrite("time", () => throw new IOException("not now"));
        await stream.PushAsync(new float[stack.InputSize], y);
        await Task.Delay(200, TestContext.Current.CancellationToken);
        Assert.Equal(2, cluster.Storage.Writes);
        cluster.Storage.OnWrite("time", null);
        await Until(() => cluster.Storage.Writes == 3);
    }

    [Fact]
    public async Task Nan_that_is_allowed_stays_in_its_stream()
    {
        using RecurrentStack stack = Nets.Small();
        await using StreamCluster cluster = await StreamCluster.Start(stack, o => o.AllowNonFinite = true);
        var frames = new Frames(stack, 20, 1);
        ClusterStream poisoned = await ClusterStream.OpenAsync(cluster.Grains, "nan"), other = await ClusterStream.OpenAsync(cluster.Grains, "sound");
        float[] x = new float[stack.InputSize], y = new float[stack.OutputSize];
        x[0] = float.NaN;
        for (int i = 0; i < 20; i++)
        {
            Task sick = poisoned.PushAsync(x, new float[stack.OutputSize]).AsTask();
            await other.PushAsync(frames.Of(i), y);
            Assert.Equal(frames.Expected(i), y);
            await sick;
        }

        await poisoned.CheckpointAsync();
        await poisoned.PushAsync(x, y);
        Assert.All(y, value => Assert.True(float.IsNaN(value)));
    }

    [Fact]
    public async Task Options_that_do_not_fit_are_named()
    {
        (Action<ClusterStreamOptions>, string)[] wrong =
        [
            (o => o.StorageName = "", "StorageName"), (o => o.CheckpointFrames = 0, "CheckpointFrames"), (o => o.MaxFramesPerCall = 0, "MaxFramesPerCall"),
            (o => o.MaxUnsavedFrames = 10, "MaxUnsavedFrames"), (o => o.CheckpointInterval = TimeSpan.Zero, "CheckpointInterval"),
            (o => o.StorageTimeout = TimeSpan.Zero, "StorageTimeout"), (o => o.InitialCapacity = 0, "InitialCapacity"),
        ];
        foreach ((Action<ClusterStreamOptions> set, string name) in wrong)
        {
            var options = new ClusterStreamOptions();
            Assert.Null(options.Fault());
            set(options);
            Assert.StartsWith(name == "StorageName" ? name : "ClusterStreamOptions." + name, options.Fault(), StringComparison.Ordinal);
        }

        using RecurrentStack stack = Nets.Small();
        Exception e = await Assert.ThrowsAnyAsync<Exception>(() => StreamCluster.Start(stack, o => o.StorageName = "nowhere"));
        Assert.Contains("nowhere", e.ToString(), StringComparison.Ordinal);
    }

    private static async Task Until(Func<bool> condition)
    {
        for (int i = 0; i < 200 && !condition(); i++)
            await Task.Delay(25, TestContext.Current.CancellationToken);
        Assert.True(condition());
    }
}
