namespace FastRecurrence.Tests.Faults;

/// <content>Calls that are refused: a table of them, each with outputs that must stay as they are.</content>
internal sealed partial class ApiWorld
{
    private void Refuse()
    {
        Refusals++;
        int T = _random.Next(1, 5), rows = T * _n, I = _shape.InputSize, P = _shape.OutputSize, H = _shape.HiddenSize, wrong = _random.Next(1, 4);
        LayerState state = _states[_random.Next(2)];
        float[] x = Values(rows * I), y = Sevens(rows * P), spare = Sevens(rows * P + wrong), shared = Sevens(rows * (I + P) + 1);
        float[] wide = Sevens(_n * P + wrong);
        float[] stackX = Values(rows * _stack.InputSize), stackY = Sevens(rows * _stack.OutputSize);
        int[] badLengths = [.. Enumerable.Repeat(T, Math.Max(_n, 1))];
        badLengths[_random.Next(badLengths.Length)] = _random.Next(2) == 0 ? -wrong : T + wrong;
        int badIndex = _random.Next(2) == 0 ? -wrong : _stack.StateCount - 1 + wrong;

        List<(string Name, Action Call)> calls =
        [
            ("input too long", () => _layer.Run(state, T, new float[x.Length + wrong], y)),
            ("output too long", () => _layer.Run(state, T, x, spare)),
            ("gates of a wrong length", () => _layer.Run(state, T, x, y, new float[rows * _shape.GateCount * H + wrong])),
            ("cells of a wrong length, or of a cell without", () => _layer.Run(state, T, x, y, new SequenceOptions { Cells = new float[rows * H + wrong] })),
            ("steps below 0", () => _layer.Run(state, -wrong, x, y)),
            ("state of the twin", () => _layer.Run(_twinState, T, x, y)),
            ("no state", () => _layer.Run(null!, T, x, y)),
            ("lengths of a wrong number", () => _layer.Run(state, T, x, y, new SequenceOptions { Lengths = new int[_n + wrong] })),
            ("a length out of range", () => _layer.Run(state, T, x, y, new SequenceOptions { Lengths = badLengths })),
            ("no such direction", () => _layer.Run(state, T, x, y, new SequenceOptions { Direction = (Direction)(1 + wrong) })),
            ("no such padding", () => _layer.Run(state, T, x, y, new SequenceOptions { Padding = (Padding)(-wrong) })),
            ("no such layout", () => _layer.Run(state, T, x, y, new SequenceOptions { Layout = (SequenceLayout)(1 + wrong) })),
            ("h of a wrong length", () => state.SetHidden(new float[_n * P + wrong])),
            ("c of a wrong length, or of a cell without", () => state.SetCell(new float[_n * H + wrong])),
            ("h into a wrong length", () => state.CopyHiddenTo(wide)),
            ("a batch below 0", () => _layer.CreateState(-wrong)),
            ("a batch beyond arrays", () => _layer.CreateState(int.MaxValue)),
            ("a mask of a wrong length", () => MaskedSequence.Run(_layer, state, T, x, new bool[rows + wrong], y)),
            ("no such masked output", () => MaskedSequence.Run(_layer, state, T, x, new bool[rows], y, masked: (MaskedOutput)(1 + wrong))),
            ("no such format", () => _backend.Prepare(_weights, (WeightFormat)(2 + wrong))),
            ("hidden of half a row", () => _output.Run(new float[_output.HiddenSize * 2 + 1], new float[_output.OutputSize * 2])),
            ("y too long", () => _output.Run(new float[_output.HiddenSize], new float[_output.OutputSize + wrong])),
            ("W_y too long", () => _ = new OutputLayer(_backend, 3, 4, new float[12 + wrong])),
            ("x of a stack too long", () => _stack.Run(_stackState, T, new float[stackX.Length + wrong], stackY)),
            ("y of a stack too long", () => _stack.Run(_stackState, T, stackX, new float[stackY.Length + wrong])),
            ("a length of a stack out of range", () => _stack.Run(_stackState, T, stackX, stackY, new StackOptions { Lengths = badLengths })),
            ("a stack's steps below 0", () => _stack.Run(_stackState, -1, [], [])),
            ("no such index to read", () => _stackState.CopyHiddenTo(badIndex, new float[9])),
            ("no such index to set", () => _stackState.SetCell(badIndex, new float[9])),
            ("h of a stack of a wrong length", () => _stackState.SetHidden(0, new float[_n * _stack.StateShape(0).OutputSize + wrong])),
            ("save into too little", () => _stackState.Save(new byte[_stackState.SavedSize - wrong])),
            ("restore what is damaged", () => _stackState.Restore(Damaged())),
            ("a stack that does not fit", () => _ = new RecurrentStack(_backend, [.. _stackLayers, StackLayer.Unidirectional(LayerWeights.Random(LayerShape.Elman(50, 1), 1))])),
            ("a stream of a stack that looks ahead", () => _ = new RecurrentStream(_stack, _n)),
            ("a state in use", () =>
            {
                using (state.Acquire())
                    _layer.Run(state, T, x, y);
            }),
            ("disposing a state in use", () =>
            {
                using (state.Acquire())
                    state.Dispose();
            }),
            ("a stack's state in use", () =>
            {
                using (_stackState.Acquire())
                    _stack.Run(_stackState, T, stackX, stackY);
            }),
            ("forking a state in use", () =>
            {
                using (_stackState.Acquire())
                    _stackState.Fork();
            }),
            ("a disposed layer", () => Gone().Run(state, T, x, y)),
            ("a state of a disposed layer", () => Gone().CreateState(1)),
        ];

        if (_n > 0)
            calls.Add(("far too many steps", () => _layer.Run(state, int.MaxValue, x, y)));
        if (x.Length > 0 && y.Length > 0)
            calls.Add(("output over input", () => _layer.Run(state, T, shared.AsSpan(0, x.Length), shared.AsSpan(x.Length - 1, y.Length))));

        (string name, Action call) = calls[_random.Next(calls.Count)];
        _call = name;
        List<byte[]> before = Observe();
        Exception? e = Record.Exception(call);
        Assert.True(e is ArgumentException or InvalidOperationException or NotSupportedException or ModelFormatException, $"{name}: {e?.GetType().Name ?? "taken"} {e?.Message}");
        Assert.False(string.IsNullOrWhiteSpace(e!.Message));
        Assert.Equal(before, Observe());
        Assert.All((float[][])[y, spare, shared, wide, stackY], output => Assert.All(output, v => Assert.Equal(7f, v)));
    }

    private byte[] Damaged()
    {
        byte[] saved = _stackState.Save();
        saved[_random.Next(saved.Length)] ^= (byte)_random.Next(1, 256);
        return _random.Next(4) == 0 ? saved[..^1] : saved;
    }

    private RecurrentLayer Gone()
    {
        RecurrentLayer layer = _backend.Prepare(_weights);
        layer.Dispose();
        return layer;
    }
}
