using FastRecurrence.Layout;
using FastRecurrence.Threading;

namespace FastRecurrence;

/// <summary>
/// A layer whose weights are trained: runs that keep a tape, and backpropagation through time over it. Made by
/// <see cref="Backend.PrepareForTraining"/>. <see cref="Layer"/> computes with the same weights without a tape, at any time.
/// </summary>
/// <remarks>
/// There is no training mode: a backward pass needs a tape, and nothing else tells a run for training from another. Several threads may run and go back
/// at the same time, each with a state, a tape and gradients of its own; while weights change (<see cref="Load"/>, <see cref="Optimizer"/>) no other
/// call may be in progress. On the CPU, once memory has grown to its size, nothing here allocates.
/// </remarks>
public abstract class TrainingLayer : IDisposable
{
    private readonly LayerWeights _weights;
    private int _disposed;

    private protected TrainingLayer(RecurrentLayer layer, LayerWeights weights)
    {
        Layer = layer;
        _weights = new LayerWeights(weights.Shape, weights.InputWeights, weights.RecurrentWeights, weights.Bias, weights.Peepholes, weights.Projection);
        Parameters = new ParameterBuffer("weights", weights.Shape);
        Take(weights);
    }

    /// <summary>What the layer computes.</summary>
    public LayerShape Shape => Layer.Shape;

    /// <summary>Where it runs.</summary>
    public Backend Backend => Layer.Backend;

    /// <summary>
    /// The layer with these weights, which follow every change: for validation, and wherever no gradients are wanted. Lives as long as this object.
    /// </summary>
    public RecurrentLayer Layer { get; }

    /// <summary>The weights, in the order of gradients.</summary>
    internal ParameterBuffer Parameters { get; }

    /// <summary>How often the weights have changed.</summary>
    internal long Version { get; private set; }

    /// <summary>As <see cref="RecurrentLayer.CreateState"/> of <see cref="Layer"/>.</summary>
    public LayerState CreateState(int batchSize, WorkerTeam? team = null) => Layer.CreateState(batchSize, team);

    /// <summary>Makes a tape with all memory that dense calls will need.</summary>
    /// <param name="maxSteps">T at most, from 1.</param>
    /// <param name="batchSize">N, from 1; that of the states it is used with.</param>
    /// <param name="team">Threads that backward passes over the tape may use; null for the calling thread alone. The bits are the same.</param>
    /// <param name="checkpointEvery">
    /// 0 to keep every step. Else the tape keeps h and c before every so many steps, and a backward pass runs each piece again: a third more work, and memory
    /// for one piece instead of T steps; √T is a good choice. Gradients of x, h and c have the same bits; those of weights are summed piece by piece, the
    /// last one first. For time-major sequences; rows of different lengths forward and with their padding behind them.
    /// </param>
    /// <exception cref="ArgumentOutOfRangeException">A size is out of range, or an array cannot hold the tape.</exception>
    /// <exception cref="NotSupportedException">The backend has no use for a team.</exception>
    /// <exception cref="ObjectDisposedException">The layer was disposed.</exception>
    public TrainingTape CreateTape(int maxSteps, int batchSize, WorkerTeam? team = null, int checkpointEvery = 0)
    {
        RequireAlive();
        ArgumentOutOfRangeException.ThrowIfNegative(checkpointEvery);
        ArgumentOutOfRangeException.ThrowIfLessThan(maxSteps, 1);
        if (checkpointEvery == 0 || checkpointEvery >= maxSteps)
            return CreateTapeCore(maxSteps, batchSize, team);
        return new CheckpointTape(this, maxSteps, checkpointEvery, CreateTapeCore(checkpointEvery, batchSize, team), team);
    }

    /// <summary>Makes gradients that are 0.</summary>
    public LayerGradients CreateGradients() => new(Shape);

    /// <summary>A dense, time-major sequence from its first step to its last; see the overload with options.</summary>
    public void Run(LayerState state, TrainingTape tape, int sequenceLength, ReadOnlySpan<float> input, Span<float> output) =>
        Run(state, tape, sequenceLength, input, output, default);

    /// <summary>
    /// Runs a sequence as <see cref="RecurrentLayer.Run(LayerState, int, ReadOnlySpan{float}, Span{float}, in SequenceOptions)"/> does, to the bit, and
    /// keeps in the tape what a backward pass needs; what the tape held before is gone. x and y must stay as they are until that pass.
    /// </summary>
    /// <param name="state">A state of this layer; it goes on, so that a sequence may come in chunks with a tape for each.</param>
    /// <param name="tape">A tape of this layer, for as many rows.</param>
    /// <param name="sequenceLength">T, at most what the tape has room for.</param>
    /// <param name="input">x, <c>[T, N, I]</c>, or <c>[N, T, I]</c> batch-major. Never written.</param>
    /// <param name="output">h for every step; 0 in the padding. Must not overlap <paramref name="input"/>.</param>
    /// <param name="options">Lengths, direction, layout, optional outputs.</param>
    /// <exception cref="ArgumentException">A length does not fit, spans overlap, or state or tape are not of this layer. Nothing has changed.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The tape has room for fewer steps, or a row's length is not in 0..T.</exception>
    /// <exception cref="InvalidOperationException">Another call is using the state or the tape.</exception>
    /// <exception cref="ObjectDisposedException">The layer, the state or the tape was disposed.</exception>
    public void Run(LayerState state, TrainingTape tape, int sequenceLength, ReadOnlySpan<float> input, Span<float> output, in SequenceOptions options)
    {
        ArgumentNullException.ThrowIfNull(state);
        RequireOwn(tape);
        ArgumentOutOfRangeException.ThrowIfNegative(sequenceLength);
        using ExclusiveUse.Lease _ = tape.Acquire();
        tape.Require(sequenceLength, state.BatchSize);
        if (tape is CheckpointTape checkpoints)
            checkpoints.Run(state, sequenceLength, input, output, options);
        else
            RunCore(state, tape, sequenceLength, input, output, options);
        tape.Fill(sequenceLength, Version, !options.OneHotInput.IsEmpty);
    }

    /// <summary>The gradients of the weights alone; see the overload with options.</summary>
    public void Backward(TrainingTape tape, ReadOnlySpan<float> input, ReadOnlySpan<float> output, ReadOnlySpan<float> outputGradient,
        LayerGradients? gradients) => Backward(tape, input, output, outputGradient, gradients, default);

    /// <summary>
    /// Backpropagation through time over the run that the tape holds, which is spent afterwards. Gradients of weights are <b>added</b> to
    /// <paramref name="gradients"/>; those of x, h and c are <b>written</b> to the spans of <paramref name="options"/>.
    /// </summary>
    /// <remarks>
    /// All gradients have the same bits with any number of threads and, on the CPU, at any vector width. Those of x, h and c of a row do not depend on the
    /// other rows of its batch. A NaN in <paramref name="outputGradient"/> makes those of its row NaN, those of the weights, and no others.
    /// </remarks>
    /// <param name="tape">A tape of this layer with a run in it.</param>
    /// <param name="input">x as the run had it.</param>
    /// <param name="output">y as the run left it.</param>
    /// <param name="outputGradient">∂L/∂y, laid out as y; never read in the padding. Empty for zeros: the loss depends on final states alone.</param>
    /// <param name="gradients">Where the gradients of the weights are added; null if they are not wanted: they are then not computed.</param>
    /// <param name="options">Gradients of final states, and which other gradients are wanted.</param>
    /// <exception cref="ArgumentException">
    /// A length does not fit, spans overlap, or tape or gradients are not of this layer. Nothing is written, and the tape stays full.
    /// </exception>
    /// <exception cref="InvalidOperationException">
    /// The tape holds no run, or its run was made with other weights; or another call is using it. Nothing has changed.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The layer or the tape was disposed.</exception>
    public void Backward(TrainingTape tape, ReadOnlySpan<float> input, ReadOnlySpan<float> output, ReadOnlySpan<float> outputGradient,
        LayerGradients? gradients, in BackwardOptions options)
    {
        RequireOwn(tape);
        using ExclusiveUse.Lease _ = tape.Acquire();
        RequireRun(tape, gradients);
        var call = new BackwardCall(input, output, outputGradient, options);
        call.Require(Shape, tape);
        tape.Spend();
        if (tape is CheckpointTape checkpoints)
            checkpoints.Backward(call, gradients);
        else
            BackwardCore(tape, call, gradients);
    }

    /// <summary>
    /// Takes other weights of the same shape, such as a snapshot of earlier ones. Tapes that are full cannot be gone back any more. On the CPU it
    /// allocates nothing.
    /// </summary>
    /// <exception cref="ArgumentException">The weights are of another shape. Nothing has changed.</exception>
    /// <exception cref="ObjectDisposedException">The layer was disposed.</exception>
    public void Load(LayerWeights weights)
    {
        ArgumentNullException.ThrowIfNull(weights);
        RequireAlive();
        LayerWeights.RequireShape(weights, Shape);
        Take(weights);
        Updated();
    }

    /// <summary>A copy of the weights as they are now: a snapshot to save, or to prepare for another backend.</summary>
    public LayerWeights ToWeights()
    {
        RequireAlive();
        return new(Shape, _weights.InputWeights, _weights.RecurrentWeights, _weights.Bias, _weights.Peepholes, _weights.Projection);
    }

    /// <summary>Gives the memory back. Disposing twice is harmless.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) != 0)
            return;
        Layer.Dispose();
        GC.SuppressFinalize(this);
    }

    /// <summary>Such as <c>lstm_i64_h128 on simd-512, for training</c>.</summary>
    public override string ToString() => $"{Layer}, for training";

    /// <summary><see cref="Parameters"/> have changed: the layer computes with them from now on.</summary>
    internal void Updated()
    {
        foreach (WeightParts part in LayerGradients.Parts)
            Parameters.Read(part, _weights.Writable(part));
        Version++;
        Layer.Load(_weights);
        LoadCore(_weights);
    }

    /// <summary>Refuses what was disposed.</summary>
    internal void RequireAlive() => ObjectDisposedException.ThrowIf(Volatile.Read(ref _disposed) != 0, typeof(TrainingLayer));

    private protected abstract TrainingTape CreateTapeCore(int maxSteps, int batchSize, WorkerTeam? team);

    /// <summary>Runs with a tape that fits; all else is checked here.</summary>
    private protected abstract void RunCore(LayerState state, TrainingTape tape, int sequenceLength, ReadOnlySpan<float> input, Span<float> output,
        in SequenceOptions options);

    /// <summary>A backward pass; all has been checked.</summary>
    private protected abstract void BackwardCore(TrainingTape tape, in BackwardCall call, LayerGradients? gradients);

    /// <summary>Packs new weights for backward passes.</summary>
    private protected abstract void LoadCore(LayerWeights weights);

    private void Take(LayerWeights weights)
    {
        Parameters.Span.Clear(); // what belongs to no weight as well: a NaN of earlier steps may be there
        foreach (WeightParts part in LayerGradients.Parts)
            Parameters.Write(part, weights.Part(part));
    }

    private void RequireOwn(TrainingTape tape)
    {
        ArgumentNullException.ThrowIfNull(tape);
        RequireAlive();
        if (!ReferenceEquals(tape.Layer, this))
        {
            throw new ArgumentException(tape.Shape == Shape
                ? $"tape belongs to another TrainingLayer object of the same shape ({Shape}): a tape is bound to the object that made it."
                : $"tape is of {tape.Shape}, this layer is {Shape}. Create it with this layer's CreateTape.", nameof(tape));
        }
    }

    /// <summary>Refuses a tape without a run of these weights, and gradients of another shape.</summary>
    internal void RequireRun(TrainingTape tape, LayerGradients? gradients)
    {
        RequireAlive();
        if (gradients is not null && gradients.Shape != Shape)
        {
            throw new ArgumentException(
                $"The gradients are of {gradients.Shape}, this layer is {Shape}. Make them with its CreateGradients.", nameof(gradients));
        }

        if (!tape.IsFull)
        {
            throw new InvalidOperationException("The tape holds no run, or its backward pass has been done: a backward pass spends it. "
                + "Run the layer with the tape again.");
        }

        if (tape.Version != Version)
        {
            throw new InvalidOperationException("The weights have changed since the tape was filled, so its gradients would be those of neither. "
                + "Run the layer with the tape again.");
        }
    }
}
