namespace FastRecurrence.Tests.Faults;

/// <content>Calls that are taken, against single steps of single rows.</content>
internal sealed partial class ApiWorld
{
    private void Take()
    {
        Taken++;
        switch (_random.Next(8))
        {
            case 0: TakeSettings(); break;
            case 1: TakeOutput(); break;
            case 2: TakeStack(); break;
            case 3: TakeSaved(); break;
            case 4: TakeMasked(); break;
            default: TakeRun(_states[_random.Next(2)]); break;
        }
    }

    private void TakeSettings()
    {
        _call = "set, read, reset";
        LayerState state = _states[_random.Next(2)];
        float[] h = Values(_n * _shape.OutputSize), c = _shape.HasCellState ? Values(_n * _shape.HiddenSize) : [];
        state.SetHidden(h);
        if (_shape.HasCellState)
            state.SetCell(c);
        (float[] hidden, float[] cell) = Held(state);
        Assert.Equal(h, hidden);
        Assert.Equal(c, cell);
        if (_random.Next(2) != 0)
            return;
        state.Reset();
        Assert.All(Held(state).H, v => Assert.Equal(0f, v));
        Assert.All(Held(state).C, v => Assert.Equal(0f, v));
    }

    /// <summary>A run in any of its ways.</summary>
    private void TakeRun(LayerState state)
    {
        int T = _random.Next(0, 7);
        var way = new Way(_random, T, _n);
        _call = $"run of {T} steps, {way}";
        float[] x = Values(T * _n * _shape.InputSize), y = Sevens(T * _n * _shape.OutputSize);
        float[] gates = _random.Next(2) == 0 ? [] : Sevens(T * _n * _shape.GateCount * _shape.HiddenSize);
        float[] cells = _shape.HasCellState && _random.Next(2) == 0 ? Sevens(T * _n * _shape.HiddenSize) : [];
        Answer right = RowByRow(state, T, x, way);
        if (way.IsPlain && cells.Length == 0)
            _layer.Run(state, T, x, y, gates);
        else
            _layer.Run(state, T, x, y, way.Options(gates, cells));
        AssertBits(right.Y, y, "h");
        (float[] h, float[] c) = Held(state);
        AssertBits(right.H, h, "last h");
        AssertBits(right.C, c, "last c");
        Assert.All(gates, v => Assert.NotEqual(7f, v));
        Assert.All(cells, v => Assert.NotEqual(7f, v));
    }

    private sealed record Answer(float[] Y, float[] H, float[] C);

    /// <summary>Every row alone, step by step, from the state as it is; the state is left as it is.</summary>
    private Answer RowByRow(LayerState state, int T, float[] x, Way way)
    {
        int I = _shape.InputSize, P = _shape.OutputSize, H = _shape.HiddenSize;
        (float[] h, float[] c) = Held(state);
        var y = new float[T * _n * P];
        using LayerState one = _layer.CreateState(1);
        for (int n = 0; n < _n; n++)
        {
            one.SetHidden(h.AsSpan(n * P, P));
            if (_shape.HasCellState)
                one.SetCell(c.AsSpan(n * H, H));
            for (int s = 0; s < way.Length(n); s++)
            {
                int row = way.Row(n, s);
                _layer.Step(one, x.AsSpan(row * I, I), y.AsSpan(row * P, P));
            }

            one.CopyHiddenTo(h.AsSpan(n * P, P));
            if (_shape.HasCellState)
                one.CopyCellTo(c.AsSpan(n * H, H));
        }

        return new Answer(y, h, c);
    }

    private void TakeMasked()
    {
        _call = "masked run";
        LayerState state = _states[0];
        int T = _random.Next(1, 6), P = _shape.OutputSize;
        bool[] mask = [.. Enumerable.Range(0, _n * T).Select(_ => _random.Next(3) != 0)];
        float[] x = Values(_n * T * _shape.InputSize), y = Sevens(_n * T * P);
        (float[] h, float[] c) = Held(state);
        MaskedSequence.Run(_layer, state, T, x, mask, y, masked: MaskedOutput.Zero);
        using LayerState again = _layer.CreateState(_n);
        again.SetHidden(h);
        if (_shape.HasCellState)
            again.SetCell(c);
        // One step at a time; a row left out gets its state back.
        for (int t = 0; t < T; t++)
        {
            (float[] before, float[] cellBefore) = Held(again);
            float[] step = new float[_n * P], input = [.. Enumerable.Range(0, _n).SelectMany(n => x.Skip((n * T + t) * _shape.InputSize).Take(_shape.InputSize))];
            _layer.Step(again, input, step);
            (float[] after, float[] cellAfter) = Held(again);
            for (int n = 0; n < _n; n++)
            {
                bool kept = mask[n * T + t];
                AssertBits(kept ? step[(n * P)..((n + 1) * P)] : new float[P], y[((n * T + t) * P)..((n * T + t + 1) * P)], "masked h");
                if (kept)
                    continue;
                Array.Copy(before, n * P, after, n * P, P);
                if (_shape.HasCellState)
                    Array.Copy(cellBefore, n * _shape.HiddenSize, cellAfter, n * _shape.HiddenSize, _shape.HiddenSize);
            }

            again.SetHidden(after);
            if (_shape.HasCellState)
                again.SetCell(cellAfter);
        }

        AssertBits(Held(again).H, Held(state).H, "last h");
    }

    private void TakeOutput()
    {
        _call = "output layer";
        int rows = _random.Next(0, 5);
        float[] h = Values(rows * _output.HiddenSize), y = Sevens(rows * _output.OutputSize), alone = new float[_output.OutputSize];
        _output.Run(h, y);
        for (int row = 0; row < rows; row++)
        {
            _output.Run(h.AsSpan(row * _output.HiddenSize, _output.HiddenSize), alone);
            AssertBits(alone, y[(row * _output.OutputSize)..((row + 1) * _output.OutputSize)], "y");
        }
    }

    /// <summary>A stack against its first half and its second, cut where the sequence may be cut, or against itself again.</summary>
    private void TakeStack()
    {
        int T = _random.Next(0, 6);
        var way = new Way(_random, T, _n);
        _call = $"stack, {T} steps, {way}";
        float[] x = Values(T * _n * _stack.InputSize), y = Sevens(T * _n * _stack.OutputSize), again = Sevens(y.Length);
        using StackState fork = _stackState.Fork();
        _stack.Run(_stackState, T, x, y, way.StackOptions());
        _stack.Run(fork, T, x, again, way.StackOptions());
        AssertBits(y, again, "y of a fork");
        Assert.Equal(_backend == Backend.Reference ? fork.Save().Length : 0, _backend == Backend.Reference ? _stackState.SavedSize : 0);
        if (_backend != Backend.Reference)
            Assert.Equal(_stackState.Save(), fork.Save());
    }

    private void TakeSaved()
    {
        _call = "save and restore";
        byte[] saved = _stackState.Save();
        float[] x = Values(2 * _n * _stack.InputSize), y = new float[2 * _n * _stack.OutputSize];
        _stack.Run(_stackState, 2, x, y);
        _stackState.Restore(saved);
        Assert.Equal(saved, _stackState.Save());
    }
}
