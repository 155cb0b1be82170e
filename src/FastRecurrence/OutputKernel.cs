namespace FastRecurrence;

/// <summary>What a backend prepares for an <see cref="OutputLayer"/>. Immutable; any number of threads may run it.</summary>
internal abstract class OutputKernel
{
    /// <summary>y for at least one row. Lengths have been checked.</summary>
    public abstract void Run(int rows, ReadOnlySpan<float> hidden, Span<float> output);
}
