using Orleans;
using Orleans.Runtime;
using Orleans.Storage;

namespace FastRecurrence.Orleans.Grains;

/// <summary>The checkpoint of a stream in the silo's storage, with the version under which it was last read or written.</summary>
internal sealed class CheckpointRecord(IGrainStorage storage, GrainId grain)
{
    private const string StateName = "stream";
    private GrainState<StreamCheckpoint> _record = new(new StreamCheckpoint());

    /// <summary>What the storage has.</summary>
    public StreamCheckpoint Value => _record.State!;

    /// <summary>Whether it has anything. Some storages keep an empty record where one was deleted.</summary>
    public bool Exists => _record.RecordExists && Value.Incarnation != Guid.Empty;

    public async Task Read()
    {
        var record = new GrainState<StreamCheckpoint>(new StreamCheckpoint());
        await storage.ReadStateAsync(StateName, grain, record);
        record.State ??= new StreamCheckpoint();
        _record = record;
    }

    /// <exception cref="InconsistentStateException">Another activation, or a write that was thought to have failed, came in between.</exception>
    public async Task Write(StreamCheckpoint checkpoint)
    {
        // A record of its own: where the write fails, what is known of the storage stays as it was.
        var record = new GrainState<StreamCheckpoint>(checkpoint, _record.ETag) { RecordExists = _record.RecordExists };
        await storage.WriteStateAsync(StateName, grain, record);
        record.RecordExists = true;
        _record = record;
    }

    public async Task Clear()
    {
        await storage.ClearStateAsync(StateName, grain, _record);
        _record.State = new StreamCheckpoint();
        _record.RecordExists = false;
    }
}
