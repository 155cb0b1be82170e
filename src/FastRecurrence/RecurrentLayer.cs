using System.Globalization;
using System.Runtime.CompilerServices;
using FastRecurrence.Streams;
using FastRecurrence.Threading;

namespace FastRecurrence;

/// <summary>
/// A layer prepared for one backend: weights packed or uploaded once, safe to share between threads. All that changes from call to call lives in
/// <see cref="LayerState"/>; the weights change by <see cref="Load"/> alone.
/// </summary>
public abstract partial class RecurrentLayer : IDisposable
{
    private int _disposed;

    private protected RecurrentLayer(LayerShape shape, Backend backend)
    {
        Shape = shape;
        Backend = backend;
    }

    /// <summary>What the layer computes.</summary>
    public LayerShape Shape { get; }

    /// <summary>Where it runs.</summary>
    public Backend Backend { get; }

    /// <summary>How W and R are stored.</summary>
    public virtual WeightFormat Format => WeightFormat.Float32;

    /// <summary>
    /// The largest difference of h that <see cref="Format"/> made against float32 weights, measured when the layer was prepared: 32
    /// steps of uniform input in ±1. 0 for float32; infinite where the format made an output NaN or infinite that was not.
    /// </summary>
    public virtual double FormatError => 0;

    /// <summary>Makes a zero state for <paramref name="batchSize"/> rows, with all memory that dense calls will need: steps allocate nothing.</summary>
    /// <param name="batchSize">N; 0 is allowed and gives empty results.</param>
    /// <param name="team">Threads that calls with this state may use; null for the calling thread alone. The bits are the same.</param>
    /// <exception cref="ArgumentOutOfRangeException">N is negative, or N×G×H exceeds 2³¹−1.</exception>
    /// <exception cref="NotSupportedException">The backend has no use for a team, or the weights' format none for this batch.</exception>
    /// <exception cref="ObjectDisposedException">The layer was disposed.</exception>
    public LayerState CreateState(int batchSize, WorkerTeam? team = null)
    {
        RequireAlive();
        ArgumentOutOfRangeException.ThrowIfNegative(batchSize);
        Extents.Elements("A state (N×G×H)", nameof(batchSize), batchSize, Shape.GateCount, Shape.HiddenSize);
        return CreateStateCore(batchSize, team);
    }

    /// <summary>
    /// Takes other weights of the same shape into the memory that is there: the layer computes as if it had been prepared with them, its states keep h
    /// and c and go on. On the CPU it allocates nothing, on a device no device memory; there it waits until all work has ended that was enqueued before.
    /// Not beside calls of this layer on other threads: such a call would compute with a mixture of both, though it harms nothing else. What was measured
    /// when the layer was prepared, such as <see cref="FormatError"/>, is not measured again.
    /// </summary>
    /// <param name="weights">The new numbers; a snapshot is taken.</param>
    /// <exception cref="ArgumentException">The weights are of another shape. Nothing has changed.</exception>
    /// <exception cref="NotSupportedException">
    /// On the CPU, where the weights are stored in a narrow format; devices take those, too. Nothing has changed.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The layer was disposed.</exception>
    public void Load(LayerWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        RequireAlive();
        LayerWeights.RequireShape(weights, Shape);
        LoadCore(weights);
    }

    /// <summary>
    /// One step: reads x and the state, writes h to <paramref name="output"/> and into the state. Gives the bits that
    /// <see cref="Run(LayerState, int, ReadOnlySpan{float}, Span{float})"/> gives for the same step.
    /// </summary>
    /// <param name="state">The stream's state, made by this layer.</param>
    /// <param name="input">x, <c>[N, I]</c>. Never written.</param>
    /// <param name="output">
    /// h, <c>[N, H]</c> (<c>[N, P]</c> with a projection). Written whole; must not overlap <paramref name="input"/> or <paramref name="gates"/>.
    /// </param>
    /// <param name="gates">
    /// Empty, or <c>[N, G, H]</c> for the activated gates (LSTM i, f, g, o; GRU r, z, n; Elman h). Asking for them does not change h's bits.
    /// </param>
    /// <exception cref="ArgumentException">A length does not fit, spans overlap, or the state is another layer's. Nothing is written.</exception>
    /// <exception cref="InvalidOperationException">Another call is using the state.</exception>
    /// <exception cref="ObjectDisposedException">The layer or the state was disposed.</exception>
    public void Step(LayerState state, ReadOnlySpan<float> input, Span<float> output, Span<float> gates = default) =>
        Run(state, 1, input, output, gates);

    /// <summary>
    /// A whole sequence: T steps from the state's h and c, leaving the last step's in it. A NaN in row n of x makes row n
    /// of the output NaN from that step on and touches no other row.
    /// </summary>
    /// <param name="state">The stream's state, made by this layer.</param>
    /// <param name="sequenceLength">T; 0 leaves the state as it is and writes nothing.</param>
    /// <param name="input">x, <c>[T, N, I]</c>, time-major. Never written.</param>
    /// <param name="output">
    /// h for every step, <c>[T, N, H]</c> (<c>[T, N, P]</c> with a projection). Written whole; must not overlap <paramref name="input"/>.
    /// </param>
    /// <exception cref="ArgumentException">A length does not fit, spans overlap, or the state is another layer's. Nothing is written.</exception>
    /// <exception cref="InvalidOperationException">Another call is using the state.</exception>
    /// <exception cref="ObjectDisposedException">The layer or the state was disposed.</exception>
    /// <example><code>
    /// const int T = 4, N = 2;
    /// using LayerState state = layer.CreateState(N);
    /// float[] x = new float[T * N * layer.Shape.InputSize], h = new float[T * N * layer.Shape.OutputSize];
    /// layer.Run(state, T, x, h);
    /// </code></example>
    public void Run(LayerState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> output) =>
        Run(state, sequenceLength, input, output, new SequenceOptions());

    /// <summary>As <see cref="Run(LayerState, int, ReadOnlySpan{float}, Span{float})"/>, with the gates of every step.</summary>
    /// <param name="state">The stream's state, made by this layer.</param>
    /// <param name="sequenceLength">T.</param>
    /// <param name="input">x, <c>[T, N, I]</c>, time-major.</param>
    /// <param name="output">h for every step, <c>[T, N, H]</c>.</param>
    /// <param name="gates">
    /// Empty, or <c>[T, N, G, H]</c> for the activated gates of every step (LSTM i, f, g, o; GRU r, z, n; Elman h). Asking for them does not change
    /// h's bits.
    /// </param>
    public void Run(LayerState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> output, Span<float> gates) =>
        Run(state, sequenceLength, input, output, new SequenceOptions { Gates = gates });

    /// <summary>
    /// A whole sequence in any of the ways of <see cref="SequenceOptions"/>: rows of different lengths, reverse, batch-major,
    /// with c of every step. A row has the bits that it has alone, in a dense run of its own length.
    /// </summary>
    /// <remarks>
    /// A refused call (the exceptions below) changes nothing. A device that fails in the middle of a call is another matter: the outputs then
    /// hold what had been computed, and row n of the state still belongs to row n. Where rows had to be sorted by length, h and c are those from before
    /// the call; else they may be those of any step of it: reset or set them before you go on.
    /// </remarks>
    /// <param name="state">The stream's state, made by this layer.</param>
    /// <param name="sequenceLength">T; 0 leaves the state as it is and writes nothing.</param>
    /// <param name="input">x, <c>[T, N, I]</c>, or <c>[N, T, I]</c> batch-major. Never written.</param>
    /// <param name="output">
    /// h for every step, <c>[T, N, H]</c> or <c>[N, T, H]</c> (P for H with a projection); 0 in the padding. Written whole; must not overlap another
    /// span of the call.
    /// </param>
    /// <param name="options">Lengths, direction, layout, optional outputs.</param>
    /// <exception cref="ArgumentException">A length does not fit, spans overlap, or the state is another layer's. Nothing is written.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A row's length is not in 0..T; the message names the row, the length and T.</exception>
    /// <exception cref="NotSupportedException">c of every step was asked of a cell that has none.</exception>
    /// <exception cref="InvalidOperationException">Another call is using the state.</exception>
    /// <exception cref="ObjectDisposedException">The layer or the state was disposed.</exception>
    public void Run(LayerState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> output, in SequenceOptions options)
    {
        ArgumentNullException.ThrowIfNull(state);
        RequireAlive();
        RunEvenDisposed(state, sequenceLength, input, output, options);
    }

    /// <summary>
    /// As the public one, for a stack that was asked whether it is disposed when its call began: the call then goes through all its layers, whoever
    /// disposes them meanwhile. See <see cref="RunsAfterDispose"/>.
    /// </summary>
    internal void RunEvenDisposed(LayerState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> output, in SequenceOptions options)
    {
        CallArguments.RequireStateOf(this, state);
        CallArguments.RequireSpans(Shape, sequenceLength, state.BatchSize, input, output, options);
        RunInto(state, sequenceLength, input, output, Shape.OutputSize, options);
    }

    /// <summary>
    /// Runs a checked call whose rows of h lie <paramref name="outputStride"/> floats apart, such as the half of a bidirectional layer's output that
    /// one direction writes. What lies between the rows is left alone.
    /// </summary>
    internal void RunInto(LayerState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> output, int outputStride, in SequenceOptions options)
    {
        int N = state.BatchSize;
        using ExclusiveUse.Lease _ = state.Acquire();
        ReadOnlySpan<int> lengths = options.Lengths.IsEmpty ? default : state.Lengths.Take(sequenceLength, N, options.Lengths);
        if (!options.OneHotInput.IsEmpty)
            RequireOneHot(sequenceLength, N, lengths, options);
        options.Tape?.Clear();
        if (sequenceLength == 0 || N == 0)
            return;
        var sequence = new SortedSequence
        {
            Steps = sequenceLength,
            Input = input,
            OneHotInput = options.OneHotInput,
            OutputStride = outputStride,
            Output = output,
            Gates = options.Gates,
            Cells = options.Cells,
            Tape = options.Tape,
        };
        bool dense = lengths.IsEmpty && options.Direction == Direction.Forward && (options.Layout == SequenceLayout.TimeMajor || N == 1 || sequenceLength == 1);
        if (dense)
            RunCore(state, sequence);
        else
            RunSorted(state, sequence, sequenceLength, lengths, options);
    }

    // Each in a method of its own: their copies of the options would be cleared in every call, which a step of a small layer notices.

    /// <summary>Zeros in the padding, and the rows in the order in which they run.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RunSorted(LayerState state, in SortedSequence sequence, int T, ReadOnlySpan<int> lengths, in SequenceOptions given)
    {
        SequenceOptions options = given with { Lengths = lengths };
        int N = state.BatchSize, gateWidth = Shape.GateCount * Shape.HiddenSize;
        SequenceOrder order = state.Order;
        SequenceOrder.ClearPadding(T, N, options, sequence.Output, Shape.OutputSize, sequence.OutputStride);
        SequenceOrder.ClearPadding(T, N, options, sequence.Gates, gateWidth, gateWidth);
        SequenceOrder.ClearPadding(T, N, options, sequence.Cells, Shape.HiddenSize, Shape.HiddenSize);
        order.Arrange(T, N, options);
        if (order.Steps > 0)
            RunCore(state, order.Sorted(sequence));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void RequireOneHot(int sequenceLength, int N, ReadOnlySpan<int> lengths, in SequenceOptions options) =>
        CallArguments.RequireOneHot(this, sequenceLength, N, options with { Lengths = lengths });

    private void RequireAlive() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, typeof(RecurrentLayer));

    /// <summary>
    /// Gives the layer's memory back; on the CPU its states share it until they are disposed too. Calls that come later are refused; one in progress
    /// on the CPU runs to its end, on a device the two wait for each other. Disposing twice is harmless, also from two threads at the same time.
    /// </summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        DisposeCore();
        GC.SuppressFinalize(this);
    }

    /// <summary>Such as <c>lstm_i64_h128 on simd-512</c> or <c>lstm_i64_h128 on simd-512, weights as Int8</c>.</summary>
    public override string ToString() =>
        $"{Shape} on {Backend.Name}{(Format == WeightFormat.Float32 ? "" : $", weights as {Format}")}{(Volatile.Read(ref _disposed) != 0 ? ", disposed" : "")}";

    private protected abstract LayerState CreateStateCore(int batchSize, WorkerTeam? team);

    /// <summary>Packs weights of this shape into the memory that is there.</summary>
    private protected virtual void LoadCore(LayerWeights weights) =>
        throw new NotSupportedException($"{Backend.Name} cannot load other weights into a layer. Prepare another layer.");

    /// <summary>Refuses a team that would be ignored.</summary>
    private protected void RefuseTeam(WorkerTeam? team)
    {
        if (team is not null)
            throw new NotSupportedException(
                $"{Backend.Name} does not use a WorkerTeam: it would be ignored. Create the state without one; the SIMD backends take one.");
    }

    /// <summary>
    /// Whether a call that has begun may go on when the layer is disposed: a device's memory is gone then, what the collector manages stays while it
    /// is used.
    /// </summary>
    internal virtual bool RunsAfterDispose => true;

    /// <summary>Whether a feature of each row may be given in place of x.</summary>
    internal virtual bool TakesOneHotInput => false;

    /// <summary>The layer over rows of h and c that lie elsewhere, for one call at a time; null where it cannot pick rows in place.</summary>
    internal virtual LayerRows? CreateRows(WorkerTeam? team) => null;

    /// <summary>Runs a sequence: at least one step, at least one row. All arguments have been checked.</summary>
    private protected abstract void RunCore(LayerState state, in SortedSequence sequence);

    private protected virtual void DisposeCore()
    {
    }
}
