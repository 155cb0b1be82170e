namespace FastRecurrence;

/// <summary>
/// Turns a ragged, reversed or batch-major sequence into a packed one and back: rows sorted by length, longest first, so
/// that rows leave the batch as they end and no kernel ever sees padding. One per state; its memory grows at the first
/// call and is kept, so that repeated calls allocate nothing.
/// </summary>
internal sealed class SequencePacker
{
    private long[] _sortKeys = [];
    private int[] _order = [], _lengths = [], _rowsPerStep = [];
    private float[] _input = [], _output = [], _gates = [], _cells = [], _before = [], _after = [];

    /// <summary>Runs a checked sequence through <paramref name="layer"/>.</summary>
    public void Run(RecurrentLayer layer, LayerState state, int T, ReadOnlySpan<float> input, Span<float> output, in SequenceOptions options)
    {
        LayerShape shape = layer.Shape;
        int N = state.BatchSize;
        bool ordered = Sort(T, N, options.Lengths);
        int steps = _lengths[0];
        if (!options.Lengths.IsEmpty)
        {
            output.Clear();
            options.Gates.Clear();
            options.Cells.Clear();
        }

        if (steps == 0)
            return;
        long rows = CountRows(steps, N);
        var walk = new Walk(T, N, options);
        Span<float> packedInput = Grown(ref _input, rows, shape.InputSize), packedOutput = Grown(ref _output, rows, shape.OutputSize);
        Span<float> packedGates = options.Gates.IsEmpty ? default : Grown(ref _gates, rows, shape.GateCount * shape.HiddenSize);
        Span<float> packedCells = options.Cells.IsEmpty ? default : Grown(ref _cells, rows, shape.HiddenSize);

        Gather(walk, input, packedInput, shape.InputSize);
        if (!ordered)
            Reorder(state, sorted: true);
        layer.RunPacked(state, new PackedSequence(steps, _rowsPerStep.AsSpan(0, steps), packedInput, packedOutput, packedGates, packedCells));
        if (!ordered)
            Reorder(state, sorted: false);

        Scatter(walk, packedOutput, output, shape.OutputSize);
        Scatter(walk, packedGates, options.Gates, shape.GateCount * shape.HiddenSize);
        Scatter(walk, packedCells, options.Cells, shape.HiddenSize);
    }

    /// <summary>Orders the rows by length, longest first, equal ones as they came; true when they lie so already.</summary>
    private bool Sort(int T, int N, ReadOnlySpan<int> lengths)
    {
        if (_order.Length < N)
            (_sortKeys, _order, _lengths) = (new long[N], new int[N], new int[N]);
        bool ordered = true;
        for (int n = 0; n < N; n++)
        {
            int length = lengths.IsEmpty ? T : lengths[n];
            _sortKeys[n] = ((long)(T - length) << 32) | (uint)n;
            ordered &= n == 0 || _sortKeys[n] > _sortKeys[n - 1];
        }

        Array.Sort(_sortKeys, 0, N);
        for (int i = 0; i < N; i++)
        {
            _order[i] = (int)_sortKeys[i];
            _lengths[i] = T - (int)(_sortKeys[i] >> 32);
        }

        return ordered;
    }

    private long CountRows(int steps, int N)
    {
        if (_rowsPerStep.Length < steps)
            _rowsPerStep = new int[steps];
        long rows = 0;
        int active = N;
        for (int step = 0; step < steps; step++)
        {
            while (_lengths[active - 1] <= step)
                active--;
            _rowsPerStep[step] = active;
            rows += active;
        }

        return rows;
    }

    private void Gather(in Walk walk, ReadOnlySpan<float> source, Span<float> packed, int width)
    {
        int at = 0;
        for (int step = 0; width > 0 && at < packed.Length; step++)
        {
            for (int i = 0; i < _rowsPerStep[step]; i++, at += width)
                source.Slice(walk.RowOf(_order[i], _lengths[i], step) * width, width).CopyTo(packed.Slice(at, width));
        }
    }

    private void Scatter(in Walk walk, ReadOnlySpan<float> packed, Span<float> destination, int width)
    {
        int at = 0;
        for (int step = 0; at < packed.Length; step++)
        {
            for (int i = 0; i < _rowsPerStep[step]; i++, at += width)
                packed.Slice(at, width).CopyTo(destination.Slice(walk.RowOf(_order[i], _lengths[i], step) * width, width));
        }
    }

    private void Reorder(LayerState state, bool sorted)
    {
        Reorder(state, cell: false, state.Layer.Shape.OutputSize, sorted);
        if (state.Layer.Shape.HasCellState)
            Reorder(state, cell: true, state.Layer.Shape.HiddenSize, sorted);
    }

    private void Reorder(LayerState state, bool cell, int width, bool sorted)
    {
        int N = state.BatchSize;
        Span<float> before = Grown(ref _before, N, width), after = Grown(ref _after, N, width);
        state.CopyRaw(cell, before);
        for (int i = 0; i < N; i++)
        {
            (int from, int to) = sorted ? (_order[i], i) : (i, _order[i]);
            before.Slice(from * width, width).CopyTo(after.Slice(to * width, width));
        }

        state.SetRaw(cell, after);
    }

    private static Span<float> Grown(ref float[] memory, long rows, int width)
    {
        long length = rows * width;
        if (memory.Length < length)
            memory = new float[length];
        return memory.AsSpan(0, (int)length);
    }

    /// <summary>Where a row's s-th walked step lies in the caller's memory, counted in rows.</summary>
    private readonly struct Walk(int T, int N, in SequenceOptions options)
    {
        private readonly bool _reverse = options.Direction == Direction.Reverse, _left = options.Padding == Padding.Left;
        private readonly bool _timeMajor = options.Layout == SequenceLayout.TimeMajor;

        public int RowOf(int n, int length, int step)
        {
            int t = (_left ? T - length : 0) + (_reverse ? length - 1 - step : step);
            return _timeMajor ? t * N + n : n * T + t;
        }
    }
}
