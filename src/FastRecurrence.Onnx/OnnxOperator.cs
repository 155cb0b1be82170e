using System.Globalization;
using FastRecurrence.Onnx.Operators;

namespace FastRecurrence.Onnx;

/// <summary>
/// A recurrent node on a backend, with ONNX' own conventions: Y <c>[T, D, N, H]</c> with directions apart (layout 1:
/// <c>[N, T, D, H]</c>), states <c>[D, N, H]</c> (layout 1: <c>[N, D, H]</c>), and a row of length 0 ends with a zero state
/// even where an initial one was given. One call at a time.
/// </summary>
public sealed class OnnxOperator : IDisposable
{
    private readonly RecurrentOperator _meaning;
    private readonly RecurrentLayer[] _layers;
    private readonly RowLengths _lengths = new();
    private LayerState[] _states = [];
    private float[] _output = [], _part = [];

    internal OnnxOperator(Backend backend, RecurrentOperator meaning, IReadOnlyList<LayerWeights> weights)
    {
        ArgumentNullException.ThrowIfNull(backend);
        _meaning = meaning;
        _layers = new RecurrentLayer[weights.Count];
        try
        {
            for (int d = 0; d < _layers.Length; d++)
                _layers[d] = backend.Prepare(weights[d]);
        }
        catch
        {
            foreach (RecurrentLayer? layer in _layers)
                layer?.Dispose();
            throw;
        }
    }

    private int D => _layers.Length;

    private int H => _meaning.Shapes[0].HiddenSize;

    private bool HasCell => _meaning.Shapes[0].HasCellState;

    /// <summary>Runs the node.</summary>
    /// <param name="inputs">X, its sizes, and what may be left out.</param>
    /// <param name="outputs">Where the wanted outputs go. Y_h may be initial_h and Y_c initial_c; other spans must not overlap.</param>
    /// <exception cref="ArgumentException">A length does not fit; nothing is written.</exception>
    public void Run(OnnxInputs inputs, OnnxOutputs outputs)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(inputs.SequenceLength, "sequenceLength");
        ArgumentOutOfRangeException.ThrowIfNegative(inputs.BatchSize, "batchSize");
        (int T, int N) = (inputs.SequenceLength, inputs.BatchSize);
        ReadOnlySpan<float> x = inputs.X, initialHidden = inputs.InitialHidden, initialCell = inputs.InitialCell;
        ReadOnlySpan<int> lengths = inputs.Lengths;
        Span<float> y = outputs.Y, lastHidden = outputs.LastHidden, lastCell = outputs.LastCell;
        int stateCount = Extents.Elements("states", D, N, H), outputCount = Extents.Elements("Y", T, D, N, H);
        Optional(nameof(initialHidden), initialHidden.Length, stateCount);
        Optional(nameof(initialCell), initialCell.Length, stateCount);
        Optional(nameof(lastHidden), lastHidden.Length, stateCount);
        Optional(nameof(lastCell), lastCell.Length, stateCount);
        Optional(nameof(y), y.Length, outputCount);
        if (!HasCell && (!initialCell.IsEmpty || !lastCell.IsEmpty))
            throw new ArgumentException($"{_meaning.Name} has no cell state.", initialCell.IsEmpty ? nameof(lastCell) : nameof(initialCell));
        Extents.Require(nameof(x), x.Length, "T×N×I", T, N, _meaning.Shapes[0].InputSize);
        lengths = _lengths.Take(T, N, lengths);
        if (N == 0)
            return;

        Ready(T, N);
        for (int d = 0; d < D; d++)
        {
            LayerState state = _states[d];
            state.Reset();
            if (!initialHidden.IsEmpty)
                state.SetHidden(Take(initialHidden, d, N));
            if (!initialCell.IsEmpty)
                state.SetCell(Take(initialCell, d, N));
            Span<float> output = _output.AsSpan(0, T * N * H);
            _layers[d].Run(state, T, x, output, new SequenceOptions
            {
                Lengths = lengths,
                Direction = _meaning.DirectionOf(d),
                Layout = _meaning.IsBatchMajor ? SequenceLayout.BatchMajor : SequenceLayout.TimeMajor,
            });
            if (!y.IsEmpty)
                Spread(output, d, T, N, y);
            Finish(state, cell: false, d, T, N, lengths, lastHidden);
            if (HasCell)
                Finish(state, cell: true, d, T, N, lengths, lastCell);
        }
    }

    /// <summary>Gives the layers' memory back.</summary>
    public void Dispose()
    {
        foreach (LayerState state in _states)
            state.Dispose();
        foreach (RecurrentLayer layer in _layers)
            layer.Dispose();
    }

    private void Ready(int T, int N)
    {
        if (_states.Length == 0 || _states[0].BatchSize != N)
        {
            LayerState[] old = _states;
            _states = []; // a failure below must not leave disposed states for the next call
            foreach (LayerState state in old)
                state.Dispose();
            _states = CreateStates(N);
        }

        if (_output.Length < T * N * H)
            _output = new float[T * N * H];
        if (_part.Length < N * H)
            _part = new float[N * H];
    }

    private LayerState[] CreateStates(int N)
    {
        var states = new List<LayerState>();
        try
        {
            foreach (RecurrentLayer layer in _layers)
                states.Add(layer.CreateState(N));
            return [.. states];
        }
        catch
        {
            states.ForEach(state => state.Dispose());
            throw;
        }
    }

    /// <summary>One direction of a state in ONNX' layout, as <c>[N, H]</c>.</summary>
    private Span<float> Take(ReadOnlySpan<float> all, int d, int N)
    {
        Span<float> part = _part.AsSpan(0, N * H);
        for (int n = 0; n < N; n++)
            all.Slice(StateRow(d, n, N) * H, H).CopyTo(part[(n * H)..]);
        return part;
    }

    /// <summary>The last state of one direction into ONNX' layout; zero for a row without steps.</summary>
    private void Finish(LayerState state, bool cell, int d, int T, int N, ReadOnlySpan<int> lengths, Span<float> all)
    {
        if (all.IsEmpty)
            return;
        Span<float> part = _part.AsSpan(0, N * H);
        if (cell)
            state.CopyCellTo(part);
        else
            state.CopyHiddenTo(part);
        for (int n = 0; n < N; n++)
        {
            Span<float> row = all.Slice(StateRow(d, n, N) * H, H);
            if (T == 0 || !lengths.IsEmpty && lengths[n] == 0)
                row.Clear();
            else
                part.Slice(n * H, H).CopyTo(row);
        }
    }

    /// <summary>One direction's output into Y.</summary>
    private void Spread(ReadOnlySpan<float> output, int d, int T, int N, Span<float> y)
    {
        for (int row = 0; row < T * N; row++)
        {
            int to = _meaning.IsBatchMajor ? row * D + d : row / N * D * N + d * N + row % N;
            output.Slice(row * H, H).CopyTo(y.Slice(to * H, H));
        }
    }

    private int StateRow(int d, int n, int N) => _meaning.IsBatchMajor ? n * D + d : d * N + n;

    private static void Optional(string what, int length, int expected)
    {
        if (length != 0 && length != expected)
            throw new ArgumentException(string.Create(CultureInfo.InvariantCulture, $"{what} has {length} values, expected {expected}, or none."), what);
    }
}
