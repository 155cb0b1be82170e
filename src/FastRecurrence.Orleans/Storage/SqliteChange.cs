namespace FastRecurrence.Orleans.Storage;

/// <summary>A row that is to be written, or deleted where there is no payload, if its version is still the one that was read.</summary>
/// <param name="State">The state's name in the grain.</param>
/// <param name="Grain">The grain.</param>
/// <param name="OldEtag">The version that was read; null for no row.</param>
/// <param name="NewEtag">The version after it.</param>
/// <param name="Payload">What is written.</param>
internal sealed record SqliteChange(string State, string Grain, string? OldEtag, string? NewEtag, byte[]? Payload)
{
    /// <summary>Done when the change is on the disk, or refused.</summary>
    public TaskCompletionSource Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Set in the transaction, told after it.</summary>
    public Exception? Refusal { get; set; }
}
