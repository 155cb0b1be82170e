namespace FastRecurrence;

public sealed partial class RecurrentStack
{
    /// <summary>As <see cref="Run(StackState, int, ReadOnlySpan{float}, Span{float}, in StackOptions)"/>, with the options in an object.</summary>
    /// <param name="state">The stream's state, made by this stack.</param>
    /// <param name="sequenceLength">T.</param>
    /// <param name="input">x, <c>[T, N, I]</c>, or <c>[N, T, I]</c> batch-major.</param>
    /// <param name="output">The last layer's h, <c>[T, N, D·H]</c> or <c>[N, T, D·H]</c>.</param>
    /// <param name="settings">Lengths, padding, layout; a setting that is a single layer's is refused.</param>
    public void Run(StackState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> output, SequenceSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        Run(state, sequenceLength, input, output, settings.ForStack());
    }

    /// <summary>
    /// A dense, time-major sequence of which only the last y is wanted, and that can be cancelled: memory is that of a few steps, however long the
    /// sequence. The bits are those of the last step of <see cref="Run(StackState, int, ReadOnlySpan{float}, Span{float})"/>. For a stack whose layers
    /// all run forward.
    /// </summary>
    /// <param name="state">The stream's state, made by this stack. After a cancellation it is that of the steps that ran.</param>
    /// <param name="sequenceLength">T, at least 1.</param>
    /// <param name="input">x, <c>[T, N, I]</c>.</param>
    /// <param name="last">y of the last step, <c>[N, H]</c>; must not overlap <paramref name="input"/>.</param>
    /// <param name="cancellation">Ends the call; looked at every few milliseconds.</param>
    /// <exception cref="ArgumentException">A length does not fit, spans overlap, or the state is another stack's. Nothing is written.</exception>
    /// <exception cref="ArgumentOutOfRangeException">T is below 1.</exception>
    /// <exception cref="NotSupportedException">A layer runs in reverse.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void RunToLast(StackState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> last, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (!CanStream)
            throw new NotSupportedException("A layer runs in reverse, and its output at the last step is its first one. Use Run and take what you need.");
        int N = state.BatchSize, rowIn = LongRun.Require(sequenceLength, N, InputSize, input), rowOut = N * OutputSize;
        LongRun.RequireLast(N, OutputSize, input, last);
        double flops = 0;
        foreach (RecurrentLayer layer in _layers)
            flops += layer.Shape.FlopsPerStep(N);
        int block = LongRun.Steps(flops, rowOut);
        using var scratch = new LongRun.Scratch(block * rowOut);
        for (int t = 0, steps; t < sequenceLength; t += steps)
        {
            cancellation.ThrowIfCancellationRequested();
            steps = t == sequenceLength - 1 ? 1 : Math.Min(block, sequenceLength - 1 - t);
            Run(state, steps, input.Slice(t * rowIn, steps * rowIn), t == sequenceLength - 1 ? last : scratch.Of(steps * rowOut));
        }
    }
}
