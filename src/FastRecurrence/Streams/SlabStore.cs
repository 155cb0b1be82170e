using FastRecurrence.Layout;

namespace FastRecurrence.Streams;

/// <summary>
/// All states of a stream in one row of a slab: of each layer h and then c, each on a 64-byte boundary. A call's rows are picked where they lie. A slab is
/// never enlarged: a larger one takes its place for streams that open, the others stay where they are until their next call moves their row, and the
/// old slab goes with the last of them. A stream has the same row number in every slab.
/// </summary>
internal sealed unsafe class SlabStore : StreamStore
{
    private const int LineFloats = 16;
    private readonly RecurrentStack _stack;
    private readonly WorkerTeam? _team;
    private readonly int[] _hidden, _cell;
    private readonly int _rowFloats;
    private readonly bool _rowByRow;
    private StreamCall? _first;
    private Slab _slab;

    public SlabStore(RecurrentStack stack, LayerRows[] layers, WorkerTeam? team, int capacity)
    {
        (_stack, _team) = (stack, team);
        _first = new StreamCall { Layers = layers };
        _rowByRow = Array.Exists(layers, layer => layer.MostRows == 1);
        (_hidden, _cell) = (new int[layers.Length], new int[layers.Length]);
        long at = 0;
        for (int k = 0; k < layers.Length; k++)
        {
            _hidden[k] = checked((int)at);
            at += Lines(layers[k].HiddenWidth);
            _cell[k] = checked((int)at);
            at += Lines(layers[k].CellWidth);
        }

        // An odd number of cache lines: rows whose starts differ by a power of two would fall into a few sets of the cache.
        _rowFloats = checked((int)(at / LineFloats % 2 == 0 ? at + LineFloats : at));
        _slab = new Slab(capacity, _rowFloats);
    }

    public override int MostStreams => (Array.MaxLength - LineFloats) / _rowFloats;

    public override object Home => Volatile.Read(ref _slab);

    public override bool GainsByBatches => !_rowByRow;

    public override StreamCall CreateCall() =>
        Interlocked.Exchange(ref _first, null) ?? new StreamCall { Layers = [.. _stack.Prepared.Select(layer => layer.CreateRows(_team)!)] };

    public override void Grow(int capacity) => Volatile.Write(ref _slab, new Slab(capacity, _rowFloats));

    public override void Open(int slot, ref StreamSlot stream)
    {
        var slab = (Slab)Home;
        slab.Row(slot).Clear();
        stream.Home = slab;
    }

    public override void Fork(int from, in StreamSlot source, int slot, ref StreamSlot stream)
    {
        var slab = (Slab)Home;
        ((Slab)source.Home!).Row(from).CopyTo(slab.Row(slot));
        stream.Home = slab;
    }

    public override void Close(object home)
    {
    }

    public override void Reset(int slot, in StreamSlot stream) => ((Slab)stream.Home!).Row(slot).Clear();

    public override void Save(StreamCall call, int slot, in StreamSlot stream, Span<byte> destination) =>
        StateBytes.Write(_stack, 1, new Parts(this, (Slab)stream.Home!, slot), destination, ref call.Scratch);

    public override void Restore(StreamCall call, int slot, in StreamSlot stream, ReadOnlySpan<byte> source) =>
        StateBytes.Read(_stack, 1, new Parts(this, (Slab)stream.Home!, slot), source, ref call.Scratch);

    public override void Run(StreamCall call, StreamSlots slots, int T, ReadOnlySpan<int> lengths, ReadOnlySpan<float> input, Span<float> output)
    {
        var slab = (Slab)call.Home!;
        int N = call.Count;
        for (int k = 0; k < call.Layers.Length - 1; k++)
        {
            if ((long)T * N * call.Layers[k].HiddenWidth > Array.MaxLength)
            {
                Extents.Elements(FormattableString.Invariant($"The output of layer {k} (T×n×width)"), "sequenceLength", T, N,
                    call.Layers[k].HiddenWidth); // refuses
            }
        }

        foreach (int slot in call.Slots)
            slab.Take(slot, ref slots[slot]);
        if (lengths.IsEmpty && !_rowByRow)
        {
            RunLayers(call, slab, N, T * N, new SortedSequence { Steps = T, Order = call.Slots, Input = input, OutputStride = 0, Output = output });
            return;
        }

        var options = new SequenceOptions { Lengths = lengths };
        SequenceOrder.ClearPadding(T, N, options, output, _stack.OutputSize, _stack.OutputSize);
        if (_rowByRow)
            RunRowByRow(call, slab, T, lengths, input, output);
        else
            RunRagged(call, slab, T, options, input, output);
        GC.KeepAlive(slab);
    }

    private void RunRagged(StreamCall call, Slab slab, int T, in SequenceOptions options, ReadOnlySpan<float> input, Span<float> output)
    {
        call.Order.Arrange(T, call.Count, options);
        if (call.Order.Steps == 0)
            return;
        ReadOnlySpan<int> order = call.Order.Order, slots = call.Slots;
        Span<int> ordered = call.Ordered;
        for (int i = 0; i < order.Length; i++)
            ordered[i] = slots[order[i]];
        RunLayers(call, slab, call.Count, T * call.Count, new SortedSequence
        {
            Steps = call.Order.Steps,
            RowsPerStep = call.Order.RowsPerStep,
            Places = call.Order.Places,
            PlaceStep = call.Order.PlaceStep,
            Order = ordered,
            Input = input,
            OutputStride = 0,
            Output = output,
        });
    }

    /// <summary>Weights in a narrow format serve one row at a time.</summary>
    private void RunRowByRow(StreamCall call, Slab slab, int T, ReadOnlySpan<int> lengths, ReadOnlySpan<float> input, Span<float> output)
    {
        int N = call.Count;
        for (int i = 0; i < N; i++)
        {
            int steps = lengths.IsEmpty ? T : lengths[i];
            if (steps == 0)
                continue;
            RunLayers(call, slab, 1, T * N, new SortedSequence
            {
                Steps = steps,
                Places = [i],
                PlaceStep = N,
                Order = call.Slots.Slice(i, 1),
                Input = input,
                OutputStride = 0,
                Output = output,
            });
        }
    }

    /// <summary>One layer after the other; <paramref name="places"/> counts the rows of x and y, those of padding too.</summary>
    private void RunLayers(StreamCall call, Slab slab, int rows, int places, in SortedSequence sequence)
    {
        ReadOnlySpan<float> from = sequence.Input;
        for (int k = 0; k < call.Layers.Length; k++)
        {
            LayerRows layer = call.Layers[k];
            int width = layer.HiddenWidth;
            Span<float> to = k == call.Layers.Length - 1 ? sequence.Output : call.Between(k, places * width);
            layer.Run(slab.Start + _hidden[k], slab.Start + _cell[k], _rowFloats, rows, new SortedSequence
            {
                Steps = sequence.Steps,
                RowsPerStep = sequence.RowsPerStep,
                Places = sequence.Places,
                PlaceStep = sequence.PlaceStep,
                Order = sequence.Order,
                Input = from,
                OutputStride = width,
                Output = to,
            });
            from = to;
        }

        GC.KeepAlive(slab);
    }

    private static int Lines(int floats) => (floats + LineFloats - 1) / LineFloats * LineFloats;

    /// <summary>Memory of the states of so many streams; rows are cleared when a stream takes them.</summary>
    private sealed class Slab(int capacity, int rowFloats)
    {
        private readonly AlignedBuffer _memory = AlignedBuffer.Unzeroed("states of streams", capacity, rowFloats);

        public float* Start => _memory.Pointer;

        public Span<float> Row(int slot) => _memory.Span.Slice(slot * rowFloats, rowFloats);

        /// <summary>Moves a stream's row here, if it is elsewhere.</summary>
        public void Take(int slot, ref StreamSlot stream)
        {
            if (ReferenceEquals(stream.Home, this))
                return;
            ((Slab)stream.Home!).Row(slot).CopyTo(Row(slot));
            stream.Home = this;
        }
    }

    /// <summary>h and c of one row.</summary>
    private readonly struct Parts(SlabStore store, Slab slab, int slot) : IStateParts
    {
        public void Copy(int index, bool cell, Span<float> destination) => Part(index, cell, destination.Length).CopyTo(destination);

        public void Set(int index, bool cell, ReadOnlySpan<float> source) => source.CopyTo(Part(index, cell, source.Length));

        private Span<float> Part(int index, bool cell, int length) => slab.Row(slot).Slice((cell ? store._cell : store._hidden)[index], length);
    }
}
