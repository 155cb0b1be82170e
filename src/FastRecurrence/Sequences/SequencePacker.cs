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

    /// <summary>What a part of a sequence may take in packed form, input and output together: a share of a second-level cache.</summary>
    private const int PartBytes = 256 << 10;

    /// <summary>Rows of a part at least: as many as the SIMD kernels multiply ahead of the recurrence.</summary>
    private const int PartRows = 192;

    /// <summary>Runs a checked sequence through <paramref name="layer"/>.</summary>
    public void Run(RecurrentLayer layer, LayerState state, int T, ReadOnlySpan<float> input, Span<float> output, in SequenceOptions options)
    {
        LayerShape shape = layer.Shape;
        int N = state.BatchSize, I = shape.InputSize, P = shape.OutputSize, gateWidth = shape.GateCount * shape.HiddenSize;
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
        CountRows(steps, N);
        var walk = new Walk(T, N, options);

        if (!ordered)
            Reorder(state, sorted: true);
        long atOnce = InParts(layer.Backend) ? Math.Max(PartRows, PartBytes / (sizeof(float) * (I + P))) : long.MaxValue;
        for (int first = 0; first < steps;)
        {
            int count = 0;
            long rows = 0;
            while (first + count < steps && (count == 0 || rows + _rowsPerStep[first + count] <= atOnce))
                rows += _rowsPerStep[first + count++];
            Span<float> packedInput = Grown(ref _input, rows, I), packedOutput = Grown(ref _output, rows, P);
            Span<float> packedGates = options.Gates.IsEmpty ? default : Grown(ref _gates, rows, gateWidth);
            Span<float> packedCells = options.Cells.IsEmpty ? default : Grown(ref _cells, rows, shape.HiddenSize);
            Gather(walk, first, input, packedInput, I);
            layer.RunPacked(state, new PackedSequence(count, _rowsPerStep.AsSpan(first, count), packedInput, packedOutput, packedGates, packedCells));
            Scatter(walk, first, packedOutput, output, P);
            Scatter(walk, first, packedGates, options.Gates, gateWidth);
            Scatter(walk, first, packedCells, options.Cells, shape.HiddenSize);
            first += count;
        }

        if (!ordered)
            Reorder(state, sorted: false);
    }

    /// <summary>
    /// Whether the packed copies shall stay in the cache, part by part: that has the same bits where h is kept as float.
    /// The reference keeps it as double within a call, and a device pays for every call.
    /// </summary>
    private static bool InParts(Backend backend) => backend != Backend.Reference && Backend.All.Contains(backend);

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

    private void CountRows(int steps, int N)
    {
        if (_rowsPerStep.Length < steps)
            _rowsPerStep = new int[steps];
        int active = N;
        for (int step = 0; step < steps; step++)
        {
            while (_lengths[active - 1] <= step)
                active--;
            _rowsPerStep[step] = active;
        }
    }

    private void Gather(in Walk walk, int first, ReadOnlySpan<float> source, Span<float> packed, int width)
    {
        int at = 0;
        for (int step = first; width > 0 && at < packed.Length; step++)
        {
            for (int i = 0; i < _rowsPerStep[step]; i++, at += width)
                source.Slice(walk.RowOf(_order[i], _lengths[i], step) * width, width).CopyTo(packed.Slice(at, width));
        }
    }

    private void Scatter(in Walk walk, int first, ReadOnlySpan<float> packed, Span<float> destination, int width)
    {
        int at = 0;
        for (int step = first; at < packed.Length; step++)
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
