namespace FastRecurrence;

/// <summary>
/// Runs a ragged, reversed or batch-major sequence: in place where the layer can, else through packed copies. One per
/// state; its memory grows at the first call and is kept, so that repeated calls allocate nothing.
/// </summary>
internal sealed class SequencePacker
{
    private readonly SequenceOrder _order = new();
    private float[] _input = [], _output = [], _gates = [], _cells = [], _before = [], _after = [];

    /// <summary>Runs a checked sequence through <paramref name="layer"/>.</summary>
    public void Run(RecurrentLayer layer, LayerState state, int T, ReadOnlySpan<float> input, Span<float> output, in SequenceOptions options)
    {
        LayerShape shape = layer.Shape;
        int N = state.BatchSize, gateWidth = shape.GateCount * shape.HiddenSize;
        SequenceOrder.ClearPadding(T, N, options, output, shape.OutputSize);
        SequenceOrder.ClearPadding(T, N, options, options.Gates, gateWidth);
        SequenceOrder.ClearPadding(T, N, options, options.Cells, shape.HiddenSize);
        _order.Arrange(T, N, options);
        if (_order.Steps == 0)
            return;
        if (!layer.RunsInPlace)
        {
            RunPacked(layer, state, input, output, options);
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
            Output = output,
            Gates = options.Gates,
            Cells = options.Cells,
        });
    }

    private void RunPacked(RecurrentLayer layer, LayerState state, ReadOnlySpan<float> input, Span<float> output, in SequenceOptions options)
    {
        LayerShape shape = layer.Shape;
        int gateWidth = shape.GateCount * shape.HiddenSize;
        long rows = 0;
        foreach (int active in _order.RowsPerStep)
            rows += active;
        Span<float> packedInput = Grown(ref _input, rows, shape.InputSize), packedOutput = Grown(ref _output, rows, shape.OutputSize);
        Span<float> packedGates = options.Gates.IsEmpty ? default : Grown(ref _gates, rows, gateWidth);
        Span<float> packedCells = options.Cells.IsEmpty ? default : Grown(ref _cells, rows, shape.HiddenSize);

        if (!_order.IsIdentity)
            Reorder(state, sorted: true);
        Gather(input, packedInput, shape.InputSize);
        layer.RunSorted(state, new SortedSequence
        {
            Steps = _order.Steps,
            RowsPerStep = _order.RowsPerStep,
            Input = packedInput,
            Output = packedOutput,
            Gates = packedGates,
            Cells = packedCells,
        });
        Scatter(packedOutput, output, shape.OutputSize);
        Scatter(packedGates, options.Gates, gateWidth);
        Scatter(packedCells, options.Cells, shape.HiddenSize);
        if (!_order.IsIdentity)
            Reorder(state, sorted: false);
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

    private void Scatter(ReadOnlySpan<float> packed, Span<float> destination, int width)
    {
        ReadOnlySpan<int> places = _order.Places, rowsPerStep = _order.RowsPerStep;
        for (int step = 0, at = 0; at < packed.Length; step++)
        {
            for (int i = 0; i < rowsPerStep[step]; i++, at += width)
                packed.Slice(at, width).CopyTo(destination.Slice((places[i] + step * _order.PlaceStep) * width, width));
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
            (int from, int to) = sorted ? (_order.Order[i], i) : (i, _order.Order[i]);
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
}
