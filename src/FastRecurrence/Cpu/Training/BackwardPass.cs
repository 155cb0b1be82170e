namespace FastRecurrence.Cpu;

/// <summary>A backward pass over one tape at a time, with the memory that it needs; whatever its width. Not thread-safe.</summary>
internal abstract class BackwardPass
{
    /// <summary>
    /// From ∂L/∂y to the gradients of everything else. Gradients of weights are added to <paramref name="gradients"/>; those of x, h and c are
    /// written, 0 in the padding. All has been checked.
    /// </summary>
    public abstract void Run(CpuTape tape, in BackwardCall call, LayerGradients? gradients);
}
