using System.Globalization;

namespace FastRecurrence;

/// <summary>
/// A layer prepared for one backend: weights packed or uploaded once, immutable, safe to share between threads.
/// All that changes lives in <see cref="LayerState"/>.
/// </summary>
public abstract class RecurrentLayer : IDisposable
{
    private bool _disposed;

    private protected RecurrentLayer(LayerShape shape, Backend backend)
    {
        Shape = shape;
        Backend = backend;
    }

    /// <summary>What the layer computes.</summary>
    public LayerShape Shape { get; }

    /// <summary>Where it runs.</summary>
    public Backend Backend { get; }

    /// <summary>Makes a zero state for <paramref name="batchSize"/> rows, with all memory that calls will need: steps allocate nothing.</summary>
    /// <param name="batchSize">N; 0 is allowed and gives empty results.</param>
    /// <exception cref="ArgumentOutOfRangeException">N is negative, or N×G×H exceeds 2³¹−1.</exception>
    /// <exception cref="ObjectDisposedException">The layer was disposed.</exception>
    public LayerState CreateState(int batchSize)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ArgumentOutOfRangeException.ThrowIfNegative(batchSize);
        Extents.Elements("state", batchSize, Shape.GateCount, Shape.HiddenSize);
        return CreateStateCore(batchSize);
    }

    /// <summary>
    /// One step: reads x and the state, writes h to <paramref name="output"/> and into the state. Gives the bits that
    /// <see cref="Run"/> gives for the same step.
    /// </summary>
    /// <param name="state">The stream's state, made by this layer.</param>
    /// <param name="input">x, <c>[N, I]</c>. Never written.</param>
    /// <param name="output">h, <c>[N, H]</c>. Written whole; must not overlap <paramref name="input"/> or <paramref name="gates"/>.</param>
    /// <param name="gates">Empty, or <c>[N, G, H]</c> for the activated gates (LSTM i, f, g, o; Elman h). Asking for them does not change h's bits.</param>
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
    /// <param name="output">h for every step, <c>[T, N, H]</c>. Written whole; must not overlap <paramref name="input"/> or <paramref name="gates"/>.</param>
    /// <param name="gates">Empty, or <c>[T, N, G, H]</c> for the activated gates of every step (LSTM i, f, g, o; Elman h). Asking for them does not change h's bits.</param>
    /// <exception cref="ArgumentException">A length does not fit, spans overlap, or the state is another layer's. Nothing is written.</exception>
    /// <exception cref="InvalidOperationException">Another call is using the state.</exception>
    /// <exception cref="ObjectDisposedException">The layer or the state was disposed.</exception>
    public void Run(LayerState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> output, Span<float> gates = default)
    {
        ArgumentNullException.ThrowIfNull(state);
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (!ReferenceEquals(state.Layer, this))
        {
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                $"state belongs to another layer ({state.Layer.Shape} on {state.Layer.Backend.Name}), this one is {Shape} on {Backend.Name}. Create it with this layer's CreateState."), nameof(state));
        }

        ArgumentOutOfRangeException.ThrowIfNegative(sequenceLength);
        int N = state.BatchSize, H = Shape.HiddenSize;
        Extents.Require(nameof(input), input.Length, "T×N×I", sequenceLength, N, Shape.InputSize);
        Extents.Require(nameof(output), output.Length, "T×N×H", sequenceLength, N, H);
        if (!gates.IsEmpty)
            Extents.Require(nameof(gates), gates.Length, "T×N×G×H", sequenceLength, N, Shape.GateCount, H);
        if (input.Overlaps(output))
            throw new ArgumentException("output overlaps input: the layer still reads input while it writes output. Use separate memory.", nameof(output));
        if (!gates.IsEmpty && (input.Overlaps(gates) || ((ReadOnlySpan<float>)output).Overlaps(gates)))
            throw new ArgumentException("gates overlap input or output. Use separate memory.", nameof(gates));

        using LayerState.Lease _ = state.Acquire();
        if (sequenceLength == 0 || N == 0)
            return;
        RunCore(state, sequenceLength, input, output, gates);
    }

    /// <summary>Gives the layer's memory back. States made from it must not be used afterwards. Disposing twice is harmless.</summary>
    public void Dispose()
    {
        if (_disposed)
            return;
        _disposed = true;
        DisposeCore();
        GC.SuppressFinalize(this);
    }

    private protected abstract LayerState CreateStateCore(int batchSize);

    private protected abstract void RunCore(LayerState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> output, Span<float> gates);

    private protected virtual void DisposeCore()
    {
    }
}
