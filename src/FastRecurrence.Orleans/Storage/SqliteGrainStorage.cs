using Microsoft.Data.Sqlite;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace FastRecurrence.Orleans.Storage;

/// <summary>
/// Grains' states as rows of a SQLite file. Every version has a name of its own, so that a deleted and rewritten row is never taken for the old one.
/// </summary>
internal sealed class SqliteGrainStorage : IGrainStorage, IAsyncDisposable
{
    private readonly IGrainStorageSerializer _serializer;
    private readonly SqliteWriter _writer;

    /// <param name="file">Made where there is none.</param>
    /// <param name="serializer">Orleans' own for storages.</param>
    public SqliteGrainStorage(string file, IGrainStorageSerializer serializer)
    {
        _serializer = serializer;
        _writer = new SqliteWriter(file);
    }

    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        (byte[]? payload, string? etag) = await Task.Run(() => _writer.Read(stateName, grainId.ToString()));
        grainState.State = payload is null ? Activator.CreateInstance<T>() : _serializer.Deserialize<T>(BinaryData.FromBytes(payload));
        (grainState.ETag, grainState.RecordExists) = (etag, payload is not null);
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        string etag = Guid.NewGuid().ToString("N");
        await _writer.Write(new SqliteChange(stateName, grainId.ToString(), grainState.ETag, etag, _serializer.Serialize(grainState.State).ToArray()));
        (grainState.ETag, grainState.RecordExists) = (etag, true);
    }

    public async Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        if (grainState.ETag is not null)
            await _writer.Write(new SqliteChange(stateName, grainId.ToString(), grainState.ETag, NewEtag: null, Payload: null));
        (grainState.State, grainState.ETag, grainState.RecordExists) = (Activator.CreateInstance<T>(), null, false);
    }

    public ValueTask DisposeAsync() => _writer.DisposeAsync();
}
