using System.Globalization;
using FastRecurrence.Threading;

namespace FastRecurrence;

/// <summary>
/// Layers on top of each other, each in one direction or both, as <c>nn.LSTM(num_layers, bidirectional)</c> composes them:
/// layer k &gt; 0 reads the outputs of layer k − 1, forward and reverse side by side. Composed from <see cref="RecurrentLayer"/>s
/// and not a kernel. Immutable and safe to share; all that changes lives in <see cref="StackState"/>.
/// </summary>
public sealed partial class RecurrentStack : IDisposable
{
    private readonly RecurrentLayer[] _layers;
    private readonly int[] _first;
    private readonly StackLayer[] _stack;
    private readonly CallCount _calls = new();
    private readonly bool _countsCalls;

    /// <summary>Prepares every layer on a backend.</summary>
    /// <param name="backend">Where they run.</param>
    /// <param name="layers">From the input to the output; at least one.</param>
    /// <exception cref="ArgumentException">There is no layer, or one does not read what the one below gives; the message has both sizes.</exception>
    /// <exception cref="BackendUnavailableException">The backend cannot run here.</exception>
    public RecurrentStack(Backend backend, params IReadOnlyList<StackLayer> layers)
        : this(backend, WeightFormat.Float32, layers)
    {
    }

    /// <summary>Prepares every layer on a backend, with its weights in a format.</summary>
    /// <param name="backend">Where they run.</param>
    /// <param name="format">How W and R of every layer are stored; see <see cref="Backend.Prepare"/> for where a narrow format is refused.</param>
    /// <param name="layers">From the input to the output; at least one.</param>
    /// <exception cref="ArgumentException">There is no layer, or one does not read what the one below gives; the message has both sizes.</exception>
    /// <exception cref="BackendUnavailableException">The backend cannot run here.</exception>
    /// <exception cref="NotSupportedException">
    /// The backend cannot run a layer, or the format would gain nothing for one; the message names the layer.
    /// </exception>
    public RecurrentStack(Backend backend, WeightFormat format, params IReadOnlyList<StackLayer> layers)
        : this(backend, format, layers, weights => backend.Prepare(weights, format))
    {
    }

    /// <summary>As the public one, with what prepares a layer.</summary>
    internal RecurrentStack(Backend backend, WeightFormat format, IReadOnlyList<StackLayer> layers, Func<LayerWeights, RecurrentLayer> prepare)
    {
        ArgumentNullException.ThrowIfNull(backend);
        ArgumentNullException.ThrowIfNull(layers);
        _stack = [.. layers]; // copied first: the caller's list may change while it is checked
        if (_stack.Length == 0)
            throw new ArgumentException("A stack needs at least one layer.", nameof(layers));
        for (int k = 0; k < _stack.Length; k++)
        {
            if (_stack[k] is null)
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"layers[{k}] is null."), nameof(layers));
            if (k > 0 && _stack[k].InputSize != _stack[k - 1].OutputSize)
            {
                throw new ArgumentException(string.Create(CultureInfo.InvariantCulture,
                    $"layer {k} ({_stack[k]}) reads {_stack[k].InputSize} features, but layer {k - 1} ({_stack[k - 1]}) gives {_stack[k - 1].OutputSize}."),
                        nameof(layers));
            }
        }

        _first = new int[_stack.Length + 1];
        var prepared = new List<RecurrentLayer>();
        var fingerprint = Fingerprint.Start();
        try
        {
            for (int k = 0; k < _stack.Length; k++)
            {
                foreach ((LayerWeights? weights, string direction) in (ReadOnlySpan<(LayerWeights?, string)>)[(_stack[k].Forward, "forward"),
                    (_stack[k].Reverse, "reverse")])
                {
                    if (weights is null)
                        continue;
                    prepared.Add(prepare(weights));
                    fingerprint.Add(direction);
                    fingerprint.Add(weights);
                }

                _first[k + 1] = prepared.Count;
            }
        }
        catch
        {
            prepared.ForEach(layer => layer.Dispose());
            throw;
        }

        _layers = [.. prepared];
        _countsCalls = Array.Exists(_layers, layer => !layer.RunsAfterDispose);
        RunsBothDirectionsAtOnce = Array.Exists(_layers, layer => layer.RunsBothDirectionsAtOnce);
        Backend = backend;
        Format = format;
        WeightsFingerprint = fingerprint.Value;
    }

    /// <summary>Where it runs.</summary>
    public Backend Backend { get; }

    /// <summary>How W and R of every layer are stored.</summary>
    public WeightFormat Format { get; }

    /// <summary>The layers it was made of.</summary>
    public IReadOnlyList<StackLayer> Layers => _stack;

    /// <summary>I, features per row of x.</summary>
    public int InputSize => _stack[0].InputSize;

    /// <summary>Features per row of y: H of the last layer's directions together.</summary>
    public int OutputSize => _stack[^1].OutputSize;

    /// <summary>
    /// h (and c) of a state: one for each layer and direction, in the order layer 0 forward, layer 0 reverse, layer 1 forward, …
    /// With D directions everywhere, index <c>layer·D + direction</c>, as PyTorch's <c>h_n</c>.
    /// </summary>
    public int StateCount => _layers.Length;

    /// <summary>Whether every layer runs forward, so that a sequence may come in pieces.</summary>
    public bool CanStream => Array.TrueForAll(_stack, layer => layer.Reverse is null);

    /// <summary>Whether a bidirectional layer's directions need memory of their own.</summary>
    internal bool RunsBothDirectionsAtOnce { get; }

    /// <summary>Tells stacks apart in saved states: of all shapes, directions and weights.</summary>
    internal ulong WeightsFingerprint { get; }

    /// <summary>The shape behind a state index.</summary>
    /// <param name="index">0 to <see cref="StateCount"/> − 1.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such index.</exception>
    public LayerShape StateShape(int index) => (uint)index < (uint)_layers.Length ? _layers[index].Shape : throw StackState.OutOfRange(index, _layers.Length);

    /// <summary>Makes a zero state for <paramref name="batchSize"/> rows.</summary>
    /// <param name="batchSize">N; 0 is allowed and gives empty results.</param>
    /// <param name="team">Threads that calls with this state may use; null for the calling thread alone. The bits are the same.</param>
    /// <exception cref="ArgumentOutOfRangeException">N is negative or too large.</exception>
    /// <exception cref="NotSupportedException">The backend has no use for a team, or the weights' format none for this batch.</exception>
    /// <exception cref="ObjectDisposedException">The stack was disposed.</exception>
    public StackState CreateState(int batchSize, WorkerTeam? team = null)
    {
        if (_calls.IsClosed)
            throw Gone();
        var states = new List<LayerState>();
        try
        {
            foreach (RecurrentLayer layer in _layers)
                states.Add(layer.CreateState(batchSize, team));
        }
        catch
        {
            states.ForEach(state => state.Dispose());
            throw;
        }

        return new StackState(this, [.. states], batchSize, team);
    }

    /// <summary>Runs a dense, time-major sequence; see the overload with options.</summary>
    public void Run(StackState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> output) =>
        Run(state, sequenceLength, input, output, new StackOptions());

    /// <summary>
    /// Runs T steps through all layers, leaving the last states in <paramref name="state"/>. Allocates nothing once the state has seen a sequence of
    /// that size.
    /// </summary>
    /// <remarks>
    /// A refused call (the exceptions below) changes nothing. After a device has failed in the middle of a call, layers below the failure have moved
    /// their states and those above have not: reset the state, or restore a saved one, before you go on.
    /// </remarks>
    /// <param name="state">The stream's state, made by this stack.</param>
    /// <param name="sequenceLength">T; 0 leaves the state as it is and writes nothing.</param>
    /// <param name="input">x, <c>[T, N, I]</c>, or <c>[N, T, I]</c> batch-major. Never written.</param>
    /// <param name="output">
    /// The last layer's h, <c>[T, N, D·H]</c> or <c>[N, T, D·H]</c>; 0 in the padding. Written whole; must not overlap <paramref name="input"/>.
    /// </param>
    /// <param name="options">Lengths, padding, layout.</param>
    /// <exception cref="ArgumentException">A length does not fit, spans overlap, or the state is another stack's. Nothing is written.</exception>
    /// <exception cref="ArgumentOutOfRangeException">A row's length is not in 0..T.</exception>
    /// <exception cref="InvalidOperationException">Another call is using the state.</exception>
    /// <exception cref="ObjectDisposedException">The stack or the state was disposed.</exception>
    public void Run(StackState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> output, in StackOptions options)
    {
        ArgumentNullException.ThrowIfNull(state);
        if (_calls.IsClosed)
            throw Gone();
        if (!ReferenceEquals(state.Stack, this))
            throw new ArgumentException(
                "state belongs to another RecurrentStack, be it one of the same layers. Create it with this stack's CreateState.", nameof(state));
        ArgumentOutOfRangeException.ThrowIfNegative(sequenceLength);
        int T = sequenceLength, N = state.BatchSize;
        Extents.Require(nameof(input), input.Length, "T×N×I", T, N, options.OneHotInput.IsEmpty ? InputSize : 0);
        Extents.Require(nameof(output), output.Length, "T×N×D·H", T, N, OutputSize);
        if (input.Overlaps(output))
            throw new ArgumentException("output overlaps input: the layers still read input while they write output. Use separate memory.", nameof(output));

        using ExclusiveUse.Lease _ = state.Acquire();
        ReadOnlySpan<int> lengths = options.Lengths.IsEmpty ? default : state.Lengths.Take(T, N, options.Lengths);
        if (T == 0 || N == 0)
            return;
        StackOptions checkedOptions = options with { Lengths = lengths };

        state.Reserve(T);
        if (!_countsCalls)
        {
            RunLayers(state, T, input, output, checkedOptions);
            return;
        }

        if (!_calls.TryEnter())
            throw Gone();
        try
        {
            RunLayers(state, T, input, output, checkedOptions);
        }
        finally
        {
            if (_calls.Leave())
                DisposeLayers();
        }
    }

    private static ObjectDisposedException Gone() => new(nameof(RecurrentStack));

    private void RunLayers(StackState state, int T, ReadOnlySpan<float> input, Span<float> output, in StackOptions options)
    {
        ReadOnlySpan<float> from = input;
        for (int k = 0; k < _stack.Length; k++)
        {
            Span<float> to = k == _stack.Length - 1 ? output : state.Between(k, T, _stack[k].OutputSize);
            RunLayer(state, k, T, from, to, options);
            from = to;
        }
    }

    private void RunLayer(StackState state, int k, int T, ReadOnlySpan<float> input, Span<float> output, in StackOptions options)
    {
        SequenceOptions In(in StackOptions o, Direction direction) =>
            new() { Lengths = o.Lengths, Padding = o.Padding, Layout = o.Layout, Direction = direction, OneHotInput = k == 0 ? o.OneHotInput : default };

        int at = _first[k];
        if (_stack[k].DirectionCount == 1)
        {
            _layers[at].RunEvenDisposed(state.Of(at), T, input, output, In(options, _stack[k].Forward is null ? Direction.Reverse : Direction.Forward));
            return;
        }

        int forwardSize = _layers[at].Shape.OutputSize, reverseSize = _layers[at + 1].Shape.OutputSize;
        if (!RunsBothDirectionsAtOnce)
        {
            // Each direction writes its half of every row where it lies.
            int stride = forwardSize + reverseSize;
            _layers[at].RunInto(state.Of(at), T, input, output, stride, In(options, Direction.Forward));
            _layers[at + 1].RunInto(state.Of(at + 1), T, input, output[forwardSize..], stride, In(options, Direction.Reverse));
            return;
        }

        Span<float> forward = state.Side(0, T, forwardSize), reverse = state.Side(1, T, reverseSize);
        _layers[at].RunBothDirections(state.Of(at), _layers[at + 1], state.Of(at + 1), T, input, forward, reverse, In(options, Direction.Forward));
        for (int row = 0, rows = T * state.BatchSize; row < rows; row++)
        {
            Span<float> both = output.Slice(row * (forwardSize + reverseSize), forwardSize + reverseSize);
            forward.Slice(row * forwardSize, forwardSize).CopyTo(both);
            reverse.Slice(row * reverseSize, reverseSize).CopyTo(both[forwardSize..]);
        }
    }

    /// <summary>
    /// Gives the layers' memory back. Calls in progress run to their end, and the memory goes with the last of them; later calls are refused.
    /// Disposing twice is harmless, also from two threads at the same time.
    /// </summary>
    public void Dispose()
    {
        if (_calls.Close())
            DisposeLayers();
    }

    /// <summary>Such as <c>stack of 2 layers (lstm_i3_h4 bidirectional, lstm_i8_h4) on simd-512</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"stack of {_stack.Length} {(_stack.Length == 1 ? "layer" : "layers")} "
        + $"({string.Join(", ", _stack.Select(layer => layer.ToString()))}) on {Backend.Name}{(_calls.IsClosed ? ", disposed" : "")}");

    private void DisposeLayers()
    {
        foreach (RecurrentLayer layer in _layers)
            layer.Dispose();
    }
}
