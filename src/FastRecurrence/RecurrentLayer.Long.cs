namespace FastRecurrence;

public abstract partial class RecurrentLayer
{
    /// <summary>As <see cref="Run(LayerState, int, ReadOnlySpan{float}, Span{float}, in SequenceOptions)"/>, with the options in an object.</summary>
    /// <param name="state">The stream's state, made by this layer.</param>
    /// <param name="sequenceLength">T.</param>
    /// <param name="input">x, <c>[T, N, I]</c>, or <c>[N, T, I]</c> batch-major.</param>
    /// <param name="output">h for every step, <c>[T, N, H]</c> or <c>[N, T, H]</c>.</param>
    /// <param name="settings">Lengths, direction, layout, optional outputs.</param>
    public void Run(LayerState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> output, SequenceSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        Run(state, sequenceLength, input, output, settings.ForLayer());
    }

    /// <summary>
    /// A dense, time-major sequence that can be cancelled: the steps run in blocks of some milliseconds, and the token is looked at before each. The bits
    /// are those of one run. All arguments are checked before the first block.
    /// </summary>
    /// <param name="state">The stream's state, made by this layer. After a cancellation it is that of the steps that ran, as many whole blocks.</param>
    /// <param name="sequenceLength">T.</param>
    /// <param name="input">x, <c>[T, N, I]</c>.</param>
    /// <param name="output">h for every step, <c>[T, N, H]</c>; after a cancellation written as far as the steps ran.</param>
    /// <param name="cancellation">Ends the call.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="ArgumentException">A length does not fit, spans overlap, or the state is another layer's. Nothing is written.</exception>
    public void RunInBlocks(LayerState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> output, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(state);
        CallArguments.RequireStateOf(this, state);
        CallArguments.RequireSpans(Shape, sequenceLength, state.BatchSize, input, output, new SequenceOptions());
        int rowIn = state.BatchSize * Shape.InputSize, rowOut = state.BatchSize * Shape.OutputSize, block = LongRun.Steps(Shape.FlopsPerStep(state.BatchSize));
        for (int t = 0, steps; t < sequenceLength || t == 0; t += steps)
        {
            cancellation.ThrowIfCancellationRequested();
            steps = Math.Min(block, sequenceLength - t);
            Run(state, steps, input.Slice(t * rowIn, steps * rowIn), output.Slice(t * rowOut, steps * rowOut));
            if (steps == 0)
                return;
        }
    }

    /// <summary>
    /// A dense, time-major sequence of which only the last h is wanted (Keras' <c>return_sequences=False</c>): memory for the others is that of a few
    /// steps, however long the sequence. The bits are those of the last step of <see cref="Run(LayerState, int, ReadOnlySpan{float}, Span{float})"/>.
    /// </summary>
    /// <param name="state">The stream's state, made by this layer.</param>
    /// <param name="sequenceLength">T, at least 1.</param>
    /// <param name="input">x, <c>[T, N, I]</c>.</param>
    /// <param name="last">h of the last step, <c>[N, H]</c>; must not overlap <paramref name="input"/>.</param>
    /// <param name="cancellation">Ends the call between blocks of steps, as in <see cref="RunInBlocks"/>.</param>
    /// <exception cref="ArgumentException">A length does not fit, spans overlap, or the state is another layer's. Nothing is written.</exception>
    /// <exception cref="ArgumentOutOfRangeException">T is below 1.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public void RunToLast(LayerState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> last, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(state);
        CallArguments.RequireStateOf(this, state);
        int rowIn = LongRun.Require(sequenceLength, state.BatchSize, Shape.InputSize, input), rowOut = state.BatchSize * Shape.OutputSize;
        LongRun.RequireLast(state.BatchSize, Shape.OutputSize, input, last);
        int block = LongRun.Steps(Shape.FlopsPerStep(state.BatchSize), rowOut);
        using var scratch = new LongRun.Scratch(block * rowOut);
        for (int t = 0, steps; t < sequenceLength; t += steps)
        {
            cancellation.ThrowIfCancellationRequested();
            // The last step is a call of its own, into the caller's memory.
            steps = t == sequenceLength - 1 ? 1 : Math.Min(block, sequenceLength - 1 - t);
            Span<float> output = t == sequenceLength - 1 ? last : scratch.Of(steps * rowOut);
            Run(state, steps, input.Slice(t * rowIn, steps * rowIn), output);
        }
    }
}
