using FastRecurrence.Threading;

namespace FastRecurrence;

/// <summary>
/// A <see cref="RecurrentStack"/> whose weights are trained: layers on top of each other, each in one direction or both, dense ones among them, with dropout
/// between them. <see cref="Stack"/> computes with the same weights without a tape and without dropout.
/// </summary>
/// <remarks>Threads and changes of weights: as of <see cref="TrainingLayer"/>.</remarks>
public sealed class TrainingStack : IDisposable
{
    private readonly TrainingLayer[] _layers;
    private readonly int[] _first;

    /// <summary>Prepares every layer for training.</summary>
    /// <param name="backend">Where they run.</param>
    /// <param name="layers">From the input to the output; at least one.</param>
    /// <exception cref="ArgumentException">There is no layer, or one does not read what the one below gives; the message has both sizes.</exception>
    /// <exception cref="BackendUnavailableException">The backend cannot run here.</exception>
    /// <exception cref="NotSupportedException">The backend cannot train a layer.</exception>
    public TrainingStack(Backend backend, params IReadOnlyList<StackLayer> layers)
    {
        var prepared = new List<TrainingLayer>();
        Stack = new RecurrentStack(backend, WeightFormat.Float32, layers, weights =>
        {
            prepared.Add(backend.PrepareForTraining(weights));
            return prepared[^1].Layer;
        });
        _layers = [.. prepared];
        _first = new int[Stack.Layers.Count + 1];
        for (int k = 0; k < Stack.Layers.Count; k++)
            _first[k + 1] = _first[k] + Stack.Layers[k].DirectionCount;
    }

    /// <summary>The stack with these weights, which follow every change. Its states serve both; its list of layers has the first weights.</summary>
    public RecurrentStack Stack { get; }

    /// <summary>The layers, one for each direction, in the order of <see cref="RecurrentStack.StateCount"/>: for optimizers and snapshots.</summary>
    public IReadOnlyList<TrainingLayer> Layers => _layers;

    /// <summary>The share of outputs that the layer above does not see in a run with a tape, from 0 (the default) to below 1, as in PyTorch.</summary>
    /// <exception cref="ArgumentOutOfRangeException">It is out of range.</exception>
    public double Dropout
    {
        get;
        init => field = value is >= 0 and < 1 ? value : throw new ArgumentOutOfRangeException(nameof(Dropout), value, "Dropout must lie in 0..1, below 1.");
    }

    /// <summary>As <see cref="RecurrentStack.CreateState"/> of <see cref="Stack"/>.</summary>
    public StackState CreateState(int batchSize, WorkerTeam? team = null) => Stack.CreateState(batchSize, team);

    /// <summary>Makes a tape with all memory that dense calls will need; see <see cref="TrainingLayer.CreateTape"/>.</summary>
    public StackTape CreateTape(int maxSteps, int batchSize, WorkerTeam? team = null) => new(this, maxSteps, batchSize, team);

    /// <summary>Gradients that are 0, one for each of <see cref="Layers"/>.</summary>
    public LayerGradients[] CreateGradients() => [.. _layers.Select(layer => layer.CreateGradients())];

    /// <summary>A dense, time-major sequence; see the overload with options.</summary>
    public void Run(StackState state, StackTape tape, int sequenceLength, ReadOnlySpan<float> input, Span<float> output) =>
        Run(state, tape, sequenceLength, input, output, default);

    /// <summary>
    /// Runs T steps through all layers and keeps in the tape what a backward pass needs. Without dropout it gives the bits of <see cref="Stack"/>.
    /// </summary>
    /// <param name="state">A state of this stack; it goes on.</param>
    /// <param name="tape">A tape of this stack, for as many rows.</param>
    /// <param name="sequenceLength">T, at most what the tape has room for.</param>
    /// <param name="input">x, <c>[T, N, I]</c>, or <c>[N, T, I]</c> batch-major. Must stay as it is until the backward pass.</param>
    /// <param name="output">The last layer's h; 0 in the padding. Must not overlap <paramref name="input"/>. The tape has its own copy.</param>
    /// <param name="options">Lengths, padding, layout.</param>
    /// <exception cref="ArgumentException">A length does not fit, spans overlap, or state or tape are not of this stack. Nothing has changed.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The tape has room for fewer steps, or a row's length is not in 0..T.</exception>
    /// <exception cref="InvalidOperationException">Another call is using the state or the tape.</exception>
    /// <exception cref="ObjectDisposedException">The stack, the state or the tape was disposed.</exception>
    public void Run(StackState state, StackTape tape, int sequenceLength, ReadOnlySpan<float> input, Span<float> output, in StackOptions options)
    {
        ArgumentNullException.ThrowIfNull(state);
        RequireOwn(tape);
        if (!ReferenceEquals(state.Stack, Stack))
            throw new ArgumentException("state belongs to another stack, be it one of equal layers. Create it with its CreateState.", nameof(state));
        ArgumentOutOfRangeException.ThrowIfNegative(sequenceLength);
        int T = sequenceLength, N = state.BatchSize;
        tape.Tapes[0].Require(T, N);
        Extents.Require(nameof(input), input.Length, "T×N×I", T, N, options.OneHotInput.IsEmpty ? Stack.InputSize : 0);
        Extents.Require(nameof(output), output.Length, "T×N×D·H", T, N, Stack.OutputSize);
        if (input.Overlaps(output))
            throw new ArgumentException("output overlaps input: the layers still read input while they write output. Use separate memory.", nameof(output));
        foreach (TrainingLayer layer in _layers)
            layer.RequireAlive();
        using ExclusiveUse.Lease _ = tape.Acquire();
        using ExclusiveUse.Lease __ = state.Acquire();
        ReadOnlySpan<int> lengths = options.Lengths.IsEmpty ? default : state.Lengths.Take(T, N, options.Lengths);
        if (!options.OneHotInput.IsEmpty)
        {
            var oneHot = new SequenceOptions { Lengths = lengths, Padding = options.Padding, Layout = options.Layout, OneHotInput = options.OneHotInput };
            CallArguments.RequireOneHot(_layers[0].Layer, T, N, oneHot);
        }

        tape.Begin(T, options.Layout == SequenceLayout.BatchMajor);
        for (int k = 0; k < Stack.Layers.Count; k++)
        {
            for (int i = _first[k]; i < _first[k + 1]; i++)
            {
                var sequence = new SequenceOptions
                {
                    Lengths = lengths,
                    Padding = options.Padding,
                    Layout = options.Layout,
                    Direction = DirectionOf(k, i),
                    OneHotInput = k == 0 ? options.OneHotInput : default,
                };
                _layers[i].Run(state.Of(i), tape.Tapes[i], T, InputOf(tape, k, input), tape.Output(i, T), sequence);
            }

            if (k == Stack.Layers.Count - 1)
                Join(tape, k, output);
            else if (CopiesBetween(k + 1))
                Join(tape, k, tape.Input(k + 1, T));
            if (k < Stack.Layers.Count - 1 && Dropout > 0)
                Mask(tape, k, tape.Input(k + 1, T));
        }

        tape.Mark(full: true);
    }

    /// <summary>The gradients of the weights alone; see the overload with options.</summary>
    public void Backward(StackTape tape, ReadOnlySpan<float> input, ReadOnlySpan<float> outputGradient, ReadOnlySpan<LayerGradients?> gradients) =>
        Backward(tape, input, outputGradient, gradients, default);

    /// <summary>
    /// Backpropagation through time and layers over the run that the tape holds, which is spent afterwards. Gradients of weights are <b>added</b>; what
    /// <paramref name="options"/> ask for is <b>written</b>. The gradient of what both directions of a layer read is the sum of theirs, forward first.
    /// </summary>
    /// <param name="tape">A tape of this stack with a run in it.</param>
    /// <param name="input">x as the run had it.</param>
    /// <param name="outputGradient">∂L/∂y, laid out as y; empty for zeros.</param>
    /// <param name="gradients">As <see cref="CreateGradients"/> makes them; null in place of those of a layer whose weights are frozen, or empty.</param>
    /// <param name="options">
    /// Gradients of states, of all layers and directions one behind the other (c: of all that have one), as PyTorch's <c>h_n</c>; of x; what is frozen.
    /// State norms belong to single layers and are refused.
    /// </param>
    /// <exception cref="ArgumentException">A length does not fit, or tape or gradients are not of this stack. Nothing has changed.</exception>
    /// <exception cref="InvalidOperationException">The tape holds no run, or its run was made with other weights; or another call is using it.</exception>
    /// <exception cref="ObjectDisposedException">The stack or the tape was disposed.</exception>
    public void Backward(StackTape tape, ReadOnlySpan<float> input, ReadOnlySpan<float> outputGradient, ReadOnlySpan<LayerGradients?> gradients,
        in BackwardOptions options)
    {
        RequireOwn(tape);
        using ExclusiveUse.Lease _ = tape.Acquire();
        Require(tape, input, outputGradient, gradients, options);
        tape.Mark(full: false);
        ReadOnlySpan<float> above = outputGradient;
        for (int k = Stack.Layers.Count - 1; k >= 0; k--)
        {
            Span<float> below = k > 0 ? tape.InputGradient(k, tape.SequenceLength) : options.Input;
            BackwardOfLayer(tape, k, InputOf(tape, k, input), above, below, gradients, options);
            if (k > 0 && Dropout > 0)
                Mask(tape, k - 1, below);
            above = below;
        }
    }

    /// <summary>Gives the memory back. Disposing twice is harmless.</summary>
    public void Dispose()
    {
        Stack.Dispose();
        foreach (TrainingLayer layer in _layers)
            layer.Dispose();
    }

    /// <summary>Such as <c>stack of 2 layers (lstm_i3_h4, dense-linear_i4_h1) on simd-512, for training</c>.</summary>
    public override string ToString() => $"{Stack}, for training";

    /// <summary>Whether x of a layer is another memory than h of the one below.</summary>
    internal bool CopiesBetween(int k) => Dropout > 0 || Stack.Layers[k - 1].DirectionCount == 2;

    private Direction DirectionOf(int k, int index) => Stack.Layers[k].Forward is null || index > _first[k] ? Direction.Reverse : Direction.Forward;

    private ReadOnlySpan<float> InputOf(StackTape tape, int k, ReadOnlySpan<float> input) =>
        k == 0 ? input : CopiesBetween(k) ? tape.Input(k, tape.SequenceLength) : tape.Output(_first[k - 1], tape.SequenceLength);

    private void Mask(StackTape tape, int k, Span<float> values) => new Dropout(Dropout, tape.RunSeed, k)
        .Apply(values, values, Stack.Layers[k].OutputSize, tape.SequenceLength, tape.BatchSize, tape.IsBatchMajor);

    /// <summary>h of a layer's directions side by side.</summary>
    private void Join(StackTape tape, int k, Span<float> both)
    {
        int stride = Stack.Layers[k].OutputSize, column = 0;
        for (int i = _first[k]; i < _first[k + 1]; i++)
        {
            int width = _layers[i].Shape.OutputSize;
            Span<float> from = tape.Output(i, tape.SequenceLength);
            if (width == stride)
                from.CopyTo(both);
            for (int row = 0; row < from.Length / width && width != stride; row++)
                from.Slice(row * width, width).CopyTo(both[(row * stride + column)..]);
            column += width;
        }
    }

    private void BackwardOfLayer(StackTape tape, int k, ReadOnlySpan<float> x, ReadOnlySpan<float> above, Span<float> below,
        ReadOnlySpan<LayerGradients?> gradients, in BackwardOptions options)
    {
        int T = tape.SequenceLength, N = tape.BatchSize, stride = Stack.Layers[k].OutputSize, column = 0;
        for (int i = _first[k]; i < _first[k + 1]; i++)
        {
            LayerShape shape = _layers[i].Shape;
            ReadOnlySpan<float> dy = above;
            if (shape.OutputSize != stride && !above.IsEmpty)
                dy = Split(above, tape.OutputSide.AsSpan(0, T * N * shape.OutputSize), stride, column, shape.OutputSize);
            column += shape.OutputSize;
            bool second = i > _first[k];
            Span<float> dx = second && !below.IsEmpty ? tape.InputSide.AsSpan(0, below.Length) : below;
            _layers[i].Backward(tape.Tapes[i], x, tape.Output(i, T), dy, gradients.IsEmpty ? null : gradients[i], new BackwardOptions
            {
                FinalHidden = Part(options.FinalHidden, HiddenStart(i) * N, shape.OutputSize * N),
                InitialHidden = Part(options.InitialHidden, HiddenStart(i) * N, shape.OutputSize * N),
                FinalCell = shape.HasCellState ? Part(options.FinalCell, CellStart(i) * N, shape.HiddenSize * N) : default,
                InitialCell = shape.HasCellState ? Part(options.InitialCell, CellStart(i) * N, shape.HiddenSize * N) : default,
                Input = dx,
                Frozen = options.Frozen,
                OneHotInput = k == 0 ? options.OneHotInput : default,
            });
            for (int j = 0; j < dx.Length && second; j++)
                below[j] += dx[j];
        }
    }

    private static ReadOnlySpan<float> Split(ReadOnlySpan<float> both, Span<float> one, int stride, int column, int width)
    {
        for (int row = 0; row < one.Length / width; row++)
            both.Slice(row * stride + column, width).CopyTo(one[(row * width)..]);
        return one;
    }

    private static Span<float> Part(Span<float> all, int start, int length) => all.IsEmpty ? default : all.Slice(start, length);

    private static ReadOnlySpan<float> Part(ReadOnlySpan<float> all, int start, int length) => all.IsEmpty ? default : all.Slice(start, length);

    /// <summary>Features of h of all layers and directions before one.</summary>
    private int HiddenStart(int index)
    {
        int sum = 0;
        for (int i = 0; i < index; i++)
            sum += _layers[i].Shape.OutputSize;
        return sum;
    }

    /// <summary>Likewise of c.</summary>
    private int CellStart(int index)
    {
        int sum = 0;
        for (int i = 0; i < index; i++)
            sum += _layers[i].Shape.HasCellState ? _layers[i].Shape.HiddenSize : 0;
        return sum;
    }

    private void RequireOwn(StackTape tape)
    {
        ArgumentNullException.ThrowIfNull(tape);
        if (!ReferenceEquals(tape.Stack, this))
            throw new ArgumentException("tape belongs to another stack, be it one of the same layers. Create it with this stack's CreateTape.", nameof(tape));
    }

    private void Require(StackTape tape, ReadOnlySpan<float> input, ReadOnlySpan<float> outputGradient, ReadOnlySpan<LayerGradients?> gradients,
        in BackwardOptions options)
    {
        int T = tape.SequenceLength, N = tape.BatchSize;
        if (!gradients.IsEmpty)
            Extents.Require(nameof(gradients), gradients.Length, "layers and directions", _layers.Length);
        for (int i = 0; i < _layers.Length; i++)
            _layers[i].RequireRun(tape.Tapes[i], gradients.IsEmpty ? null : gradients[i]);
        bool isOneHot = tape.Tapes[0].IsOneHot;
        Extents.Require(nameof(options.OneHotInput), options.OneHotInput.Length, isOneHot ? "T×N" : "none, as the run", isOneHot ? T : 0, N);
        Extents.Require(nameof(input), input.Length, "T×N×I", T, N, isOneHot ? 0 : Stack.InputSize);
        Optional(nameof(outputGradient), outputGradient.Length, "T×N×D·H", T, N, Stack.OutputSize);
        Optional(nameof(options.Input), options.Input.Length, "T×N×I", T, N, isOneHot ? 0 : Stack.InputSize);
        int hidden = HiddenStart(_layers.Length), cells = CellStart(_layers.Length);
        Optional(nameof(options.FinalHidden), options.FinalHidden.Length, "N×(h of all layers)", N, hidden);
        Optional(nameof(options.InitialHidden), options.InitialHidden.Length, "N×(h of all layers)", N, hidden);
        Optional(nameof(options.FinalCell), options.FinalCell.Length, "N×(c of all layers)", N, cells);
        Optional(nameof(options.InitialCell), options.InitialCell.Length, "N×(c of all layers)", N, cells);
        if (!options.StateNorms.IsEmpty)
            throw new ArgumentException("State norms belong to single layers: ask a TrainingLayer for them.", nameof(options));
        if (options.Input.Overlaps(input) || options.Input.Overlaps(outputGradient))
            throw new ArgumentException("Input overlaps what the backward pass still reads. Use separate memory.", nameof(options));
    }

    private static void Optional(string name, int length, string what, params ReadOnlySpan<int> factors)
    {
        if (length != 0)
            Extents.Require(name, length, what, factors);
    }
}
