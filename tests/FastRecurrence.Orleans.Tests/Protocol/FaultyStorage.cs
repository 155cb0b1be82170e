using System.Collections.Concurrent;
using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace FastRecurrence.Orleans.Tests.Protocol;

/// <summary>Grain storage in this process, shared by all silos of a test, with faults for chosen grains.</summary>
internal sealed class FaultyStorage(Func<IGrainStorageSerializer> serializer) : IGrainStorage
{
    private readonly ConcurrentDictionary<string, (byte[] Payload, string Etag)> _records = new();
    private readonly ConcurrentDictionary<string, Func<Task>> _writeFaults = new(), _readFaults = new();
    private int _version, _writes;

    public int Writes => Volatile.Read(ref _writes);

    public void OnWrite(string key, Func<Task>? fault) => Set(_writeFaults, key, fault);

    public void OnRead(string key, Func<Task>? fault) => Set(_readFaults, key, fault);

    /// <summary>The record is gone, as after the loss of a disk.</summary>
    public void Lose(string key) => Assert.True(_records.TryRemove(key, out _));

    public (byte[] Payload, string Etag) Get(string key) => _records[key];

    public void Put(string key, (byte[] Payload, string Etag) record) => _records[key] = record;

    /// <summary>As if another activation had written the same.</summary>
    public void Touch(string key) => _records[key] = (_records[key].Payload, "touched" + Interlocked.Increment(ref _version));

    public bool Has(string key) => _records.ContainsKey(key);

    public async Task ReadStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        string key = grainId.Key.ToString()!;
        if (_readFaults.TryGetValue(key, out Func<Task>? fault))
            await fault();
        bool exists = _records.TryGetValue(key, out (byte[] Payload, string Etag) record);
        grainState.State = exists ? serializer().Deserialize<T>(BinaryData.FromBytes(record.Payload)) : Activator.CreateInstance<T>();
        (grainState.ETag, grainState.RecordExists) = (exists ? record.Etag : null, exists);
    }

    public async Task WriteStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        string key = grainId.Key.ToString()!;
        byte[] payload = serializer().Serialize(grainState.State).ToArray();
        if (_writeFaults.TryGetValue(key, out Func<Task>? fault))
            await fault();
        lock (_records)
        {
            string? stored = _records.TryGetValue(key, out (byte[] Payload, string Etag) record) ? record.Etag : null;
            if (stored != grainState.ETag)
                throw new InconsistentStateException("changed", stored ?? "none", grainState.ETag ?? "none");
            string etag = "v" + Interlocked.Increment(ref _version);
            _records[key] = (payload, etag);
            (grainState.ETag, grainState.RecordExists) = (etag, true);
        }

        Interlocked.Increment(ref _writes);
    }

    public Task ClearStateAsync<T>(string stateName, GrainId grainId, IGrainState<T> grainState)
    {
        _records.TryRemove(grainId.Key.ToString()!, out _);
        (grainState.ETag, grainState.RecordExists) = (null, false);
        return Task.CompletedTask;
    }

    private static void Set(ConcurrentDictionary<string, Func<Task>> faults, string key, Func<Task>? fault)
    {
        if (fault is null)
            faults.TryRemove(key, out _);
        else
            faults[key] = fault;
    }
}
