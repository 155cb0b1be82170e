using FastRecurrence.Orleans.Storage;
using Microsoft.Data.Sqlite;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Orleans;
using Orleans.Hosting;
using Orleans.Storage;

namespace FastRecurrence.Orleans.Tests.Storage;

/// <summary>The file as a grain storage: versions, competing writers, and what is left when processes end.</summary>
public sealed class SqliteStorageTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sqlite-storage").FullName;

    private string File => Path.Combine(_folder, "streams.db");

    public void Dispose()
    {
        SqliteConnection.ClearAllPools();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task A_version_that_is_not_the_stored_one_is_refused_and_changes_nothing()
    {
        await using var file = new SqliteWriter(File);
        await file.Write(new SqliteChange("s", "g", null, "1", [1]));
        await Assert.ThrowsAsync<InconsistentStateException>(() => file.Write(new SqliteChange("s", "g", null, "x", [9])));
        await Assert.ThrowsAsync<InconsistentStateException>(() => file.Write(new SqliteChange("s", "g", "0", "x", [9])));
        await Assert.ThrowsAsync<InconsistentStateException>(() => file.Write(new SqliteChange("s", "other", "1", "x", [9])));
        await Assert.ThrowsAsync<InconsistentStateException>(() => file.Write(new SqliteChange("s", "g", "0", null, null)));
        Assert.Equal("1", file.Read("s", "g").Etag);
        await file.Write(new SqliteChange("s", "g", "1", "2", [2]));
        Assert.Equal([2], file.Read("s", "g").Payload!);
        await file.Write(new SqliteChange("s", "g", "2", null, null));
        Assert.Equal((null, null), file.Read("s", "g"));
    }

    [Fact]
    public async Task Of_writers_that_compete_one_wins_each_round_also_between_processes()
    {
        // Two writers have connections of their own, as two processes have.
        await using SqliteWriter a = new(File), b = new(File);
        string etag = "0";
        await a.Write(new SqliteChange("s", "g", null, etag, [0]));
        for (int round = 0; round < 20; round++)
        {
            SqliteChange[] changes = [.. Enumerable.Range(0, 8).Select(k => new SqliteChange("s", "g", etag, $"{round}-{k}", [(byte)k]))];
            Task[] writes = [.. changes.Select((change, k) => (k % 2 == 0 ? a : b).Write(change))];
            await Task.WhenAll(writes).ContinueWith(_ => { }, TaskScheduler.Default);
            int winner = Assert.Single(Enumerable.Range(0, 8), k => writes[k].IsCompletedSuccessfully);
            Assert.All(writes.Where((_, k) => k != winner), write => Assert.IsType<InconsistentStateException>(write.Exception!.InnerException));
            etag = b.Read("s", "g").Etag!;
            Assert.Equal($"{round}-{winner}", etag);
        }
    }

    [Fact]
    public async Task Thousands_of_grains_write_at_once_and_everything_is_there_after_a_restart()
    {
        await using (var file = new SqliteWriter(File))
            await Task.WhenAll(Enumerable.Range(0, 3000).Select(k => file.Write(new SqliteChange("s", $"g{k}", null, "1", BitConverter.GetBytes(k)))));
        await using var again = new SqliteWriter(File);
        for (int k = 0; k < 3000; k += 7)
            Assert.Equal(BitConverter.GetBytes(k), again.Read("s", $"g{k}").Payload!);
        await again.DisposeAsync();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => again.Write(new SqliteChange("s", "g", null, "1", [1])));
    }

    [Fact]
    public void A_file_that_is_none_is_refused()
    {
        System.IO.File.WriteAllText(File, new string('x', 5000));
        Assert.Throws<SqliteException>(() => new SqliteWriter(File));
        Assert.Throws<SqliteException>(() => new SqliteWriter(Path.Combine(_folder, "no-such-folder", "file.db")));
    }

    [Fact]
    public async Task Streams_of_one_machine_go_on_from_the_file_after_the_process()
    {
        using RecurrentStack stack = Nets.Small();
        var frames = new Protocol.Frames(stack, 40, 1);
        var y = new float[20 * frames.OutputWidth];
        using (IHost host = await Start(stack))
        {
            ClusterStream stream = await ClusterStream.OpenAsync(host.Services.GetRequiredService<IGrainFactory>(), "file");
            await stream.PushAsync(frames.Of(0, 20), y);
            Assert.Equal(frames.Expected(0, 20), y);
            await host.StopAsync(TestContext.Current.CancellationToken);
        }

        using (IHost host = await Start(stack))
        {
            ClusterStream stream = await ClusterStream.ResumeAsync(host.Services.GetRequiredService<IGrainFactory>(), "file");
            Assert.Equal(20, stream.Next);
            await stream.PushAsync(frames.Of(20, 20), y);
            Assert.Equal(frames.Expected(20, 20), y);
            await stream.CloseAsync();
            await host.StopAsync(TestContext.Current.CancellationToken);
        }
    }

    private async Task<IHost> Start(RecurrentStack stack)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.Logging.ClearProviders();
        builder.UseOrleans(silo => silo.UseOneMachineForStreams(File, Cluster.Ports.Free(), Cluster.Ports.Free()).AddFastRecurrenceStreams(_ => stack));
        IHost host = builder.Build();
        await host.StartAsync();
        return host;
    }
}
