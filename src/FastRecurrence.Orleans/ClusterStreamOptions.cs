using System.Globalization;

namespace FastRecurrence.Orleans;

/// <summary>How the streams of a silo are kept. The same on every silo.</summary>
public sealed class ClusterStreamOptions
{
    /// <summary>The name of the storage that <see cref="StorageName"/> has by default.</summary>
    public const string DefaultStorageName = "FastRecurrence";

    /// <summary>Which of the silo's grain storages has the checkpoints.</summary>
    public string StorageName { get; set; } = DefaultStorageName;

    /// <summary>A checkpoint is written after this many frames of a stream…</summary>
    public int CheckpointFrames { get; set; } = 64;

    /// <summary>… and at the latest this long after its first frame that is in none.</summary>
    public TimeSpan CheckpointInterval { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// The most frames of a stream that are in no checkpoint yet: while the storage does not answer, further frames wait and are then refused. So many
    /// frames a caller must be able to send again.
    /// </summary>
    public int MaxUnsavedFrames { get; set; } = 1024;

    /// <summary>The most frames in a call.</summary>
    public int MaxFramesPerCall { get; set; } = 256;

    /// <summary>How long a call waits for the storage before it is refused.</summary>
    public TimeSpan StorageTimeout { get; set; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// Whether frames with NaN or infinity are applied. Not by default: such a frame is refused and the stream's state stays sound. Applied, it makes
    /// this stream's own outputs NaN from there on and no other's.
    /// </summary>
    public bool AllowNonFinite { get; set; }

    /// <summary>Streams for which a silo has memory from the start; more are made room for as they come.</summary>
    public int InitialCapacity { get; set; } = 64;

    /// <summary>Threads that a batch may use; null for one. Not disposed with the silo.</summary>
    public WorkerTeam? Team { get; set; }

    /// <summary>How the silo's batches form; null for the defaults.</summary>
    public StreamSchedulerOptions? Scheduler { get; set; }

    /// <summary>The name, and each value against the others; a sentence for the first that does not fit, else null.</summary>
    internal string? Fault() =>
        string.IsNullOrEmpty(StorageName) ? $"{nameof(StorageName)} is empty: name a grain storage of the silo."
        : CheckpointFrames < 1 ? Wrong(nameof(CheckpointFrames), CheckpointFrames, "at least 1")
        : MaxFramesPerCall < 1 ? Wrong(nameof(MaxFramesPerCall), MaxFramesPerCall, "at least 1")
        : MaxUnsavedFrames < CheckpointFrames || MaxUnsavedFrames < MaxFramesPerCall
            ? Wrong(nameof(MaxUnsavedFrames), MaxUnsavedFrames, $"at least {nameof(CheckpointFrames)} and {nameof(MaxFramesPerCall)}")
        : CheckpointInterval <= TimeSpan.Zero ? Wrong(nameof(CheckpointInterval), CheckpointInterval, "positive")
        : StorageTimeout <= TimeSpan.Zero ? Wrong(nameof(StorageTimeout), StorageTimeout, "positive")
        : InitialCapacity < 1 ? Wrong(nameof(InitialCapacity), InitialCapacity, "at least 1")
        : null;

    private static string Wrong(string name, object value, string wanted) =>
        string.Create(CultureInfo.InvariantCulture, $"{nameof(ClusterStreamOptions)}.{name} is {value}; it must be {wanted}.");
}
