namespace FastRecurrence;

/// <summary>
/// A tape that keeps h and c before every so many steps instead of all that a step leaves: the backward pass runs each piece again, from the last to the first,
/// into a tape of that length. A third more work, and the memory of one piece.
/// </summary>
internal sealed class CheckpointTape : TrainingTape
{
    private readonly TrainingTape _piece;
    private readonly LayerState _state;
    private readonly float[] _hidden, _cell, _output;
    private readonly float[][] _gradients;
    private readonly int[] _lengths, _pieceLengths;
    private readonly double[] _norms;
    private readonly int _steps;
    private Direction _direction;
    private bool _isRagged;

    /// <param name="layer">The layer.</param>
    /// <param name="maxSteps">T at most.</param>
    /// <param name="steps">Steps of a piece.</param>
    /// <param name="piece">A tape for a piece.</param>
    /// <param name="team">Threads for the runs of the backward pass.</param>
    public CheckpointTape(TrainingLayer layer, int maxSteps, int steps, TrainingTape piece, WorkerTeam? team)
        : base(layer.Shape, maxSteps, piece.BatchSize)
    {
        (Layer, _piece, _steps) = (layer, piece, steps);
        int N = BatchSize, P = Shape.OutputSize, H = Shape.HasCellState ? Shape.HiddenSize : 0, pieces = (maxSteps - 1) / steps + 1;
        _state = layer.CreateState(N, team);
        _hidden = new float[Extents.Elements("h at every checkpoint", pieces, N, P)];
        _cell = new float[Extents.Elements("c at every checkpoint", pieces, N, H)];
        _output = new float[Extents.Elements("y of a piece", steps, N, P)];
        _gradients = [new float[N * P], new float[N * H]];
        (_lengths, _pieceLengths, _norms) = (new int[N], new int[N], new double[steps + 1]);
    }

    public override long Bytes => _piece.Bytes + sizeof(float) * ((long)_hidden.Length + _cell.Length + _output.Length);

    /// <summary>Runs piece by piece.</summary>
    /// <exception cref="NotSupportedException">The steps of a piece do not lie side by side.</exception>
    public void Run(LayerState state, int sequenceLength, ReadOnlySpan<float> input, Span<float> output, in SequenceOptions options)
    {
        CallArguments.RequireStateOf(Layer!.Layer, state);
        CallArguments.RequireSpans(Shape, sequenceLength, BatchSize, input, output, options);
        bool ragged = !options.Lengths.IsEmpty;
        if (options.Layout != SequenceLayout.TimeMajor || (ragged && (options.Direction == Direction.Reverse || options.Padding == Padding.Left)))
        {
            throw new NotSupportedException(
                "A tape with checkpoints is for time-major sequences; rows of different lengths run forward, "
                + "with the padding behind them. Create the tape without checkpointEvery for others.");
        }

        if (ragged)
            state.Lengths.Take(sequenceLength, BatchSize, options.Lengths).CopyTo(_lengths);
        if (!options.OneHotInput.IsEmpty)
            CallArguments.RequireOneHot(Layer.Layer, sequenceLength, BatchSize, options);
        Spend();
        (_isRagged, _direction) = (ragged, options.Direction);
        for (int i = 0; i * _steps < sequenceLength; i++)
        {
            Piece piece = At(i, sequenceLength);
            state.CopyHiddenTo(Part(_hidden, i));
            if (Shape.HasCellState)
                state.CopyCellTo(Part(_cell, i));
            Layer.Layer.Run(state, piece.Steps, piece.Of(input), piece.Of(output), Options(piece, options) with
            {
                Gates = piece.Of(options.Gates),
                Cells = piece.Of(options.Cells),
            });
        }
    }

    /// <summary>Goes back over a checked call.</summary>
    /// <param name="call">The call.</param>
    /// <param name="gradients">Those of the weights, or null.</param>
    public void Backward(in BackwardCall call, LayerGradients? gradients)
    {
        BackwardOptions options = call.Options;
        int T = SequenceLength, pieces = T == 0 ? 0 : (T - 1) / _steps + 1;
        options.StateNorms.Clear();
        Start(options.FinalHidden, _gradients[0]);
        Start(options.FinalCell, _gradients[1]);
        for (int i = pieces - 1; i >= 0; i--)
        {
            Piece piece = At(i, T);
            _state.SetHidden(Part(_hidden, i));
            if (Shape.HasCellState)
                _state.SetCell(Part(_cell, i));
            ReadOnlySpan<float> x = piece.Of(call.Input);
            Span<float> y = _output.AsSpan(0, piece.Steps * BatchSize * Shape.OutputSize);
            Layer!.Run(_state, _piece, piece.Steps, x, y, Options(piece, new SequenceOptions { OneHotInput = options.OneHotInput }));
            Span<double> pieceNorms = options.StateNorms.IsEmpty ? default : _norms.AsSpan(0, piece.Steps + 1);
            Layer.Backward(_piece, x, y, piece.Of(call.OutputGradient), gradients, new BackwardOptions
            {
                FinalHidden = _gradients[0],
                FinalCell = _gradients[1],
                InitialHidden = _gradients[0],
                InitialCell = _gradients[1],
                Input = piece.Of(options.Input),
                OneHotInput = piece.Of(options.OneHotInput),
                StateNorms = pieceNorms,
                Frozen = options.Frozen,
            });
            if (!pieceNorms.IsEmpty)
                pieceNorms[(i == 0 ? 0 : 1)..].CopyTo(options.StateNorms[(i * _steps + (i == 0 ? 0 : 1))..]);
        }

        if (!options.InitialHidden.IsEmpty)
            _gradients[0].CopyTo(options.InitialHidden);
        if (!options.InitialCell.IsEmpty)
            _gradients[1].CopyTo(options.InitialCell);
    }

    private protected override void DisposeCore()
    {
        _piece.Dispose();
        _state.Dispose();
    }

    private static void Start(ReadOnlySpan<float> final, float[] gradient)
    {
        if (final.IsEmpty)
            Array.Clear(gradient);
        else
            final.CopyTo(gradient);
    }

    private Piece At(int index, int sequenceLength)
    {
        int first = index * _steps, steps = Math.Min(_steps, sequenceLength - first);
        return new Piece(first, steps, _direction == Direction.Forward ? first : sequenceLength - first - steps, sequenceLength);
    }

    private Span<float> Part(float[] checkpoints, int index)
    {
        int width = BatchSize * (checkpoints == _hidden ? Shape.OutputSize : Shape.HiddenSize);
        return checkpoints.AsSpan(index * width, width);
    }

    private SequenceOptions Options(in Piece piece, in SequenceOptions options)
    {
        for (int n = 0; n < BatchSize && _isRagged; n++)
            _pieceLengths[n] = Math.Clamp(_lengths[n] - piece.First, 0, piece.Steps);
        return new SequenceOptions { Lengths = _isRagged ? _pieceLengths : default, Direction = _direction, OneHotInput = piece.Of(options.OneHotInput) };
    }

    /// <summary>Some steps of a run: the first of them, their number, and where they lie in a time-major sequence.</summary>
    private readonly struct Piece(int first, int steps, int place, int sequenceLength)
    {
        public int First { get; } = first;

        public int Steps { get; } = steps;

        /// <summary>These steps of a sequence; empty of an empty one.</summary>
        public ReadOnlySpan<T> Of<T>(ReadOnlySpan<T> all) => all.Slice(all.Length / sequenceLength * place, all.Length / sequenceLength * Steps);

        public Span<T> Of<T>(Span<T> all) => all.Slice(all.Length / sequenceLength * place, all.Length / sequenceLength * Steps);
    }
}
