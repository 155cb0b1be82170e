namespace FastRecurrence.Streams;

/// <summary>
/// A state for each stream, where the backend cannot pick rows in place: on a device the states stay there, and a call goes through them one after the
/// other. So a stream has the bits that it has alone also where a kernel's bits depend on the batch.
/// </summary>
internal sealed class SeparateStore : StreamStore
{
    private readonly RecurrentStack _stack;

    public SeparateStore(RecurrentStack stack, WorkerTeam? team)
    {
        stack.CreateState(1, team).Dispose(); // refuses a team
        _stack = stack;
    }

    public override int MostStreams => int.MaxValue;

    public override StreamCall CreateCall() => new() { Layers = [] };

    public override void Grow(int capacity)
    {
    }

    public override void Open(int slot, ref StreamSlot stream) => stream.Home = _stack.CreateState(1);

    public override void Fork(int from, in StreamSlot source, int slot, ref StreamSlot stream) => stream.Home = ((StackState)source.Home!).Fork();

    public override void Close(object home) => ((StackState)home).Dispose();

    public override void Reset(int slot, in StreamSlot stream) => ((StackState)stream.Home!).Reset();

    public override void Save(StreamCall call, int slot, in StreamSlot stream, Span<byte> destination) => ((StackState)stream.Home!).Save(destination);

    public override void Restore(StreamCall call, int slot, in StreamSlot stream, ReadOnlySpan<byte> source) => ((StackState)stream.Home!).Restore(source);

    public override void Run(StreamCall call, StreamSlots slots, int T, ReadOnlySpan<int> lengths, ReadOnlySpan<float> input, Span<float> output)
    {
        int N = call.Count, I = _stack.InputSize, H = _stack.OutputSize;
        SequenceOrder.ClearPadding(T, N, new SequenceOptions { Lengths = lengths }, output, H, H);
        for (int i = 0; i < N; i++)
        {
            var state = (StackState)slots[call.Slots[i]].Home!;
            int steps = lengths.IsEmpty ? T : lengths[i];
            if (T == 1 || N == 1)
            {
                _stack.Run(state, steps, input.Slice(i * I, steps * I), output.Slice(i * H, steps * H));
                continue;
            }

            Span<float> x = call.Input(steps * I), y = call.Output(steps * H);
            for (int t = 0; t < steps; t++)
                input.Slice((t * N + i) * I, I).CopyTo(x[(t * I)..]);
            _stack.Run(state, steps, x, y);
            for (int t = 0; t < steps; t++)
                y.Slice(t * H, H).CopyTo(output[((t * N + i) * H)..]);
        }
    }
}
