namespace FastRecurrence.Tests.Faults;

/// <content>Two threads at once: whatever the order, each call is right or refused, and a state is what the calls that were taken leave.</content>
internal sealed partial class ApiWorld
{
    private void Race()
    {
        Races++;
        switch (_random.Next(6))
        {
            case 0: RaceOnOneState(); break;
            case 1: RaceOfTwoStates(disposesTeam: true); break;
            case 2: RaceWithDispose("state"); break;
            case 3: RaceWithDispose("layer"); break;
            case 4: RaceWithStackDispose(); break;
            default: RaceOfTwoStates(disposesTeam: false); break;
        }
    }

    private sealed record Half(float[] Y, Exception? Refusal);

    private static Half Try(Action<float[]> call, int outputs)
    {
        float[] y = Sevens(outputs);
        Exception? e = Record.Exception(() => call(y));
        if (e is not null)
        {
            Assert.True(e is InvalidOperationException, $"{e.GetType().Name}: {e.Message}"); // ObjectDisposedException is one
            Assert.All(y, v => Assert.Equal(7f, v));
        }

        return new Half(y, e);
    }

    private static (A First, B Second) Both<A, B>(Func<A> first, Func<B> second)
    {
        using var start = new Barrier(2);
        B other = default!;
        Exception? failure = null;
        var thread = new Thread(() =>
        {
            start.SignalAndWait();
            failure = Record.Exception(() => { other = second(); });
        });
        thread.Start();
        start.SignalAndWait();
        A mine = first();
        thread.Join();
        Assert.True(failure is null, failure?.ToString());
        return (mine, other);
    }

    /// <summary>The same run twice: the outputs of as many runs in turn as were taken.</summary>
    private void RaceOnOneState()
    {
        int T = _random.Next(1, 30), outputs = T * _n * _shape.OutputSize;
        _call = $"two runs of {T} steps on one state";
        LayerState state = _states[0];
        float[] x = Values(T * _n * _shape.InputSize);
        using LayerState again = Copy(state);
        (Half a, Half b) = Both(() => Try(y => _layer.Run(state, T, x, y), outputs), () => Try(y => _layer.Run(state, T, x, y), outputs));
        Half[] taken = [.. ((Half[])[a, b]).Where(h => h.Refusal is null)];
        Assert.NotEmpty(taken);
        float[][] right = [.. taken.Select(_ =>
        {
            var y = new float[outputs];
            _layer.Run(again, T, x, y);
            return y;
        })];
        // Runs that converge are close to each other: the nearer one came first.
        if (taken.Length == 2 && Distance(right[0], taken[1].Y) < Distance(right[0], taken[0].Y))
            Array.Reverse(taken);
        for (int i = 0; i < taken.Length; i++)
            AssertBits(right[i], taken[i].Y, $"run {i}");
        AssertBits(Held(again).H, Held(state).H, "last h");
        AssertBits(Held(again).C, Held(state).C, "last c");
    }

    private static double Distance(float[] a, float[] b) => a.Zip(b, (x, y) => x.Equals(y) ? 0 : Math.Abs((double)x - y)).Sum();

    private void RaceOfTwoStates(bool disposesTeam)
    {
        int T = _random.Next(1, 30), outputs = T * _n * _shape.OutputSize;
        _call = $"two states, {T} steps{(disposesTeam ? ", the team disposed" : "")}";
        float[] x = Values(T * _n * _shape.InputSize);
        using LayerState a = Copy(_states[0]), b = Copy(_states[1]);
        float[] rightA = new float[outputs], rightB = new float[outputs];
        _layer.Run(a, T, x, rightA);
        _layer.Run(b, T, x, rightB);
        (Half first, Half second) = Both(
            () => Try(y => _layer.Run(_states[0], T, x, y), outputs),
            () =>
            {
                if (disposesTeam)
                    _team?.Dispose();
                return Try(y => _layer.Run(_states[1], T, x, y), outputs);
            });
        Assert.Null(first.Refusal ?? second.Refusal);
        AssertBits(rightA, first.Y, "h of the first");
        AssertBits(rightB, second.Y, "h of the second");
    }

    private void RaceWithDispose(string what)
    {
        int T = _random.Next(1, 30), outputs = T * _n * _shape.OutputSize, spins = _random.Next(500);
        _call = $"run of {T} steps against the dispose of its {what}";
        LayerState state = _states[0];
        float[] x = Values(T * _n * _shape.InputSize), right = new float[outputs];
        float[] before = Held(state).H;
        using LayerState again = Copy(state);
        _layer.Run(again, T, x, right);
        (Half run, Exception? refusal) = Both(() => Try(y => _layer.Run(state, T, x, y), outputs), () =>
        {
            Thread.SpinWait(spins);
            return Record.Exception(what == "state" ? state.Dispose : _layer.Dispose);
        });
        Assert.True(refusal is null or InvalidOperationException, refusal?.ToString());
        if (run.Refusal is null)
            AssertBits(right, run.Y, "h");
        else
            Assert.IsType<ObjectDisposedException>(run.Refusal);
        if (what == "layer")
            AssertBits(run.Refusal is null ? Held(again).H : before, Held(state).H, "last h");
        foreach (LayerState old in _states)
            old.Dispose();
        _layer.Dispose();
        MakeLayer();
    }

    private void RaceWithStackDispose()
    {
        int T = _random.Next(1, 12), outputs = T * _n * _stack.OutputSize, spins = _random.Next(500);
        _call = $"stack of {T} steps against its dispose";
        float[] x = Values(T * _n * _stack.InputSize), right = new float[outputs];
        byte[] before = _stackState.Save();
        using StackState again = _stackState.Fork();
        _stack.Run(again, T, x, right);
        (Half run, _) = Both(() => Try(y => _stack.Run(_stackState, T, x, y), outputs), () =>
        {
            Thread.SpinWait(spins);
            _stack.Dispose();
            return 0;
        });
        if (run.Refusal is null)
            AssertBits(right, run.Y, "y");
        if (_backend != Backend.Reference || run.Refusal is not null)
            Assert.Equal(run.Refusal is null ? again.Save() : before, _stackState.Save());
        _stackState.Dispose();
        MakeStack();
    }

    /// <summary>A state of the same layer and team that holds the same; to the float on the reference.</summary>
    private LayerState Copy(LayerState state)
    {
        LayerState copy = _layer.CreateState(_n, _team);
        (float[] h, float[] c) = Held(state);
        copy.SetHidden(h);
        if (_shape.HasCellState)
            copy.SetCell(c);
        return copy;
    }
}
