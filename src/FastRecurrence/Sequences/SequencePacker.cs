namespace FastRecurrence;

/// <summary>
/// Runs a ragged, reversed or batch-major sequence: in place where the layer can, else through packed copies. One per
/// state; its memory grows at the first call and is kept, so that repeated calls allocate nothing.
/// </summary>
internal sealed class SequencePacker
{
    private readonly SequenceOrder _order = new();
    private float[] _input = [], _output = [], _gates = [], _cells = [], _hidden = [], _cell = [], _sorted = [], _unsorted = [];

    /// <summary>Runs a checked sequence through <paramref name="layer"/>.</summary>
    public void Run(RecurrentLayer layer, LayerState state, int T, ReadOnlySpan<float> input, Span<float> output, int outputStride, in SequenceOptions options)
    {
        LayerShape shape = layer.Shape;
        int N = state.BatchSize, gateWidth = shape.GateCount * shape.HiddenSize;
        SequenceOrder.ClearPadding(T, N, options, output, shape.OutputSize, outputStride);
        SequenceOrder.ClearPadding(T, N, options, options.Gates, gateWidth, gateWidth);
        SequenceOrder.ClearPadding(T, N, options, options.Cells, shape.HiddenSize, shape.HiddenSize);
        _order.Arrange(T, N, options);
        if (_order.Steps == 0)
            return;
        if (!layer.RunsInPlace)
        {
            RunPacked(layer, state, input, output, outputStride, options);
            return;
        }

        layer.RunSorted(state, new SortedSequence
        {
            Steps = _order.Steps,
            RowsPerStep = _order.RowsPerStep,
            Places = _order.Places,
            PlaceStep = _order.PlaceStep,
            Order = _order.Order,
            Input = input,
            OneHotInput = options.OneHotInput,
            OutputStride = outputStride,
            Output = output,
            Gates = options.Gates,
            Cells = options.Cells,
            Tape = options.Tape,
        });
    }

    private void RunPacked(RecurrentLayer layer, LayerState state, ReadOnlySpan<float> input, Span<float> output, int outputStride, in SequenceOptions options)
    {
        LayerShape shape = layer.Shape;
        int gateWidth = shape.GateCount * shape.HiddenSize;
        long rows = 0;
        foreach (int active in _order.RowsPerStep)
            rows += active;
        Span<float> packedInput = Grown(ref _input, rows, shape.InputSize), packedOutput = Grown(ref _output, rows, shape.OutputSize);
        Span<float> packedGates = options.Gates.IsEmpty ? default : Grown(ref _gates, rows, gateWidth);
        Span<float> packedCells = options.Cells.IsEmpty ? default : Grown(ref _cells, rows, shape.HiddenSize);

        Gather(input, packedInput, shape.InputSize);
        var packed = new SortedSequence
        {
            Steps = _order.Steps,
            RowsPerStep = _order.RowsPerStep,
            Input = packedInput,
            OutputStride = shape.OutputSize,
            Output = packedOutput,
            Gates = packedGates,
            Cells = packedCells,
        };
        if (_order.IsIdentity)
            layer.RunSorted(state, packed);
        else
            RunReordered(layer, state, packed);
        Scatter(packedOutput, output, shape.OutputSize, outputStride);
        Scatter(packedGates, options.Gates, gateWidth, gateWidth);
        Scatter(packedCells, options.Cells, shape.HiddenSize, shape.HiddenSize);
    }

    /// <summary>
    /// Runs with the state's rows in the order of the sequence, and sorts them back. When anything fails, the state gets the rows that it had before
    /// the call: left in the sequence's order, it would go on with the rows of other streams.
    /// </summary>
    private void RunReordered(RecurrentLayer layer, LayerState state, in SortedSequence packed)
    {
        LayerShape shape = layer.Shape;
        int N = state.BatchSize;
        Span<float> hidden = Grown(ref _hidden, N, shape.OutputSize), cell = shape.HasCellState ? Grown(ref _cell, N, shape.HiddenSize) : default;
        state.CopyRaw(cell: false, hidden);
        if (shape.HasCellState)
            state.CopyRaw(cell: true, cell);
        try
        {
            Sort(state, cell: false, hidden, shape.OutputSize);
            if (shape.HasCellState)
                Sort(state, cell: true, cell, shape.HiddenSize);
            layer.RunSorted(state, packed);
            SortBack(state, cell: false, N, shape.OutputSize);
            if (shape.HasCellState)
                SortBack(state, cell: true, N, shape.HiddenSize);
        }
        catch
        {
            PutBack(state, hidden, cell);
            throw;
        }
    }

    /// <summary>What failed is told, not that the device could not take the state back after it; but such a state says so itself.</summary>
    private static void PutBack(LayerState state, ReadOnlySpan<float> hidden, ReadOnlySpan<float> cell)
    {
        try
        {
            state.SetRaw(cell: false, hidden);
            if (!cell.IsEmpty)
                state.SetRaw(cell: true, cell);
        }
        catch (Exception)
        {
            state.IsLost = true;
        }
    }

    private void Sort(LayerState state, bool cell, ReadOnlySpan<float> rows, int width)
    {
        Span<float> sorted = Grown(ref _sorted, state.BatchSize, width);
        for (int i = 0; i < state.BatchSize; i++)
            rows.Slice(_order.Order[i] * width, width).CopyTo(sorted[(i * width)..]);
        state.SetRaw(cell, sorted);
    }

    private void SortBack(LayerState state, bool cell, int N, int width)
    {
        Span<float> sorted = Grown(ref _sorted, N, width), rows = Grown(ref _unsorted, N, width);
        state.CopyRaw(cell, sorted);
        for (int i = 0; i < N; i++)
            sorted.Slice(i * width, width).CopyTo(rows[(_order.Order[i] * width)..]);
        state.SetRaw(cell, rows);
    }

    private void Gather(ReadOnlySpan<float> source, Span<float> packed, int width)
    {
        ReadOnlySpan<int> places = _order.Places, rowsPerStep = _order.RowsPerStep;
        for (int step = 0, at = 0; step < rowsPerStep.Length; step++)
        {
            for (int i = 0; i < rowsPerStep[step]; i++, at += width)
                source.Slice((places[i] + step * _order.PlaceStep) * width, width).CopyTo(packed.Slice(at, width));
        }
    }

    private void Scatter(ReadOnlySpan<float> packed, Span<float> destination, int width, int stride)
    {
        ReadOnlySpan<int> places = _order.Places, rowsPerStep = _order.RowsPerStep;
        for (int step = 0, at = 0; at < packed.Length; step++)
        {
            for (int i = 0; i < rowsPerStep[step]; i++, at += width)
                packed.Slice(at, width).CopyTo(destination.Slice((places[i] + step * _order.PlaceStep) * stride, width));
        }
    }

    private static Span<float> Grown(ref float[] memory, long rows, int width)
    {
        long length = rows * width;
        if (memory.Length < length)
            memory = new float[length];
        return memory.AsSpan(0, (int)length);
    }
}
