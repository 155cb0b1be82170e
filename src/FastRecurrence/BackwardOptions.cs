namespace FastRecurrence;

/// <summary>
/// What a backward pass reads and writes beside x, y and ∂L/∂y. An empty span to read stands for zeros; an empty span to write is not wanted, and not
/// computed where that saves work. The default asks for nothing but the gradients of the weights.
/// </summary>
public readonly ref struct BackwardOptions
{
    /// <summary>∂L/∂h after each row's <b>own</b> last step, <c>[N, H]</c> (<c>[N, P]</c> with a projection); it adds to ∂L/∂y of that step.</summary>
    public ReadOnlySpan<float> FinalHidden { get; init; }

    /// <summary>∂L/∂c after each row's own last step, <c>[N, H]</c>; only for a cell that has c.</summary>
    public ReadOnlySpan<float> FinalCell { get; init; }

    /// <summary>Receives ∂L/∂x, laid out as x: overwritten, 0 in the padding. A sixth of the work is saved where it is empty.</summary>
    public Span<float> Input { get; init; }

    /// <summary>
    /// Receives ∂L/∂h before the first step, <c>[N, H]</c> (<c>[N, P]</c>): overwritten. Given as <see cref="FinalHidden"/> to the backward pass of the
    /// call before, it makes two calls one; dropped, backpropagation is truncated. May be the memory of <see cref="FinalHidden"/>.
    /// </summary>
    public Span<float> InitialHidden { get; init; }

    /// <summary>Receives ∂L/∂c before the first step, <c>[N, H]</c>, likewise.</summary>
    public Span<float> InitialCell { get; init; }

    /// <summary>
    /// Receives ‖∂L/∂h‖₂ over the batch, <c>[T + 1]</c>, by steps in the order of the run: [0] is that of h before the first step, [s] that of h after s
    /// steps, ∂L/∂y of the step included. It tells whether gradients vanish or grow.
    /// </summary>
    public Span<double> StateNorms { get; init; }

    /// <summary>x of the run, where it was <see cref="SequenceOptions.OneHotInput"/>. There is no gradient of it.</summary>
    public ReadOnlySpan<int> OneHotInput { get; init; }

    /// <summary>Weights whose gradients are not wanted: they are left as they are, and their work is saved.</summary>
    public WeightParts Frozen { get; init; }
}
