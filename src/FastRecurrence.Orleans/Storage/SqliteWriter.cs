using System.Threading.Channels;
using Microsoft.Data.Sqlite;
using Orleans.Storage;

namespace FastRecurrence.Orleans.Storage;

/// <summary>
/// The one writer of a file in this process: what waits goes into one transaction, so that a disk that confirms a hundred times a second keeps up with
/// thousands of streams.
/// </summary>
internal sealed class SqliteWriter : IAsyncDisposable
{
    private const int MostInTransaction = 512;
    private readonly string _connectionString;
    private readonly Channel<SqliteChange> _waiting = Channel.CreateUnbounded<SqliteChange>(new UnboundedChannelOptions { SingleReader = true });
    private readonly Task _loop;

    /// <exception cref="SqliteException">The file cannot be opened, or is no SQLite file.</exception>
    public SqliteWriter(string file)
    {
        // Waits for another process's transaction instead of failing.
        _connectionString = new SqliteConnectionStringBuilder { DataSource = Path.GetFullPath(file), DefaultTimeout = 30 }.ToString();
        using (SqliteConnection connection = Connect())
        using (SqliteCommand command = connection.CreateCommand())
        {
            // Readers never wait for the writer; every commit is on the disk before it is confirmed.
            command.CommandText = """
                PRAGMA journal_mode = WAL;
                CREATE TABLE IF NOT EXISTS grain_state (
                    grain TEXT NOT NULL, state TEXT NOT NULL, etag TEXT NOT NULL, payload BLOB NOT NULL, PRIMARY KEY (grain, state)) WITHOUT ROWID;
                """;
            command.ExecuteNonQuery();
        }

        _loop = Task.Run(RunAsync);
    }

    public (byte[]? Payload, string? Etag) Read(string state, string grain)
    {
        using SqliteConnection connection = Connect();
        using SqliteCommand command = connection.CreateCommand();
        command.CommandText = "SELECT payload, etag FROM grain_state WHERE grain = $grain AND state = $state";
        command.Parameters.AddWithValue("$grain", grain);
        command.Parameters.AddWithValue("$state", state);
        using SqliteDataReader row = command.ExecuteReader();
        return row.Read() ? (row.GetFieldValue<byte[]>(0), row.GetString(1)) : (null, null);
    }

    /// <exception cref="InconsistentStateException">The row has another version.</exception>
    public Task Write(SqliteChange change)
    {
        ObjectDisposedException.ThrowIf(!_waiting.Writer.TryWrite(change), this);
        return change.Done.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _waiting.Writer.TryComplete();
        await _loop;
        using SqliteConnection connection = new(_connectionString);
        SqliteConnection.ClearPool(connection);
    }

    private async Task RunAsync()
    {
        var batch = new List<SqliteChange>();
        while (await _waiting.Reader.WaitToReadAsync())
        {
            while (batch.Count < MostInTransaction && _waiting.Reader.TryRead(out SqliteChange? change))
                batch.Add(change);
            Exception? failure = null;
            try
            {
                Commit(batch);
            }
            catch (Exception e)
            {
                failure = e; // nothing of the batch is written
            }

            foreach (SqliteChange change in batch)
            {
                if ((failure ?? change.Refusal) is { } e)
                    change.Done.SetException(e);
                else
                    change.Done.SetResult();
            }

            batch.Clear();
        }
    }

    private void Commit(List<SqliteChange> batch)
    {
        using SqliteConnection connection = Connect();
        using SqliteTransaction transaction = connection.BeginTransaction(); // BEGIN IMMEDIATE: the versions that are compared cannot change before the commit
        foreach (SqliteChange change in batch)
        {
            using SqliteCommand command = connection.CreateCommand();
            command.Transaction = transaction;
            command.CommandText = change switch
            {
                { Payload: null } => "DELETE FROM grain_state WHERE grain = $grain AND state = $state AND etag = $old",
                { OldEtag: null } => "INSERT INTO grain_state (grain, state, etag, payload) VALUES ($grain, $state, $new, $payload) ON CONFLICT DO NOTHING",
                _ => "UPDATE grain_state SET etag = $new, payload = $payload WHERE grain = $grain AND state = $state AND etag = $old",
            };
            command.Parameters.AddWithValue("$grain", change.Grain);
            command.Parameters.AddWithValue("$state", change.State);
            command.Parameters.AddWithValue("$old", (object?)change.OldEtag ?? DBNull.Value);
            command.Parameters.AddWithValue("$new", (object?)change.NewEtag ?? DBNull.Value);
            command.Parameters.AddWithValue("$payload", (object?)change.Payload ?? DBNull.Value);
            if (command.ExecuteNonQuery() == 0)
            {
                (_, string? stored) = Read(change.State, change.Grain);
                change.Refusal = new InconsistentStateException(
                    $"State '{change.State}' of {change.Grain} was changed by somebody else.", stored ?? "none", change.OldEtag ?? "none");
            }
        }

        transaction.Commit();
    }

    private SqliteConnection Connect()
    {
        var connection = new SqliteConnection(_connectionString);
        try
        {
            connection.Open();
            using SqliteCommand command = connection.CreateCommand();
            command.CommandText = "PRAGMA synchronous = FULL";
            command.ExecuteNonQuery();
        }
        catch
        {
            connection.Dispose();
            throw;
        }

        return connection;
    }
}
