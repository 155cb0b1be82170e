namespace FastRecurrence;

/// <summary>
/// A backend's own way to run the layers of a stack, where it can keep between them what the host need not see. One a state, made by
/// <see cref="Backend.CreateStackDriver"/>; a backend without one has its layers run one after the other, each from and to the host's memory.
/// </summary>
internal abstract class StackDriver : IDisposable
{
    /// <summary>
    /// Runs a call that was checked: at least one step, at least one row, lengths in their range. False where it does not take such a call; then nothing
    /// has changed.
    /// </summary>
    public abstract bool TryRun(int sequenceLength, ReadOnlySpan<float> input, Span<float> output, in StackOptions options);

    /// <summary>Gives its memory back, but not the layers' states.</summary>
    public abstract void Dispose();
}
