using System.Globalization;

namespace FastRecurrence;

/// <summary>
/// A sequence that arrives in pieces: a stack with its state. However it is cut, the outputs have the bits of one whole run.
/// One stream belongs to one thread at a time.
/// </summary>
/// <example><code>
/// using var stream = new RecurrentStream(stack);
/// stream.Step(frame, y);
/// byte[] saved = stream.State.Save(); // and later, perhaps elsewhere:
/// stream.State.Restore(saved);
/// </code></example>
public sealed class RecurrentStream : IDisposable
{
    private readonly RecurrentStack _stack;

    /// <summary>Starts a stream with a zero state.</summary>
    /// <param name="stack">Shared by any number of streams; not disposed with them.</param>
    /// <param name="batchSize">N, parallel rows.</param>
    /// <param name="team">Threads that the stream's calls may use; null for the calling thread alone. The bits are the same.</param>
    /// <exception cref="NotSupportedException">A layer runs in reverse: it would need the end of the sequence first.</exception>
    public RecurrentStream(RecurrentStack stack, int batchSize = 1, WorkerTeam? team = null)
        : this(Forward(stack), stack.CreateState(batchSize, team))
    {
    }

    private RecurrentStream(RecurrentStack stack, StackState state) => (_stack, State) = (stack, state);

    /// <summary>h and c: to reset, read, set, save and restore.</summary>
    public StackState State { get; }

    /// <summary>One step.</summary>
    /// <param name="input">x, <c>[N, I]</c>.</param>
    /// <param name="output">y, <c>[N, H]</c>; must not overlap <paramref name="input"/>.</param>
    /// <exception cref="ArgumentException">A length does not fit. Nothing is written.</exception>
    public void Step(ReadOnlySpan<float> input, Span<float> output) => _stack.Run(State, 1, input, output);

    /// <summary>A chunk of any number of steps, counted by the length of <paramref name="output"/>.</summary>
    /// <param name="chunk">x, <c>[T, N, I]</c>.</param>
    /// <param name="output">y, <c>[T, N, H]</c>; must not overlap <paramref name="chunk"/>.</param>
    /// <exception cref="ArgumentException">The lengths are not those of the same whole number of steps. Nothing is written.</exception>
    public void Run(ReadOnlySpan<float> chunk, Span<float> output)
    {
        int row = State.BatchSize * _stack.OutputSize;
        int steps = row == 0 ? 0 : output.Length / row;
        if (steps * row != output.Length)
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"output has {output.Length} values, not a whole number of steps of N×H = {State.BatchSize}×{_stack.OutputSize} = {row}."), nameof(output));
        }

        _stack.Run(State, steps, chunk, output);
    }

    /// <summary>Sets h and c to zero: the next chunk begins a sequence.</summary>
    public void Reset() => State.Reset();

    /// <summary>A second stream that goes on from the same state.</summary>
    public RecurrentStream Fork() => new(_stack, State.Fork());

    /// <summary>Gives the state's memory back; the stack stays.</summary>
    public void Dispose() => State.Dispose();

    /// <summary>Such as <c>stream, state of stack of 2 layers (lstm_i3_h4, lstm_i4_h4) on simd-512, 1 row</c>.</summary>
    public override string ToString() => "stream, " + State;

    private static RecurrentStack Forward(RecurrentStack stack)
    {
        ArgumentNullException.ThrowIfNull(stack);
        stack.RequireStreaming();
        return stack;
    }
}
